"""The page about predictions: tables as `compare` has them, worst cases, draws with verdicts; one file, no network."""

from __future__ import annotations

import json

import numpy as np
import pytest

from symfft import SymfftError, write_chgcar
from symfft_models.cli import main
from symfft_models.datasets.paw import load_paw
from symfft_models.evaluation.prediction_page import Judged, draw_parts, write_prediction_page
from symfft_models.evaluation.predictions import judge_prediction, summary, table
from symfft_models.predict import DensityPredictor
from symfft_models.scattering.observation import observe


def samples_in(folder):
    """An index as `symfft-vae sample` writes it, one draw of it good."""
    folder.mkdir()
    density = load_paw().find("rock-salt-MgO").density((12, 12, 12))
    write_chgcar(folder / "a.CHGCAR", density)
    verdict = {
        "electrons": density.electrons,
        "atoms": {"found": "MgO"},
        "novelty": {"new": False, "in_set": "rock-salt-MgO"},
        "reasons": [],
        "not_possible": {"dft": "no <engine>"},
    }
    good = {"file": "a.CHGCAR", "crystal": "MgO", "space_group": 225, "ok": True, "verdict": verdict}
    good["prediction"] = {"error_bar": 1.25, "outside": []}
    bad = {"file": "none.CHGCAR", "crystal": "x", "space_group": 221, "ok": False}
    bad["verdict"] = {"reasons": ["no <atoms> found"], "not_possible": {}}
    (folder / "samples.json").write_text(json.dumps({"samples": [good, bad]}))
    return folder


def test_page_has_every_part(tmp_path):
    model = DensityPredictor.load_shipped().model
    names = ("rock-salt-MgO", "diamond-Si", "wurtzite-ZnS", "CsCl-ScRh")
    found = [observe(e) for e in load_paw() if e.id in names]
    assert len(found) >= 3
    rows = [judge_prediction(model, o) for o in found]
    page = tmp_path / "page.html"
    write_prediction_page(page, Judged(model, {"hard": found}, {"hard": rows}), samples_in(tmp_path / "samples"))
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 4
    assert "://" not in text.replace("http://www.w3.org", "")
    for row in rows:
        assert row["id"] in text
        assert f"{row['bar']:.2f}" in text
    figures = summary(rows)[0]
    assert f"{figures['median']:.2f}" in text
    assert f"{figures['latents_64']:.3f} ({figures['stars_64']:.2f})" in text
    for said in ("1 of 2 are ok", "in the set as rock-salt-MgO", "no &lt;atoms&gt; found", "no &lt;engine&gt;"):
        assert said in text


def test_without_reconstructions_the_rest_is_the_same(tmp_path):
    model = DensityPredictor.load_shipped().model
    found = [observe(entry) for entry in load_paw().select(space_group=225, split="hard")[:4]]
    rows, whole = ([judge_prediction(model, o, floats) for o in found] for floats in ((), (64,)))
    for row, more in zip(rows, whole, strict=True):
        assert row == pytest.approx({name: more[name] for name in more if name not in ("latents_64", "stars_64")})
    write_prediction_page(tmp_path / "page.html", Judged(model, {"hard": found}, {"hard": rows}))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"{summary(rows)[0]['median']:.2f}" in text
    assert "latents" not in text.lower()
    assert "floats" not in table("hard", summary(rows), 0)


@pytest.mark.parametrize("content", ["", "[]", '{"samples": [{}]}', '{"samples": 3}', "\x00"])
def test_other_indices_are_refused(tmp_path, content):
    (tmp_path / "samples.json").write_text(content)
    with pytest.raises(SymfftError, match="not an index of symfft-vae sample"):
        draw_parts(tmp_path, lambda *_: "")


def test_no_draws_and_no_page_are_errors(tmp_path, capsys):
    with pytest.raises(SymfftError, match="make some with symfft-vae sample"):
        draw_parts(tmp_path / "none", lambda *_: "")
    assert main(["compare", "--samples", str(tmp_path)]) == 2
    assert main(["evaluate", "--samples", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("name it with -o") == 2


def test_a_slice_goes_through_every_point_of_a_long_axis():
    from symfft_models.evaluation.prediction_page import _diagonal

    values = np.arange(4 * 2 * 3).reshape(4, 2, 3)
    assert _diagonal(values)[:, 0].tolist() == [values[0, 0, 0], values[1, 0, 0], values[2, 1, 0], values[3, 1, 0]]
