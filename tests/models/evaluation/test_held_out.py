"""Figures on held-out densities against those of each structure alone."""

from __future__ import annotations

import numpy as np
import pytest

from symfft import asymmetric_unit
from symfft_models.evaluation.held_out import PAPER_PSNR, evaluate, format_table, reconstruct
from symfft_models.evaluation.metrics import density_metrics


def test_evaluation_is_the_metrics_of_each_structure(fitted):
    model, train, test = fitted
    report = evaluate(model, test, train)
    estimates = reconstruct(model, test)
    by_id = {row["id"]: row for row in report["structures"]}
    assert len(by_id) == len(test)
    for entry, estimate in zip(test.entries, estimates, strict=True):
        unit = asymmetric_unit(entry.space_group, entry.shape)
        density = entry.electrons / entry.lattice[0, 0] ** 3
        truth = entry.values.astype(float) * density / (entry.values @ unit.multiplicity / 16**3)
        expected = density_metrics(truth, estimate * density, unit.multiplicity)
        assert by_id[entry.id]["psnr"] == pytest.approx(expected["psnr"], abs=0.05)
        assert by_id[entry.id]["nmae"] == pytest.approx(expected["nmae"], rel=0.02)
        assert abs(by_id[entry.id]["electron_error"]) < 1e-12
    for number, group in report["groups"].items():
        rows = [row["psnr"] for row in report["structures"] if str(row["space_group"]) == number]
        assert group["n"] == len(rows) == 4
        assert group["model"]["psnr"]["mean"] == pytest.approx(np.mean(rows))
        assert group["model"]["psnr"]["p5"] == pytest.approx(np.percentile(rows, 5))
        assert group["paper_psnr"] == PAPER_PSNR[int(number)]
        assert group["pca"]["floats"] <= 10
        assert group["stars"]["floats"] == 10


def test_untrained_model_measures_as_its_codec(fitted):
    model, train, test = fitted
    for group in evaluate(model, test, train)["groups"].values():
        assert group["model"]["psnr"]["mean"] == pytest.approx(group["codec"]["psnr"]["mean"], abs=0.1)


def test_table_has_a_line_for_each_group(fitted):
    model, train, test = fitted
    report = evaluate(model, test, train)
    lines = format_table(report).splitlines()
    assert "paper" in lines[0]
    assert [line.split()[0] for line in lines[2:5]] == ["221", "225", "227"]
    for line, group in zip(lines[2:5], report["groups"].values(), strict=True):
        assert f"{group['model']['psnr']['mean']:.2f}" in line
        assert f"{group['pca']['psnr']['mean']:.2f}" in line
        assert line.rstrip().endswith(f"{group['paper_psnr']:.2f}")
