"""Anybody's files through a model: own cell and grid there and back, figures recomputed, bad files reported."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic import synthetic_entries, synthetic_entry
from train_job import TINY

from symfft import Density, SpaceGroup, check_symmetry, read_chgcar, standardize, write_chgcar, write_density
from symfft.resampling import change_cell
from symfft_models.cli import main
from symfft_models.datasets.paw import load_paw
from symfft_models.datasets.paw.common_grid import on_common_grid
from symfft_models.evaluation.metrics import density_metrics
from symfft_models.model.checkpoint import load_model, save_weights
from symfft_models.model.config import load_config
from symfft_models.model.density_table import grids_of, tabulate
from symfft_models.model.representation import half_shift
from symfft_models.model.vae import DensityVAE, fit_statistics
from symfft_models.reconstruct.charge import UnsupportedDensityError
from symfft_models.reconstruct.codec import reconstruct_density
from symfft_models.reconstruct.names import names_of

PRIMITIVE = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
CUBIC_OF_PRIMITIVE = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]


def model_of(entries, *overrides):
    torch.manual_seed(0)
    model = DensityVAE(load_config("demo", [*TINY, "model.codec=true", *overrides]), grids_of(entries)).eval()
    fit_statistics(model, tabulate(entries, model.representation))
    return model


@pytest.fixture(scope="module")
def model():
    return model_of(synthetic_entries("train", 6))


@pytest.fixture(scope="module")
def run(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    save_weights(folder / "weights.safetensors", model, {"step": 0})
    return folder


def supercell_off_origin(density):
    """The same crystal in a cell of twice the volume, turned axes, shifted origin and a grid of its own."""
    cell, origin = np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 1]]), np.array([0.125, 0.375, 0.25])
    values = change_cell(density.values, density.lattice, cell, origin, (24, 24, 20))
    steps = np.array([(0, 0, 0), (0, 1, 0)])
    positions = (density.positions[:, None] + steps).reshape(-1, 3) @ np.linalg.inv(cell) + origin
    return Density(values, cell @ density.lattice, positions % 1, np.repeat(density.numbers, 2))


@pytest.mark.parametrize("prototype", ["CsCl", "fluorite", "zintl"])
def test_cell_and_grid_of_the_file_come_back(model, prototype):
    """A density that the model holds exactly returns to a turned, shifted supercell as it was."""
    standard = synthetic_entry(prototype, 0).density()
    density = supercell_off_origin(standard)
    result = reconstruct_density(model, density)
    assert result.space_group == SpaceGroup.from_structure(density.lattice, density.positions, density.numbers).number
    assert result.lattice_constant == pytest.approx(standard.lattice[0, 0])
    assert result.electrons == pytest.approx(standard.electrons)
    assert result.density.shape == (24, 24, 20)
    assert result.density.electrons == pytest.approx(density.electrons, rel=1e-12)
    assert result.figures["resampling"]["psnr"] > 60
    # The file's grid may lack the highest frequencies of the model's grid, and their errors with them.
    assert result.figures["file"]["psnr"] > result.figures["model_grid"]["psnr"] - 1.0
    assert check_symmetry(result.density.values, density.space_group()).is_symmetric(1e-9)
    expected = density_metrics(density.values.ravel(), result.density.values.ravel(), np.ones(24 * 24 * 20))
    assert result.figures["file"] == expected


def test_model_grid_figures_are_those_of_the_standard_density(model):
    density = synthetic_entry("rock-salt", 0).density()
    primitive = Density(
        change_cell(density.values, density.lattice, np.linalg.inv(CUBIC_OF_PRIMITIVE), (0, 0, 0), (16, 16, 16)),
        PRIMITIVE @ density.lattice,
        [[0, 0, 0], [0.5, 0.5, 0.5]],
        [1, 2],
    )
    result = reconstruct_density(model, primitive)
    one, two = standardize(primitive, 225, (16, 16, 16)), standardize(result.density, 225, (16, 16, 16))
    expected = density_metrics(one.values.ravel(), two.values.ravel(), np.ones(16**3))
    assert result.figures["model_grid"]["psnr"] == pytest.approx(expected["psnr"], abs=1e-2)
    assert result.electrons == pytest.approx(4 * primitive.electrons)


def test_latents_give_the_density_again(model, run, tmp_path, capsys):
    write_chgcar(tmp_path / "x.CHGCAR", synthetic_entry("CsCl", 1).density())
    assert (
        main(["reconstruct", str(tmp_path / "x.CHGCAR"), "-o", str(tmp_path / "out"), "--model", str(run), "--json"])
        == 0
    )
    entry = json.loads(capsys.readouterr().out)["files"][0]
    with np.load(entry["latent"], allow_pickle=False) as file:
        z, a, electrons = torch.from_numpy(file["latent"]), float(file["lattice_constant"]), float(file["electrons"])
        index, shifted = model.representation.row(int(file["space_group"])), bool(file["origin_shifted"])
    loaded, _ = load_model(run / "weights.safetensors")
    condition = torch.tensor([[np.log(a), np.log(electrons / a**3)]], dtype=torch.float32)
    with torch.no_grad():
        values = loaded.decode(z[None], torch.tensor([index]), condition)[0].double().numpy()
    unit = model.representation.units[index]
    values = values[half_shift(unit)] if shifted else values
    written = read_chgcar(entry["chgcar"])
    np.testing.assert_allclose(
        values[: unit.size][unit.labels] * electrons / a**3, written.values, atol=1e-5 * written.values.max()
    )


@pytest.mark.parametrize("prototype", ["CsCl", "rock-salt", "diamond"])
def test_either_origin_of_a_crystal_is_coded_as_well(prototype):
    alone = model_of(synthetic_entries("train", 8), "data.origin_shift=false")
    density = synthetic_entry(prototype, 1).density()
    moved = Density(
        np.roll(density.values, (8, 8, 8), axis=(0, 1, 2)), density.lattice, density.positions + 0.5, density.numbers
    )
    one, two = reconstruct_density(alone, density), reconstruct_density(alone, moved)
    np.testing.assert_allclose(one.figures["model_grid"]["psnr"], two.figures["model_grid"]["psnr"], atol=0.01)
    np.testing.assert_allclose(one.latent, two.latent, atol=1e-3)
    np.testing.assert_allclose(np.roll(one.density.values, (8, 8, 8), (0, 1, 2)), two.density.values, atol=1e-5)
    assert one.origin_shifted != two.origin_shifted


def test_a_run_over_files_goes_on_after_bad_ones(run, tmp_path, capsys):
    folders = [tmp_path / name for name in "ab"]
    for number, folder in enumerate(folders):
        folder.mkdir()
        write_chgcar(folder / "CHGCAR", synthetic_entry("perovskite", number).density())
    good = synthetic_entry("diamond", 0).density()
    write_density(tmp_path / "y.cube", good)
    files = {
        "wrong group": tmp_path / "hexagonal.vasp",
        "potential": tmp_path / "LOCPOT",
        "half": tmp_path / "half.vasp",
    }
    write_chgcar(files["wrong group"], Density(np.ones((6, 6, 6)), np.diag([3.0, 3, 5]), [[0, 0, 0]], [1]))
    write_density(files["potential"], replace(good, kind="potential"))
    files["half"].write_bytes((folders[0] / "CHGCAR").read_bytes()[:3000])
    (tmp_path / "broken.gz").write_bytes(gzip.compress(b"x" * 5000)[:40])
    lopsided = good.values.copy()
    lopsided[1, 2, 3] += good.values.max()
    write_chgcar(tmp_path / "lopsided.vasp", good.with_values(lopsided))
    bad = [*files.values(), tmp_path / "broken.gz", tmp_path / "lopsided.vasp", tmp_path / "missing"]
    words = [str(p) for p in (folders[0] / "CHGCAR", *bad, folders[1] / "CHGCAR", tmp_path / "y.cube")]
    out = tmp_path / "out"
    assert main(["reconstruct", *words, "-o", str(out), "--model", str(run), "--json"]) == 2
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert [entry["path"] for entry in result["files"]] == words
    assert result["failures"] == len(bad) == captured.err.count("symfft-vae: error: ")
    errors = {Path(entry["path"]).name: entry["error"] for entry in result["files"] if "error" in entry}
    assert set(errors) == {path.name for path in bad}
    assert "space group P 4/m m m (123)" in errors["hexagonal.vasp"]
    assert "F d -3 m" in errors["hexagonal.vasp"]
    assert "'potential'" in errors["LOCPOT"]
    assert sorted(p.name for p in out.iterdir()) == sorted(
        f"{name}.{kind}" for name in ("a_CHGCAR", "b_CHGCAR", "y") for kind in ("CHGCAR", "latent.npz")
    )


def test_nothing_is_overwritten_without_force(run, tmp_path, capsys):
    write_chgcar(tmp_path / "CHGCAR", synthetic_entry("CsCl", 1).density())
    words = ["reconstruct", str(tmp_path / "CHGCAR"), "-o", str(tmp_path / "out"), "--model", str(run), "--quiet"]
    assert main(words) == 0
    before = (tmp_path / "out" / "CHGCAR.CHGCAR").stat().st_mtime_ns
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "out" / "CHGCAR.CHGCAR").stat().st_mtime_ns == before
    assert main([*words, "--force"]) == 0


def test_an_unknown_group_is_named():
    model = model_of([e for e in synthetic_entries("train", 3) if e.space_group == 221])
    with pytest.raises(UnsupportedDensityError, match=r"F m -3 m \(225\).* the model knows P m -3 m \(221\)$"):
        reconstruct_density(model, synthetic_entry("rock-salt", 0).density())


def test_names_differ():
    names = names_of([Path(p) for p in ("a/x/CHGCAR.gz", "b/x/CHGCAR", "b/y/CHGCAR", "NaCl.vasp.xz", "NaCl.cube")])
    assert names == ["a_x_CHGCAR", "b_x_CHGCAR", "y_CHGCAR", names[3], names[4]]
    assert len(set(names)) == 5
    assert len(set(names_of([Path("CHGCAR")] * 2))) == 2


@pytest.fixture(scope="module")
def paw_model():
    """A codec alone, fitted to a few PAW densities of each group on their common grids."""
    entries = [e for group in (221, 225, 227) for e in on_common_grid(load_paw(), group, "train")[:12]]
    return model_of(entries, "model.latent=48")


def test_exported_entries_come_back(paw_model, tmp_path):
    for group in (221, 225, 227):
        entry = on_common_grid(load_paw(), group, "test")[0]
        write_chgcar(tmp_path / "CHGCAR", entry.density())
        result = reconstruct_density(paw_model, read_chgcar(tmp_path / "CHGCAR"))
        assert result.space_group == group
        assert result.electrons == pytest.approx(entry.electrons, rel=1e-9)
        assert result.figures["resampling"]["psnr"] > 120
        assert result.figures["file"]["psnr"] == pytest.approx(result.figures["model_grid"]["psnr"], abs=1e-3)
        assert result.figures["file"]["psnr"] > 30
        assert abs(result.figures["file"]["electron_error"]) < 1e-12


def test_a_real_primitive_cell_comes_back(paw_model, real_densities):
    density = read_chgcar(real_densities / "NaCl_sg225_56.CHGCAR.gz")
    result = reconstruct_density(paw_model, density)
    assert result.space_group == 225
    assert result.density.shape == (56, 56, 56)
    assert result.electrons == pytest.approx(4 * density.electrons, rel=1e-6)
    assert result.figures["resampling"]["psnr"] > 80
    assert result.figures["file"]["psnr"] > 30
    assert abs(result.figures["file"]["electron_error"]) < 1e-12
    assert check_symmetry(result.density.values, density.space_group()).is_symmetric(1e-9)
