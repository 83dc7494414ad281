"""The kind of values: no potential becomes a density on its way through files."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from chgcar_text import random_grids

from symfft import Density, DensityFormatError, read_density, write_density
from symfft.io import read_ccp4, read_chgcar, read_cube, read_xsf, write_ccp4, write_chgcar, write_cube, write_xsf
from symfft.io.kinds import VASP_NAMES, kind_of_name, kind_to_read
from symfft.kinds import KINDS

CELL = np.diag([4.0, 5.0, 6.0])


def of_kind(kind: str) -> Density:
    return Density(random_grids(1, (3, 4, 5))[0], CELL, [[0, 0, 0]], [11], kind=kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["rho.cube", "rho.cube.gz", "rho.ccp4", "rho.map.xz", "rho.xsf", "rho.xsf.zst"])
@pytest.mark.parametrize("kind", VASP_NAMES)
def test_any_kind_goes_through_any_format_and_back_to_vasps(kind: str, name: str, tmp_path: Path) -> None:
    density = of_kind(kind)
    vasp = tmp_path / VASP_NAMES[kind]
    write_density(vasp, density)
    write_density(tmp_path / name, read_density(vasp))
    between = read_density(tmp_path / name)
    assert between.kind == kind
    if not len(between.numbers):
        between = dataclasses.replace(between, positions=density.positions, numbers=density.numbers)
    write_density(vasp, between)
    again = read_density(vasp)
    assert again.kind == kind
    np.testing.assert_allclose(again.values, density.values, rtol=2e-7, atol=1e-7 * np.abs(density.values).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    ["CHGCAR", "LOCPOT", "ELFCAR", "TAUCAR", "POT", "pot.vasp", "AECCAR0", "Si.LOCPOT.gz", "LOCPOT.cube", "CHG.ccp4",
     "elfcar.xsf", "new.vasp", "PARCHG.0012"],
)  # fmt: skip
def test_what_is_written_under_a_name_is_read_as_the_same_kind_or_refused(name: str, kind: str, tmp_path: Path) -> None:
    density = of_kind(kind)
    said = kind_of_name(name)
    if said == kind or (said is None and kind == "charge"):
        write_density(tmp_path / name, density)
        assert read_density(tmp_path / name).kind == kind
    else:
        with pytest.raises(
            DensityFormatError, match=f"name it {VASP_NAMES[kind]}" if kind in VASP_NAMES else "write it as .cube"
        ):
            write_density(tmp_path / name, density)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [write_chgcar, write_cube, write_ccp4, write_xsf])
def test_every_writer_refuses_a_name_of_another_kind(write, tmp_path: Path) -> None:
    with pytest.raises(DensityFormatError, match="says charge, the density is of the kind potential"):
        write(tmp_path / "CHGCAR", of_kind("potential"))


@pytest.mark.parametrize("name", ["hotspot.png", "potassium.txt", "chgs", "relocpot", "spot.dat"])
def test_words_within_words_say_nothing(name: str, tmp_path: Path) -> None:
    assert kind_of_name(name) is None
    with pytest.raises(DensityFormatError, match="does not say which format"):
        write_density(tmp_path / name, of_kind("charge"))


def test_a_name_of_two_kinds_is_refused_unless_the_caller_tells(tmp_path: Path) -> None:
    write_density(tmp_path / "LOCPOT", of_kind("potential"))
    path = (tmp_path / "LOCPOT").rename(tmp_path / "LOCPOT-of-CHGCAR")
    with pytest.raises(DensityFormatError, match="more than one kind"):
        read_density(path)
    assert read_density(path, kind="potential").kind == "potential"


@pytest.mark.parametrize(("name", "read"), [("a.cube", read_cube), ("a.ccp4", read_ccp4), ("a.xsf", read_xsf)])
def test_a_note_in_the_file_and_the_caller_must_agree(name: str, read, tmp_path: Path) -> None:
    write_density(tmp_path / name, of_kind("potential"))
    assert read(tmp_path / name, kind="potential").kind == "potential"
    with pytest.raises(DensityFormatError, match="says that its values are of the kind potential"):
        read(tmp_path / name, kind="charge")


def test_files_of_other_programs_take_the_kind_of_their_name_or_of_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "rho.cube"
    write_density(path, of_kind("charge"))
    path.write_text(path.read_text().replace("charge in atomic units", "some comment"))
    assert read_density(path).kind == "charge"
    assert read_density(path, kind="potential").kind == "potential"
    assert read_density(path.rename(tmp_path / "LOCPOT.cube")).kind == "potential"


def test_a_kind_that_is_none_is_refused(tmp_path: Path) -> None:
    write_density(tmp_path / "CHGCAR", of_kind("charge"))
    with pytest.raises(DensityFormatError, match="must be one of"):
        read_chgcar(tmp_path / "CHGCAR", kind="spin")  # type: ignore[arg-type]
    with pytest.raises(DensityFormatError, match="expected values of a kind"):
        kind_to_read("x", None, "spin")


@pytest.mark.parametrize(("name", "kind"), [("Chgcar", "charge"), ("Locpot", "potential"), ("Elfcar", "elf")])
def test_pymatgens_json_says_the_kind_by_its_class(name: str, kind: str, tmp_path: Path) -> None:
    pytest.importorskip("pymatgen.core")
    density = of_kind(kind)
    theirs = density.to_pymatgen()
    assert type(theirs).__name__ == name
    (tmp_path / "a.json").write_text(theirs.to_json())
    ours = read_density(tmp_path / "a.json")
    assert ours.kind == kind
    np.testing.assert_allclose(ours.values, density.values, rtol=1e-14)
    with pytest.raises(DensityFormatError, match="says that its values are"):
        read_density(tmp_path / "a.json", kind="kinetic_energy")
    document = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "b.json").write_text(json.dumps({**document, "@class": "VolumetricData"}))
    with pytest.raises(DensityFormatError, match="VolumetricData"):
        read_density(tmp_path / "b.json")
    assert read_density(tmp_path / "b.json", kind=kind).kind == kind


def test_spin_channels_of_pymatgens_locpot_are_no_magnetization(tmp_path: Path) -> None:
    outputs = pytest.importorskip("pymatgen.io.vasp.outputs")
    up, down = random_grids(2, (3, 4, 5))
    density = dataclasses.replace(of_kind("potential"), values=up, spin_down=down)
    write_density(tmp_path / "LOCPOT", density)
    theirs = outputs.Locpot.from_file(tmp_path / "LOCPOT")
    (tmp_path / "a.json").write_text(theirs.to_json())
    for ours in (read_density(tmp_path / "a.json"), Density.from_pymatgen(theirs)):
        assert ours.magnetization is None
        np.testing.assert_allclose(ours.spin_down, down, rtol=1e-9)
        np.testing.assert_allclose(ours.values, up, rtol=1e-9)


def test_a_class_of_pymatgen_that_tells_nothing_needs_the_kind() -> None:
    common = pytest.importorskip("pymatgen.io.common")
    from symfft import SymfftError

    density = of_kind("potential")
    theirs = common.VolumetricData(density.to_pymatgen().structure, {"total": density.values})
    with pytest.raises(SymfftError, match="VolumetricData does not say"):
        Density.from_pymatgen(theirs)
    assert Density.from_pymatgen(theirs, kind="potential").kind == "potential"


def test_a_real_potential_comes_back_through_a_cube(real_densities: Path, tmp_path: Path) -> None:
    potential = read_density(real_densities / "NaMgF3_sg62.LOCPOT.gz")
    write_density(tmp_path / "a.cube", potential)
    write_density(tmp_path / "LOCPOT", read_density(tmp_path / "a.cube"))
    again = read_density(tmp_path / "LOCPOT")
    assert np.abs(potential.values).max() == pytest.approx(177, abs=1)
    np.testing.assert_allclose(again.values, potential.values, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ["a.cube", "a.ccp4", "a.xsf"])
def test_any_other_quantity_stays_one(name: str, tmp_path: Path) -> None:
    write_density(tmp_path / name, of_kind("other"))
    assert read_density(tmp_path / name).kind == "other"
