"""Structure factors of crystallography: electrons, sign, MTZ and CIF, with gemmi as the oracle."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import gemmi
import numpy as np
import pytest
from crystals import crystal

from symfft import (
    Density,
    DensityFormatError,
    ShapeError,
    SpaceGroup,
    SpaceGroupError,
    SymfftError,
    check_symmetry,
    primitive,
    read_density,
)
from symfft.io.ccp4 import cell_parameters
from symfft.io.reflections import (
    Reflections,
    density_of_reflections,
    read_reflections,
    unique_reflections,
    write_reflections,
    write_structure_factors,
)

HKL = np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [1, 2, 1], [0, 1, -1]])


def test_gemmi_has_the_same_sign_and_unit() -> None:
    """A Gaussian atom away from the origin: gemmi's map to structure factors."""
    values = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
    density = Density(values.astype(np.float64), np.diag([4.0, 5.0, 6.0]), [], [])
    grid = gemmi.FloatGrid(values)
    grid.set_unit_cell(gemmi.UnitCell(4, 5, 6, 90, 90, 90))
    grid.spacegroup = gemmi.SpaceGroup("P 1")
    theirs = gemmi.transform_map_to_f_phi(grid)
    for hkl, ours in zip(HKL, density.structure_factors(HKL), strict=True):
        assert theirs.get_value(*hkl.tolist()) == pytest.approx(ours, rel=1e-5)


@pytest.mark.parametrize("suffix", [".mtz", ".cif"])
@pytest.mark.parametrize(("number", "symbol"), [(225, "F m -3 m"), (14, "P 1 21/c 1"), (194, "P 63/m m c")])
def test_unique_reflections_go_through_files(number: int, symbol: str, suffix: str, tmp_path: Path) -> None:
    density = crystal(number)
    reflections = unique_reflections(density, symbol, 2.2)
    unit_cell = gemmi.UnitCell(*cell_parameters(density.lattice))
    theirs = gemmi.make_miller_array(unit_cell, gemmi.find_spacegroup_by_name(symbol), 2.2)
    np.testing.assert_array_equal(reflections.hkl, [[0, 0, 0], *theirs.tolist()])
    path = tmp_path / f"a{suffix}"
    write_reflections(path, reflections)
    again = read_reflections(path)
    order, other = (np.lexsort(r.hkl.T) for r in (reflections, again))
    np.testing.assert_array_equal(again.hkl[other], reflections.hkl[order])
    scale = np.abs(reflections.values).max()
    np.testing.assert_allclose(again.values[other], reflections.values[order], atol=1e-5 * scale)
    assert again.space_group == reflections.space_group
    np.testing.assert_allclose(again.cell, reflections.cell, rtol=1e-5)
    if suffix == ".mtz":
        assert gemmi.read_mtz_file(str(path)).column_with_label("PHIC").type == "P"


def test_what_is_refused(tmp_path: Path, density: Density) -> None:
    with pytest.raises(ShapeError, match="no setting"):
        unique_reflections(density, "Q 5", 2.0)
    some = Reflections(HKL[1:], np.ones(4, dtype=np.complex128), (4.0, 5.0, 6.0, 90.0, 90.0, 90.0), "P 1")
    with pytest.raises(DensityFormatError, match="must end in"):
        write_reflections(tmp_path / "a.txt", some)
    for name in ("a.mtz", "a.cif"):
        write_reflections(tmp_path / name, some)
        data = (tmp_path / name).read_bytes()
        for content in (b"", b"garbage", data[:50], data[: len(data) // 2]):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(DensityFormatError):
                read_reflections(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_reflections(tmp_path / "none.mtz")


@pytest.mark.parametrize("suffix", [".mtz", ".cif", ".mtz.gz"])
@pytest.mark.parametrize(("number", "symbol"), [(225, "F m -3 m"), (14, "P 1 21/c 1"), (194, "P 63/m m c")])
def test_the_synthesis_of_unique_reflections_is_the_density(
    number: int, symbol: str, suffix: str, tmp_path: Path
) -> None:
    """As gemmi's synthesis of the same file has it, and with the structure factors that were written."""
    reflections = unique_reflections(crystal(number), symbol, 2.2)
    plain = tmp_path / f"a{suffix.removesuffix('.gz')}"
    write_reflections(plain, reflections)
    path = tmp_path / f"a{suffix}"
    if suffix.endswith(".gz"):
        path.write_bytes(gzip.compress(plain.read_bytes()))
    found = read_density(path)
    assert found.stated_group == SpaceGroup.from_symbol(symbol)
    assert len(found.numbers) == 0
    assert found.electrons == pytest.approx(crystal(number).electrons, rel=1e-5)
    factors = found.structure_factors(reflections.hkl)
    np.testing.assert_allclose(factors, reflections.values, atol=1e-5 * np.abs(reflections.values).max())
    assert check_symmetry(found.values, found.space_group()).largest_residual < 1e-5
    if plain.suffix == ".mtz":
        theirs = gemmi.read_mtz_file(str(plain)).transform_f_phi_to_map("FC", "PHIC", exact_size=found.shape)
        np.testing.assert_allclose(found.values, np.array(theirs), atol=1e-5 * np.abs(found.values).max())


def test_f000_gives_the_electrons(tmp_path: Path) -> None:
    density = crystal(14)
    hkl = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0]])
    some = Reflections(hkl, density.structure_factors(hkl), cell_parameters(density.lattice), "P 1")
    found = density_of_reflections("here", some)
    assert found.electrons == pytest.approx(density.electrons)
    np.testing.assert_allclose(found.structure_factors(hkl), some.values, atol=1e-9)


@pytest.mark.parametrize("suffix", [".mtz", ".cif.gz"])
def test_a_density_goes_to_a_file_and_back(suffix: str, tmp_path: Path) -> None:
    density = crystal(62, shape=(12, 10, 12))
    plain = tmp_path / f"a{suffix.removesuffix('.gz')}"
    count = write_structure_factors(plain, density, 1.7)
    assert count == len(read_reflections(plain).hkl)
    found = read_density(plain)
    assert found.electrons == pytest.approx(density.electrons, rel=1e-5)
    assert found.space_group() == SpaceGroup.from_number(62)
    assert write_structure_factors(plain, density, 1.7, 1) > count


def test_groups_that_no_symbol_names(tmp_path: Path) -> None:
    """A cell whose operators are those of no setting, and values that are no charge."""
    turned = primitive(crystal(225))
    with pytest.raises(SpaceGroupError, match="standardize"):
        write_structure_factors(tmp_path / "a.mtz", turned, 2.2)
    potential = dataclasses.replace(crystal(225), kind="potential")
    with pytest.raises(SymfftError, match="charge"):
        write_structure_factors(tmp_path / "a.mtz", potential, 2.2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hkl": np.zeros((0, 3), dtype=np.int64), "values": np.zeros(0, dtype=complex)}, "found none"),
        ({"hkl": HKL[1:] * 10_000}, "too many"),
        ({"space_group": "P 4"}, "onto itself"),
    ],
)
def test_reflections_that_make_no_density(change: dict, message: str) -> None:
    some = Reflections(HKL[1:], np.ones(4, dtype=np.complex128), (4.0, 5.0, 6.0, 90.0, 90.0, 90.0), "P 1")
    with pytest.raises(DensityFormatError, match=message):
        density_of_reflections("here", dataclasses.replace(some, **change))


def test_a_cif_without_reflections_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_text("data_x\n_cell_length_a 4\n")
    with pytest.raises(DensityFormatError, match="a structure, not a density"):
        read_density(tmp_path / "a.cif")
    with pytest.raises(DensityFormatError, match="structure factors"):
        read_density(tmp_path / "a.cif", format="cif")


@pytest.mark.parametrize(("resolution", "message"), [(1e-9, "resolve d"), (0.5, "resolve d"), (99, "no reflection")])
def test_resolutions_that_a_grid_does_not_have(resolution: float, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        unique_reflections(crystal(225), "F m -3 m", resolution)


def test_a_name_with_a_null_character_is_refused() -> None:
    with pytest.raises(SymfftError, match="null character"):
        read_density("a\0b")
