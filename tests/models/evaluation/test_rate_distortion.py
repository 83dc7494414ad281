"""Curves of the rivals against the same codes cut off one by one, and against the compressors' own promises."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import synthetic_entries
from train_job import TINY

from symfft import asymmetric_unit, expand_from_au
from symfft_models.evaluation.baselines import lowest_stars, principal_components
from symfft_models.evaluation.compressors import (
    BOUNDS,
    COMPRESSORS,
    bytes_for,
    compression_curve,
    installed_compressors,
    psnr_within,
)
from symfft_models.evaluation.metrics import density_metrics
from symfft_models.evaluation.rate_distortion import rate_distortion, truncated_psnr
from symfft_models.model.config import load_config
from symfft_models.model.density_table import grids_of, tabulate
from symfft_models.model.stars import cell_weights
from symfft_models.model.vae import DensityVAE


def densities(split="train", each=8, start=0):
    entries = [e for e in synthetic_entries(split, each, start) if e.space_group == 221]
    unit = asymmetric_unit(221, entries[0].shape)
    values = np.stack([e.values for e in entries]).astype(np.float64)
    return unit, values / (values @ cell_weights(unit))[:, None]


@pytest.mark.parametrize("kind", ["stars", "pca"])
def test_a_curve_is_that_of_codes_cut_off_one_by_one(kind):
    unit, train = densities()
    _, test = densities("test", 2, 70)

    def code(count):
        return lowest_stars(unit, count) if kind == "stars" else principal_components(train, cell_weights(unit), count)

    floats = [0, 1, 5, 12, 100]
    got = truncated_psnr(code(100), test, floats)
    for column, count in enumerate(floats):
        back = code(count).reconstruct(test)
        expected = [density_metrics(t, b, unit.multiplicity)["psnr"] for t, b in zip(test, back, strict=True)]
        np.testing.assert_allclose(got[:, column], np.minimum(expected, 150.0), atol=1e-6)
    assert (np.diff(got, axis=1) >= 0).all()


def test_curves_of_all_groups():
    test = synthetic_entries("test", 2, 70)
    model = DensityVAE(load_config("demo", TINY), grids_of(test)).eval()
    tables = [tabulate(entries, model.representation) for entries in (test, synthetic_entries("train", 5))]
    curves = rate_distortion(model, *tables, floats=(4, 8, 16), compressed=2)
    assert set(curves) == {"221", "225", "227"}
    for index, group in enumerate(curves.values()):
        unit = model.representation.units[index]
        truth = tables[0].of_group(index, unit.size)
        back = lowest_stars(unit, 8).reconstruct(truth)
        expected = [density_metrics(t, b, unit.multiplicity)["psnr"] for t, b in zip(truth, back, strict=True)]
        assert group["stars"][1] == pytest.approx(np.mean(expected), abs=1e-3)
        assert group["pca"] == sorted(group["pca"])
        for name in installed_compressors():
            figures = group[name]
            assert len(figures["psnr"]) == len(group["bytes"])
            reached = [psnr for psnr in figures["psnr"] if psnr is not None]
            assert reached == sorted(reached)
            assert figures["n"] == 2
            assert figures["smallest"] < figures["bytes_at_44_db"] < 4 * 16**3


@pytest.mark.parametrize("name", list(COMPRESSORS))
def test_compressors_keep_their_bound_and_curves_rise(name):
    pytest.importorskip({"zfp": "zfpy", "sz3": "pysz"}[name])
    unit, values = densities()
    rho = expand_from_au(values[0], unit)
    peak = float(rho.max())
    for bound in (0.1, 1e-3):
        size, back = COMPRESSORS[name](rho.astype(np.float32), bound * peak)
        assert np.abs(back - rho).max() <= 1.001 * bound * peak
        assert size < rho.size * 4
    sizes, psnr = compression_curve(rho, COMPRESSORS[name])
    assert (np.diff(sizes) > 0).all()
    assert (np.diff(psnr) > 0).all()
    assert psnr[-1] >= -20 * np.log10(BOUNDS[-1])
    budget = int(sizes[3])
    assert psnr_within(budget, sizes, psnr) == psnr[3]
    assert psnr_within(budget - 1, sizes, psnr) == psnr[2]
    assert psnr_within(1, sizes, psnr) is None
    assert bytes_for(psnr[3], sizes, psnr) == budget
    assert bytes_for(1000, sizes, psnr) is None


def test_without_compressors_their_columns_are_left_out(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "zfpy", None)
    monkeypatch.setitem(sys.modules, "pysz", None)
    assert installed_compressors() == {}
