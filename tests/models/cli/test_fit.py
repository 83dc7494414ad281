"""From anybody's files to predictions: prepare, fit, predict, compare; and what fit refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from symfft import read_density, write_chgcar
from symfft_models.cli import main
from symfft_models.datasets.paw import load_paw

#: Pseudized otherwise than in the package: charges of the atoms spread a fifth wider.
WIDER = 1.2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A collection of CHGCARs as from another code, prepared and learned from."""
    folder = tmp_path_factory.mktemp("foreign")
    files = folder / "files"
    files.mkdir()
    prototypes, splits = ("rock-salt", "CsCl", "zincblende", "fluorite"), ("train", "val", "test")
    light = [entry for entry in load_paw() if entry.prototype in prototypes and entry.electrons <= 44]
    for entry in [entry for entry in light if entry.split in splits][::3]:
        wider = replace(entry, r_comp=entry.r_comp * WIDER)
        write_chgcar(files / f"{entry.id}.CHGCAR", wider.density((16, 16, 16)))
    assert main(["prepare", str(files), "-o", str(folder / "set"), "--grid", "16", "--quiet"]) == 0
    settings = ["--spherical", "60", "--aspherical", "30", "--weights", "1300", "--draws", "8"]
    assert main(["fit", str(folder / "set"), "-o", str(folder / "model.safetensors"), "--quiet", *settings]) == 0
    return folder


def test_foreign_densities_are_learned_better_than_superposed_atoms(folder, capsys):
    capsys.readouterr()
    model = ["--model", str(folder / "model.safetensors")]
    assert main(["compare", str(folder / "set"), *model, "--split", "train", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["splits"]["train"]["summary"][:1]
    assert found["crystals"] > 20
    assert found["median"] < 0.7 * found["superposed_median"]


def test_the_model_predicts_their_kind_of_density(folder, tmp_path):
    """Nearer to the file than the package's own density of that crystal: the pseudization is learned, too."""
    entry = next(entry for entry in load_paw() if (folder / "files" / f"{entry.id}.CHGCAR").exists())
    file = folder / "files" / f"{entry.id}.CHGCAR"
    arguments = ["predict", str(file), "-o", str(tmp_path), "--model", str(folder / "model.safetensors")]
    assert main([*arguments, "--shape", "16", "16", "16", "--quiet"]) in (0, 1)
    wanted, (written,) = read_density(file), tmp_path.glob("*.CHGCAR")
    found = read_density(written)
    assert found.electrons == pytest.approx(wanted.electrons, abs=1e-6)

    def error(values):
        return np.abs(values - wanted.values).sum() / np.abs(wanted.values).sum()

    assert error(found.values) < error(entry.density((16, 16, 16)).values)


def test_a_folder_without_a_collection_is_refused(tmp_path, capsys):
    (tmp_path / "set").mkdir()
    assert main(["fit", str(tmp_path / "set"), "-o", str(tmp_path / "model.safetensors")]) == 2
    assert "no prepared set" in capsys.readouterr().err
    assert not (tmp_path / "model.safetensors").exists()


def test_a_file_that_exists_is_kept(tmp_path, capsys):
    out = tmp_path / "model.safetensors"
    out.write_text("mine")
    assert main(["fit", "-o", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("--shapes", "0", "shapes must be at least 1 and at most 16, got 0"),
        ("--noise", "nan", "noise must be above 0, got nan"),
        ("--knots", "1", "knots must be at least 2, got 1"),
    ],
)
def test_a_setting_out_of_its_range_is_refused_before_anything_is_read(tmp_path, capsys, name, value, rule):
    assert main(["fit", str(tmp_path / "no set"), "-o", str(tmp_path / "model.safetensors"), name, value]) == 2
    assert rule in capsys.readouterr().err
