"""From a stored set to generated files: evaluation, sampling, pictures and the commands."""

from __future__ import annotations

import json

from symfft_models.cli import main
from symfft_models.evaluation import report as report_page
from symfft_models.evaluation.held_out import training_line


def test_demo_leaves_everything(demo):
    for name in ("weights.safetensors", "metrics.json", "table.txt", "config.json", "report.html"):
        assert (demo / name).stat().st_size > 0, name
    for name in ("curves", "rates", "samples", "generation", "worst", "slices-221", "slices-225", "slices-227"):
        assert (demo / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for number in (221, 225, 227):
        assert len(list((demo / "samples").glob(f"{number}-*.CHGCAR"))) == 3
    metrics = json.loads((demo / "metrics.json").read_text())
    assert len(metrics["structures"]) == 12
    assert set(metrics["rate_distortion"]) == set(metrics["generation"]) == {"221", "225", "227"}
    assert set(metrics["active_units"]) == {"221", "225", "227"}
    training = json.loads((demo / "training.json").read_text())
    assert metrics["training"] == training
    assert training_line(training) in (demo / "table.txt").read_text()
    page = (demo / "report.html").read_text()
    assert training_line(training) in page


def test_the_demo_s_page_shows_predictions_and_drawn_crystals_with_verdicts(demo):
    page = (demo / "report.html").read_text()
    for name in ("predictions", "even-predictions", "worst-predictions", "draws"):
        assert (demo / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "Predictions: hard" in page
    draws = json.loads((demo / "crystals" / "samples.json").read_text())["samples"]
    assert [draw["space_group"] for draw in draws] == [221, 225, 227]
    for draw in draws:
        assert draw["file"] in page
        assert "verdict" in draw


def test_commands_print_json_alone_on_stdout(demo, capsys):
    assert main(["evaluate", str(demo), "--json", "--no-html", "--draws", "3"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["groups"]["225"]["n"] == 4
    assert report["generation"]["225"]["draws"] == 3
    assert "html" not in report
    assert main(["evaluate", str(demo), "--no-html", "--draws", "0"]) == 0
    assert "F m -3 m" in capsys.readouterr().out


def test_two_models_are_compared_on_one_page(demo, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(report_page, "reconstruction_pictures", lambda *_: [])  # drawn once already, by the demo
    monkeypatch.setattr(report_page, "worst_cases", lambda *_: [])
    weights = demo / "weights.safetensors"
    page = tmp_path / "page.html"
    assert main(["evaluate", str(demo), str(weights), "--json", "--draws", "0", "-o", str(page)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["models"]) == {demo.name, weights.name}
    text = page.read_text(encoding="utf-8")
    assert f"{demo.name}: 10 floats" in text
    assert f"{weights.name}: 10 floats" in text


def test_demo_goes_on_from_a_finished_training(demo, capsys, monkeypatch):
    pages = []
    monkeypatch.setattr(report_page, "write_report", lambda path, *_, **__: pages.append(path))
    before = (demo / "weights.safetensors").stat().st_mtime_ns
    assert main(["demo", "--out", str(demo), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["failures"] == 0
    assert "finished training" in captured.err
    assert "paper" in captured.err
    assert (demo / "weights.safetensors").stat().st_mtime_ns == before
    assert pages == [demo / "report.html"]
