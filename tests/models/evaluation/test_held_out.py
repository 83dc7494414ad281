"""Figures on held-out densities against those of each structure alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from symfft import asymmetric_unit
from symfft_models.datasets.crystals import crystal_name
from symfft_models.datasets.paw import load_paw
from symfft_models.evaluation.held_out import (
    PAPER_PSNR,
    evaluate,
    format_table,
    hard_list,
    in_better_origin,
    reconstruct,
)
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


def test_table_has_a_line_for_each_group_and_list(fitted):
    model, train, test = fitted
    report = evaluate(model, test, train)
    report["hard"] = evaluate(model, test.rows(range(0, len(test), 3)), train)
    lines = format_table(report).splitlines()
    assert lines[0].split()[:5] == ["group", "n", "NMAE", "p95", "PSNR"]
    assert [line.split()[0] for line in lines[2:8]] == 3 * ["test"] + 3 * ["hard"]
    groups = [*report["groups"].values(), *report["hard"]["groups"].values()]
    for line, group in zip(lines[2:8], groups, strict=True):
        for name in ("model", "pca", "stars", "codec"):
            for figure in ("nmae", "psnr"):
                assert f"{group[name][figure]['mean']:.2f}" in line
        assert f"{group['model']['nmae']['p95']:.2f}" in line
    assert [line.split()[-1] for line in lines[2:8]] == ["44.31", "45.01", "41.83", "-", "-", "-"]


@pytest.fixture(scope="module")
def hard(fitted):
    model, train, _ = fitted
    return hard_list(model, train)


def test_hard_list_holds_the_listed_compounds_of_the_models_groups(fitted, hard):
    model, _, _ = fitted
    listed = load_paw().select(split="hard").distinct()
    names = [e.id for number in model.representation.groups for e in listed.select(space_group=number)]
    assert [entry.id for entry in hard.entries] == names
    assert len(names) > 50
    assert len({crystal_name(name) for name in names}) == len(names)
    means = model.representation.mean(hard.values_mn, hard.group_m)
    torch.testing.assert_close(means, torch.ones(len(hard)), rtol=1e-5, atol=1e-5)


def test_hard_list_leaves_out_what_was_learned(fitted, hard):
    model, train, _ = fitted
    chosen = hard.entries[3]
    known = replace(train, entries=(replace(train.entries[0], composition=chosen.composition), *train.entries[1:]))
    left = hard_list(model, known)
    expected = [entry.id for entry in hard.entries if entry.composition != chosen.composition]
    assert [entry.id for entry in left.entries] == expected != [entry.id for entry in hard.entries]


def test_each_is_in_the_origin_that_is_coded_better(fitted):
    """Whichever of both origins it came in: the same figures, and none worse than as it came."""
    model, train, test = fitted
    shift_mn = model.representation.shift_gn[test.group_m]
    inside_mn = model.representation.weight_gn[test.group_m] > 0
    moved = replace(test, values_mn=torch.where(inside_mn, test.values_mn.gather(1, shift_mn), 0.0))
    as_they_came = [in_better_origin(model, table).values_mn for table in (test, moved)]
    torch.testing.assert_close(as_they_came[0], as_they_came[1])

    def figures(table):
        return [row["rmse"] for row in evaluate(model, table, train)["structures"]]

    best = np.array(figures(in_better_origin(model, test)))
    both = np.minimum(figures(test), figures(moved))
    np.testing.assert_allclose(best, both, rtol=1e-3)
