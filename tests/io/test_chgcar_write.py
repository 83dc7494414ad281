"""Written files: every bit of the lattice, eleven digits of the grid, read by VASP's other readers, never half."""

from __future__ import annotations

import dataclasses
import gzip
import os
import stat
import warnings
from pathlib import Path

import numpy as np
import pytest
from chgcar_text import VOLUME, chgcar_text, occupancies_text, random_grids
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_chgcar_read import REAL, grids, read_text

from symfft import (
    ChgcarFormatError,
    Density,
    ShapeError,
    SymfftError,
    read_chgcar,
    read_density,
    write_chgcar,
    write_density,
)
from symfft.io import chgcar as chgcar_module

LATTICE = np.array([[4.1, 0.0, 0.1], [-0.3, 5.0, 0.0], [1.0 / 3.0, 0.0, 6.0]])
values = st.floats(-1e120, 1e120, allow_subnormal=True)


def crystal(grid: np.ndarray, **fields: object) -> Density:
    return Density(grid, LATTICE, [[0, 0, 0], [0.5, 0.5, 1 / 3]], [11, 17], **fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


def eleven_digits(grid: np.ndarray) -> np.ndarray:
    """What is left of a number in the file; ten digits where the exponent takes three."""
    texts = [f"{x:.{10 if x == 0 or 1e-100 <= abs(x) < 1e99 else 9}e}" for x in grid.ravel().tolist()]
    return np.array([float(text) for text in texts]).reshape(grid.shape)


@given(st.data())
def test_what_was_written_is_read(folder: Path, data: st.DataObject) -> None:
    shape = data.draw(st.tuples(*[st.integers(1, 5)] * 3))
    count = data.draw(st.sampled_from([1, 2, 4]))
    stored = data.draw(hnp.arrays(np.float64, (count, *shape), elements=values))
    lattice = LATTICE * data.draw(hnp.arrays(np.float64, (3, 3), elements=st.floats(0.9, 1.1)))
    density = Density(
        values=stored[0],
        lattice=lattice,
        positions=data.draw(hnp.arrays(np.float64, (4, 3), elements=st.floats(-2, 2))),
        numbers=data.draw(st.lists(st.integers(1, 118), min_size=4, max_size=4)),
        magnetization=None if count == 1 else stored[1] if count == 2 else stored[1:],
        comment=data.draw(st.text(st.characters(categories=["L", "N"]), max_size=30)),
        selective_dynamics=data.draw(st.none() | hnp.arrays(np.bool_, (4, 3))),
    )
    write_chgcar(folder / "CHGCAR", density)
    again = read_chgcar(folder / "CHGCAR")
    for mine, theirs in zip(grids(again), grids(density), strict=True):
        np.testing.assert_array_equal(mine, eleven_digits(theirs * density.volume) / density.volume)
    np.testing.assert_array_equal(again.lattice, density.lattice)
    np.testing.assert_array_equal(again.positions, density.positions)
    np.testing.assert_array_equal(again.numbers, density.numbers)
    assert again.comment == density.comment
    assert (again.selective_dynamics is None) == (density.selective_dynamics is None)
    if density.selective_dynamics is not None:
        np.testing.assert_array_equal(again.selective_dynamics, density.selective_dynamics)


@pytest.mark.parametrize("kind", ["charge", "potential", "elf", "kinetic_energy"])
@pytest.mark.parametrize("count", [1, 2])
def test_kinds_survive(folder: Path, kind: str, count: int) -> None:
    name = {"charge": "CHGCAR", "potential": "LOCPOT", "elf": "ELFCAR", "kinetic_energy": "TAUCAR"}[kind]
    first, second = random_grids(2)
    field = {} if count == 1 else {"magnetization" if kind == "charge" else "spin_down": second}
    write_chgcar(folder / name, crystal(first, kind=kind, **field))
    again = read_chgcar(folder / name)
    assert again.kind == kind
    for mine, theirs in zip(grids(again), [first, second], strict=False):
        np.testing.assert_allclose(mine, theirs, rtol=6e-11)


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_written_as_they_were(real_densities: Path, folder: Path, name: str) -> None:
    """From the grid on, text that VASP wrote comes back to the byte: grid, occupancies and site moments."""
    density = read_chgcar(real_densities / name)
    path = folder / name.removesuffix(".gz")
    write_chgcar(path, density)
    again = read_chgcar(path)
    np.testing.assert_array_equal(again.lattice, density.lattice)
    np.testing.assert_array_equal(again.positions, density.positions)
    assert again.species == density.species
    assert again.augmentation == density.augmentation
    assert again.site_moments == density.site_moments
    assert again.comment == density.comment
    for mine, theirs in zip(grids(again), grids(density), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=6e-11, atol=0)
    if "Fe3O4" in name or "NiO" in name:
        return  # these were not written by VASP
    before = [line.split() for line in gzip.decompress((real_densities / name).read_bytes()).splitlines()]
    after = [line.split() for line in path.read_bytes().splitlines()]
    assert after[after.index([]) :] == [*before[before.index([]) :]]


def test_augmentation_and_moments_are_kept_word_for_word(tmp_path: Path) -> None:
    moments = "  0.200000000000E+01 -0.100000000000E+01\n"
    text = chgcar_text(random_grids(2), occupancies=138, moments=moments)
    write_chgcar(tmp_path / "CHGCAR", read_text(tmp_path, text))
    assert (tmp_path / "CHGCAR").read_text().split("Direct")[1].split("\n", 4)[4] == text.split("Direct")[1].split(
        "\n", 4
    )[4]


def test_a_generated_density_says_that_it_has_no_augmentation(tmp_path: Path) -> None:
    density = read_text(tmp_path, chgcar_text(random_grids(1), occupancies=7))
    path = tmp_path / "CHGCAR"
    write_chgcar(path, density)
    assert path.read_text().splitlines()[0] == "two atoms"
    write_chgcar(path, density.with_values(density.values))
    assert path.read_text().splitlines()[0] == "two atoms [no augmentation occupancies]"
    assert "augmentation occupancies  " not in path.read_text()
    assert read_chgcar(path).comment == "two atoms"
    write_chgcar(path, read_chgcar(path))
    assert path.read_text().splitlines()[0] == "two atoms [no augmentation occupancies]"


def test_pymatgen_reads_what_was_written(tmp_path: Path) -> None:
    outputs = pytest.importorskip("pymatgen.io.vasp.outputs")
    moments = "  0.200000000000E+01 -0.100000000000E+01\n"
    density = read_text(tmp_path, chgcar_text(random_grids(2), occupancies=7, moments=moments))
    tiny = dataclasses.replace(density, values=density.values * 1e-130)
    for written in (density, tiny):
        write_chgcar(tmp_path / "out.vasp", written)
        theirs = outputs.Chgcar.from_file(str(tmp_path / "out.vasp"))
        np.testing.assert_allclose(theirs.data["total"], written.values * VOLUME, rtol=1e-9, atol=0)
        np.testing.assert_allclose(theirs.data["diff"], written.magnetization * VOLUME, rtol=1e-10, atol=0)
        np.testing.assert_array_equal(theirs.structure.lattice.matrix, density.lattice)
        assert list(theirs.structure.atomic_numbers) == [11, 17]
        assert [len(theirs.data_aug[key][2]) for key in ("total", "diff")] == [7, 7]


def test_ase_reads_what_was_written(tmp_path: Path) -> None:
    auxiliary = pytest.importorskip("ase.calculators.vasp.vasp_auxiliary")
    first, second = random_grids(2, (4, 4, 5))
    density = crystal(first, magnetization=second)
    density = dataclasses.replace(density, augmentation=tuple(occupancies_text(2, 7, s) for s in range(2)))
    write_chgcar(tmp_path / "CHGCAR", density)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = auxiliary.VaspChargeDensity(str(tmp_path / "CHGCAR"))
    np.testing.assert_allclose(theirs.chg[0], density.values, rtol=1e-10)
    np.testing.assert_allclose(theirs.chgdiff[0], density.magnetization, rtol=1e-10)
    np.testing.assert_allclose(theirs.atoms[0].cell.array, density.lattice, rtol=1e-15)
    assert theirs.atoms[0].numbers.tolist() == [11, 17]
    assert theirs.aug == density.augmentation[0]


def test_atoms_in_any_order_and_without_a_name(tmp_path: Path) -> None:
    grid = np.ones((2, 2, 2))
    mixed = Density(grid, LATTICE, np.linspace(0, 1, 12).reshape(4, 3), [26, 8, 26, 26])
    write_chgcar(tmp_path / "CHGCAR", mixed)
    assert (tmp_path / "CHGCAR").read_text().splitlines()[5:7] == ["   Fe   O    Fe", "     1     1     2"]
    unnamed = dataclasses.replace(mixed, numbers=np.array([-1, -2, -2, -3]))
    write_chgcar(tmp_path / "CHGCAR", unnamed)
    assert read_chgcar(tmp_path / "CHGCAR").numbers.tolist() == [-1, -2, -2, -3]
    stale = dataclasses.replace(mixed, species=(("Fe_pv", 3), ("O", 1)))
    write_chgcar(tmp_path / "CHGCAR", stale)
    assert read_chgcar(tmp_path / "CHGCAR").numbers.tolist() == [26, 8, 26, 26]


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".bz2", ".zst"])
def test_suffixes_compress(tmp_path: Path, suffix: str) -> None:
    density = crystal(np.ones((20, 20, 20)))
    path = tmp_path / f"CHGCAR{suffix}"
    write_chgcar(path, density)
    np.testing.assert_allclose(read_chgcar(path).values, density.values, rtol=6e-11)
    assert (path.stat().st_size < 10_000) == bool(suffix)
    first = path.read_bytes()
    write_chgcar(path, density)
    assert path.read_bytes() == first


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "CHGCAR"
    write_chgcar(path, crystal(np.ones((2, 2, 2))))
    old = path.read_bytes()

    def fail(*args: object, **options: object) -> object:
        yield memoryview(b" 0.1")
        raise RuntimeError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(chgcar_module, "format_grid", fail)
        with pytest.raises(RuntimeError, match="disk full"):
            write_chgcar(path, crystal(np.zeros((2, 2, 2))))
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["CHGCAR"]
    with pytest.raises(ShapeError, match="which no file can hold"):
        write_chgcar(path, crystal(np.full((2, 2, 2), 1e307)))
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["CHGCAR"]


def test_links_and_permissions_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "CHGCAR"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_chgcar(link, crystal(np.ones((2, 2, 2))))
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert read_chgcar(target).electrons == pytest.approx(abs(np.linalg.det(LATTICE)))
    write_chgcar(tmp_path / "new", crystal(np.ones((2, 2, 2))))
    plain = tmp_path / "plain"
    plain.write_text("")
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode


def test_a_density_without_atoms_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="needs at least one atom"):
        write_chgcar(tmp_path / "CHGCAR", Density(np.ones((2, 2, 2)), LATTICE, [], []))
    with pytest.raises(SymfftError, match="only a charge density holds electrons"):
        _ = crystal(np.ones((2, 2, 2)), kind="elf").electrons


@pytest.mark.parametrize(
    "blank", ["\n", "\n\n\n", "  \n", "\r\n", "\t\n \n"], ids=["one", "three", "blanks", "CR LF", "tabs"]
)
def test_blank_lines_between_occupancies_are_not_written_on(blank: str, tmp_path: Path) -> None:
    text = chgcar_text(random_grids(2), occupancies=138)
    clean = read_text(tmp_path, text)
    head, *sections = text.split("augmentation")
    broken = head + "".join(f"{blank}augmentation{section}".replace("\n", f"\n{blank}", 5) for section in sections)
    density = read_text(tmp_path, broken)
    assert density.augmentation == clean.augmentation
    padded = dataclasses.replace(clean, augmentation=tuple(f"\n{a}\n\n" for a in clean.augmentation or ()))
    for one in (density, padded):
        write_chgcar(tmp_path / "CHGCAR", one)
        assert b"\n\n" not in (tmp_path / "CHGCAR").read_bytes().split(b"Direct")[1].lstrip().split(b"\n\n", 1)[1]
        assert read_chgcar(tmp_path / "CHGCAR").augmentation == clean.augmentation


@pytest.mark.parametrize("field", ["augmentation", "site_moments"])
def test_occupancies_that_are_none_are_refused(field: str, tmp_path: Path) -> None:
    density = read_text(tmp_path, chgcar_text(random_grids(2), occupancies=7, moments=" 1.0 2.0\n"))
    texts = tuple("    3    4    5 x\n" for _ in getattr(density, field))
    with pytest.raises(ShapeError, match="expected augmentation occupancies or site moments"):
        write_chgcar(tmp_path / "CHGCAR", dataclasses.replace(density, **{field: texts}))


@pytest.mark.parametrize("label", ["Na\n99 99\n", "Na 1", "Na\t", "", "Na\x00", "Na\u2028", "Na\x0b1"])
def test_labels_that_would_make_an_unreadable_file_give_way_to_the_symbol(label: str, tmp_path: Path) -> None:
    density = read_text(tmp_path, chgcar_text(random_grids(1)))
    write_chgcar(tmp_path / "CHGCAR", dataclasses.replace(density, species=((label, 1), ("Cl", 1))))
    again = read_chgcar(tmp_path / "CHGCAR")
    assert again.species == (("Na", 1), ("Cl", 1))
    assert again.numbers.tolist() == density.numbers.tolist()


@pytest.mark.parametrize("comment", ["a\nb", "a\rb", "a\r\nb", "a\x0bb", "a\x85b", "a\u2028b"])
@pytest.mark.parametrize("name", ["CHGCAR", "a.cube", "a.xsf"])
def test_a_comment_takes_one_line(comment: str, name: str, tmp_path: Path) -> None:
    density = dataclasses.replace(read_text(tmp_path, chgcar_text(random_grids(1))), comment=comment)
    write_density(tmp_path / name, density)
    assert read_density(tmp_path / name).shape == density.shape
    assert "a b" in (tmp_path / name).read_text()


@pytest.mark.parametrize("number", [119, 2**40, 2**63 - 1, 2**70])
def test_no_density_has_atoms_beyond_the_last_element(number: int, tmp_path: Path) -> None:
    density = read_text(tmp_path, chgcar_text(random_grids(1)))
    with pytest.raises(ShapeError, match="atomic number"):
        dataclasses.replace(density, numbers=[number, 17])


@pytest.mark.parametrize("place", [1e20, -1e20, 1e7])
def test_an_atom_far_away_has_no_place_in_the_cell(place: float, tmp_path: Path) -> None:
    with pytest.raises(ChgcarFormatError, match="cells away"):
        read_text(tmp_path, chgcar_text(random_grids(1)).replace("  0.500000", f"  {place:.1e}", 1))


@pytest.mark.parametrize(
    "numbers",
    [[11, -1, 17], [-1, -2, -1], [-2, -1, -1], [11, 11, -1], [-7, -7, -7], [-1, -1, -2], [-1, -2, -3], [11, 17, 11]],
)
@pytest.mark.parametrize("flags", [None, np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1]], dtype=bool)])
def test_atoms_that_are_alike_stay_alike_without_names(tmp_path, numbers, flags):
    """Elements, and kinds without a name, in any order: a VASP 4 header alone says only how many follow each other."""
    positions = np.random.default_rng(0).random((3, 3))
    density = Density(np.ones((2, 2, 2)), 4 * np.eye(3), positions, numbers, selective_dynamics=flags)
    write_chgcar(tmp_path / "CHGCAR", density)
    again = read_chgcar(tmp_path / "CHGCAR")
    assert again.numbers.tolist() == numbers
    np.testing.assert_array_equal(again.positions, positions)
    np.testing.assert_array_equal(again.selective_dynamics, flags)
