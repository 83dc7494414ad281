"""The density model as a code: any cell and group, exact electrons, the same bits from the file of latents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symfft import Density, check_symmetry
from symfft.resampling import change_cell
from symfft_models.datasets.paw import load_paw
from symfft_models.evaluation.metrics import density_metrics
from symfft_models.predict import DensityPredictor
from symfft_models.reconstruct.charge import UnsupportedDensityError
from symfft_models.reconstruct.conditional import (
    LatentFileError,
    NotLearnedError,
    decode_file,
    reconstruct_conditional,
)
from symfft_models.reconstruct.run import save_arrays
from symfft_models.scattering.weights_file import save_model


@pytest.fixture(scope="module")
def predictor():
    return DensityPredictor.load_shipped()


@pytest.fixture(scope="module")
def nitride():
    return load_paw().find("rock-salt-CrN").density((24, 24, 24))


@pytest.fixture(scope="module")
def coded(predictor, nitride):
    return reconstruct_conditional(predictor, nitride, floats=64)


def test_figures_are_those_of_the_file(coded, nitride):
    expected = density_metrics(nitride.values.ravel(), coded.density.values.ravel(), np.ones(nitride.values.size))
    assert coded.figures["file"] == expected
    assert coded.figures["file"]["nmae"] < 0.1 < 0.5 < coded.figures["predicted"]["nmae"]
    assert abs(coded.figures["file"]["electron_error"]) < 1e-12
    assert coded.arrays["latent"].dtype == np.float32
    assert len(coded.arrays["latent"]) == coded.facts["floats"] == 64


def test_more_floats_are_nearer(predictor, nitride, coded):
    few, many = (reconstruct_conditional(predictor, nitride, floats=n).figures["file"] for n in (16, 128))
    assert few["nmae"] > coded.figures["file"]["nmae"] > many["nmae"]


@pytest.mark.parametrize("prototype", ["wurtzite", "spinel", "zincblende", "hcp"])
def test_other_groups(predictor, prototype):
    entry = next(e for e in load_paw().select(split="train") if e.prototype == prototype)
    density = entry.density()
    result = reconstruct_conditional(predictor, density)
    assert result.facts["space_group"] == entry.space_group
    assert result.figures["file"]["nmae"] < 0.5
    assert check_symmetry(result.density.values, density.space_group()).is_symmetric(1e-9)


@pytest.mark.parametrize(
    ("cell", "shape"),
    [
        (np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2, (18, 18, 18)),
        (np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 1]]), (32, 32, 24)),
    ],
)
def test_other_cells_and_origins(predictor, nitride, cell, shape):
    """A primitive cell, and a supercell that has lost the threefold axes."""
    origin = np.array([0.125, 0.375, 0.25])
    values = change_cell(nitride.values, nitride.lattice, cell, origin, shape)
    steps = np.array([(0, 0, 0), (0, 1, 0)])
    positions = (nitride.positions[:, None] + steps).reshape(-1, 3) @ np.linalg.inv(cell) + origin
    numbers = np.repeat(nitride.numbers, 2)
    _, first = np.unique(np.round(positions % 1, 6) % 1, axis=0, return_index=True)
    moved = Density(values, cell @ nitride.lattice, positions[first] % 1, numbers[first])
    result = reconstruct_conditional(predictor, moved, floats=64)
    assert result.density.shape == shape
    assert result.facts["electrons"] == pytest.approx(44 * np.linalg.det(cell), rel=1e-6)
    assert result.figures["file"]["nmae"] < 0.4 * result.figures["predicted"]["nmae"]


def test_the_file_of_latents_gives_the_density_to_the_last_bit(coded, predictor, tmp_path):
    save_arrays(tmp_path / "x.latent.npz", coded.arrays)
    density = decode_file(predictor, tmp_path / "x.latent.npz")
    assert np.array_equal(density.values, coded.density.values)
    assert np.array_equal(density.lattice, coded.density.lattice)
    assert np.array_equal(density.positions, coded.density.positions)
    assert np.array_equal(density.numbers, coded.density.numbers)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("format", np.array("other"), "not latents of the density model"),
        ("model", np.array("0" * 64), "name the model that it was encoded with"),
        ("latent", np.full(64, np.nan, dtype=np.float32), "not finite"),
        ("latent", np.zeros(64, dtype=np.float32), "structure factors that it was written with"),
        ("orbit_positions", np.zeros((1, 3)), "do not fit together"),
        ("rotations", np.zeros((192, 3, 3), dtype=np.int8), "do not fit together"),
        ("numbers", np.array([[{}]], dtype=object), "damaged"),
        ("probe", None, "do not fit together"),
        ("shape", np.array([24, 24]), "do not fit together"),
        ("shape", np.array([10**6, 10**6, 10**6]), "do not fit together"),
        ("orbit_numbers", np.array([8, 400]), "do not fit together"),
    ],
)
def test_damaged_files_of_latents(coded, predictor, tmp_path, name, value, said):
    arrays = {key: array for key, array in coded.arrays.items() if key != name}
    np.savez(tmp_path / "x.latent.npz", **arrays, **({} if value is None else {name: value}))
    with pytest.raises(LatentFileError, match=said):
        decode_file(predictor, tmp_path / "x.latent.npz")


def test_half_a_file_and_none(coded, predictor, tmp_path):
    save_arrays(tmp_path / "x.latent.npz", coded.arrays)
    (tmp_path / "half").write_bytes((tmp_path / "x.latent.npz").read_bytes()[:900])
    with pytest.raises(LatentFileError, match="damaged"):
        decode_file(predictor, tmp_path / "half")
    with pytest.raises(LatentFileError, match="no such file"):
        decode_file(predictor, tmp_path / "none")


def test_another_model_is_named(coded, predictor, tmp_path):
    save_model(tmp_path / "m.safetensors", replace(predictor.model, bar=1.5))
    save_arrays(tmp_path / "x.latent.npz", coded.arrays)
    with pytest.raises(LatentFileError, match="SHA-256"):
        decode_file(DensityPredictor.load(tmp_path / "m.safetensors"), tmp_path / "x.latent.npz")


def test_what_is_not_learned_is_said(predictor, nitride):
    unknown = replace(nitride, numbers=np.where(nitride.numbers == 24, 63, 7))
    with pytest.raises(NotLearnedError, match="element Eu"):
        reconstruct_conditional(predictor, unknown)
    with pytest.raises(NotLearnedError, match="another kind of pseudopotential"):
        reconstruct_conditional(predictor, nitride.with_values(2 * nitride.values))
    with pytest.raises(UnsupportedDensityError, match="'potential'"):
        reconstruct_conditional(predictor, replace(nitride, kind="potential"))
