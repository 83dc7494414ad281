"""The page about models: whole, without network; sortable tables, one colour per model, the command that made it."""

from __future__ import annotations

import base64
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from symfft_models.evaluation import report as report_page
from symfft_models.evaluation.page import SORT, command_line, table
from symfft_models.evaluation.pictures import METHODS, model_colours, rates_figure


def test_every_model_has_one_colour_in_all_panels():
    psnr = {"mean": 50.0, "p5": 40.0, "p95": 60.0}
    curves = {g: {"floats": [8, 16], "stars": [20.0, 30.0], "pca": [25.0, 35.0]} for g in ("221", "225")}
    curves["225"] |= {"bytes": [32, 64], "sz3": {"psnr": [None, 20.0]}}
    reports = {
        "first": {"latent": 16, "groups": {"221": {"model": {"psnr": psnr}}}},
        "second": {"latent": 8, "groups": {g: {"model": {"psnr": psnr}} for g in ("221", "225")}},
    }
    colours = {}
    for ax in rates_figure(curves, reports).axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            line = handle[0] if isinstance(handle, tuple) else handle
            colours.setdefault(label, set()).add(line.get_color())
    assert {"first", "second"} <= set(colours)
    assert all(len(one) == 1 for one in colours.values())
    assert len(set.union(*colours.values())) == len(colours)


def test_models_do_not_look_like_what_they_are_compared_with():
    names = [f"model {i}" for i in range(8)]
    assert len(set(model_colours(names).values()) | set(METHODS.values())) == len(names) + len(METHODS)


@pytest.mark.parametrize("program", ["/bin/symfft-vae", "/x/symfft_models/cli/__main__.py"])
def test_the_command_can_be_typed_again(monkeypatch, program):
    monkeypatch.setattr(sys, "argv", [program, "evaluate", "my run"])

    assert command_line() == "symfft-vae evaluate 'my run'"


def test_a_click_sorts_a_table_by_value(browser, tmp_path):
    numbers = [3.5, -20.0, 100.0, 9e-16]
    rows = [
        [name, f"{value:g}", "–" if i == 2 else i] for i, (name, value) in enumerate(zip("dbca", numbers, strict=True))
    ]
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{table(['name', 'value', 'n'], rows)}<script>{SORT}</script>")
    browser.get(page.as_uri())

    def click(column):
        browser.execute_script(f"document.querySelectorAll('th')[{column}].click()")
        script = "return [...document.querySelectorAll('tr')].slice(1).map((row) => row.cells[0].textContent).join('')"
        return browser.execute_script(script)

    by_value = "".join(np.array(list("dbca"))[np.argsort(numbers)])
    assert click(1) == by_value
    assert click(1) == by_value[::-1]
    assert click(0) == "abcd"
    assert click(2) == "cdba"  # a dash is less than any number


def test_names_that_begin_with_a_number_are_text():
    page = table(["a", "b", "c", "d", "e"], [["221-CsCl.CHGCAR", "−1.5", "95 %", "0.11 (2.4)", "–"]])
    assert [cell.endswith("text") for cell in re.findall("<td( class=text)?>", page)] == [True, *4 * [False]]
    assert "class=text>221-CsCl" in page


class Page(HTMLParser):
    """What a page shows and what it would fetch."""

    def __init__(self):
        super().__init__()
        self.pictures, self.fetched, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if tag == "img" and name == "src" and value.startswith("data:image/png;base64,"):
                self.pictures.append(base64.b64decode(value.partition(",")[2]))
            elif name == "srcdoc":  # a page within the page
                inner = Page()
                inner.feed(value)
                self.fetched += inner.fetched
            elif name in ("src", "href", "srcset", "action") or tag == "link":
                self.fetched.append((tag, name, value))

    def handle_data(self, data):
        self.text.append(data)


def test_report_is_one_page_with_every_part_and_no_network(demo):
    page = Page()
    page.feed((demo / "report.html").read_text(encoding="utf-8"))
    assert page.fetched == []
    assert len(page.pictures) == 12
    assert all(picture.startswith(b"\x89PNG") for picture in page.pictures)
    text = " ".join(page.text)
    assert "://" not in text
    metrics = json.loads((demo / "metrics.json").read_text())
    for group in metrics["groups"].values():
        assert f"{group['model']['psnr']['mean']:.2f}" in text
        assert f"{group['model']['nmae']['mean']:.2f}" in text
    for group in metrics["hard"]["groups"].values():
        assert f"{group['model']['nmae']['p95']:.2f}" in text
    worst = max(metrics["structures"], key=lambda row: row["nmae"])
    assert worst["id"] in text
    for part in (
        "Rate and distortion",
        "worst cases",
        "Generated densities",
        "written and read back",
        "Training",
        "Predictions: hard",
        "The worst predictions",
        "Draws and their verdicts",
    ):
        assert part in text


def test_names_in_a_report_are_text_not_markup():
    page = Page()
    page.feed(report_page.table(["<b>"], [["<script>alert(1)</script>", "a&b"]]))
    assert page.fetched == []
    assert "<script>alert(1)</script>" in page.text
