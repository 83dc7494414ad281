"""CCP4 and MRC maps."""

from __future__ import annotations

import gzip
from pathlib import Path

import gemmi
import mrcfile
import numpy as np
import pytest
import zstandard

from symfft import (
    Density,
    DensityFormatError,
    ShapeError,
    SpaceGroup,
    SpaceGroupError,
    check_symmetry,
    next_compatible_shape,
    read_density,
)
from symfft.io import read_ccp4, write_ccp4

LATTICE = np.array([[4.0, 0.0, 0.0], [-0.5, 5.0, 0.0], [1.0, 0.25, 6.0]])


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_map_is_read_as_it_was_written(tmp_path: Path, density: Density, suffix: str) -> None:
    path = tmp_path / f"a.ccp4{suffix}"
    write_ccp4(path, density)
    again = read_ccp4(path)
    np.testing.assert_array_equal(again.values, density.values.astype(np.float32))
    np.testing.assert_allclose(again.lattice @ again.lattice.T, LATTICE @ LATTICE.T, rtol=0, atol=1e-4)
    assert again.lattice[0, 1:].tolist() == [0, 0]
    assert again.lattice[1, 2] == 0
    assert len(again.numbers) == 0


def test_a_left_handed_cell_is_reversed(tmp_path: Path, density: Density) -> None:
    mirrored = Density(density.values, density.lattice * [1, 1, -1], density.positions, density.numbers)
    write_ccp4(tmp_path / "a.ccp4", mirrored)
    again = read_ccp4(tmp_path / "a.ccp4")
    i = np.ix_(*[-np.arange(n) % n for n in density.shape])
    np.testing.assert_array_equal(again.values, density.values[i].astype(np.float32))


def test_axis_order_and_symmetry_of_a_map(tmp_path: Path) -> None:
    """A map of a quarter of the cell, stored z fastest, is brought to the whole cell."""
    group = gemmi.SpaceGroup("P 2 2 2")
    shape = (8, 12, 16)
    grid = gemmi.FloatGrid(np.random.default_rng(1).random(shape).astype(np.float32))
    grid.spacegroup = group
    grid.set_unit_cell(gemmi.UnitCell(4, 6, 8, 90, 90, 90))
    grid.symmetrize_max()
    whole = np.array(grid, copy=True)
    part = whole[:, :7, :9]
    header = np.zeros(256, dtype="<i4")
    header[:3] = part.shape[::-1]
    header[3] = 2
    header[7:10] = shape
    header[10:16] = np.array([4, 6, 8, 90, 90, 90], dtype="<f4").view("<i4")
    header[16:19] = [3, 2, 1]
    header[22] = group.ccp4
    header[52] = int.from_bytes(b"MAP ", "little")
    header[53] = 0x4144
    path = tmp_path / "a.map"
    path.write_bytes(header.tobytes() + part.astype("<f4").tobytes())
    density = read_ccp4(path)
    np.testing.assert_array_equal(density.values, whole)
    np.testing.assert_allclose(density.lattice, np.diag([4.0, 6.0, 8.0]), atol=1e-12)

    header[:3] = [9, 7, 2]
    path.write_bytes(header.tobytes() + whole[:2, :7, :9].astype("<f4").tobytes())
    with pytest.raises(DensityFormatError, match="points are not given"):
        read_ccp4(path)


def test_damaged_maps_are_refused(tmp_path: Path, density: Density) -> None:
    write_ccp4(tmp_path / "a.ccp4", density)
    data = (tmp_path / "a.ccp4").read_bytes()
    path = tmp_path / "b.ccp4"
    for length in (0, 100, 1023, 1024, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(DensityFormatError, match=r"no MAP in bytes|the file ends after"):
            read_ccp4(path)
        path.write_bytes(gzip.compress(data)[: 20 + length // 8])
        with pytest.raises(DensityFormatError, match="damaged or cut off"):
            read_ccp4(path)
    words = np.frombuffer(data, dtype="<i4").copy()
    for place, value, message in (
        (0, 10**9, "expected a cell of at most|the file ends after"),
        (7, 10**6, "expected a cell of at most"),
        (3, 4, "mode 4"),
        (0, -1, "expected a map of real values"),
        (23, -5, "expected a map of real values"),
    ):
        changed = words.copy()
        changed[place] = value
        path.write_bytes(changed.tobytes())
        with pytest.raises(DensityFormatError, match=message):
            read_ccp4(path)


def test_a_value_beyond_single_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="exceeds single precision"):
        write_ccp4(tmp_path / "a.ccp4", Density(np.full((2, 2, 2), 1e39), LATTICE, [], []))
    assert list(tmp_path.iterdir()) == []


# ---- other programs' maps, with mrcfile as the oracle ---------------------------------------------------------------


def mrc(path: Path, values: np.ndarray, order: str, cell: tuple[float, float, float] = (4.0, 5.0, 6.0)) -> np.ndarray:
    """Write a map with mrcfile in a byte order; return the values as mrcfile reads them back, as (x, y, z)."""
    with mrcfile.new(path, overwrite=True) as map_:
        map_.set_data(values)
        map_.voxel_size = tuple(length / n for length, n in zip(cell, values.shape[::-1]))
        map_.header.ispg = 1
        map_.set_volume()
    if order == ">":
        raw = bytearray(path.read_bytes())
        header = np.frombuffer(bytes(raw[:1024]), dtype=mrcfile.dtypes.HEADER_DTYPE).astype(
            mrcfile.dtypes.HEADER_DTYPE.newbyteorder(">")
        )
        header["machst"] = [0x11, 0x11, 0, 0]
        kept = np.frombuffer(bytes(raw[1024:]), dtype=values.dtype.newbyteorder("<"))
        path.write_bytes(header.tobytes() + kept.astype(values.dtype.newbyteorder(">")).tobytes())
    with mrcfile.open(path) as map_:
        assert map_.header.machst[0] == (0x44 if order == "<" else 0x11)
        return np.array(map_.data, dtype=np.float64).T


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["i1", "i2", "f4", "u2", "f2"])
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_maps_of_every_mode_and_byte_order(order: str, dtype: str, suffix: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    values = random.standard_normal((3, 4, 5)) if dtype[0] == "f" else random.integers(-100, 100, (3, 4, 5))
    values = (np.abs(values) + 40_000 if dtype == "u2" else values).astype(dtype)
    path = tmp_path / "a.mrc"
    expected = mrc(path, values, order)
    if suffix:
        compress = gzip.compress if suffix == ".gz" else zstandard.compress
        (tmp_path / f"a.mrc{suffix}").write_bytes(compress(path.read_bytes()))
    density = read_density(tmp_path / f"a.mrc{suffix}")
    np.testing.assert_array_equal(density.values, expected)
    np.testing.assert_allclose(density.lattice, np.diag([4.0, 5.0, 6.0]), atol=1e-5)


@pytest.mark.parametrize("stamp", [b"\0\0\0\0", b"\x44\x44\0\0"])
@pytest.mark.parametrize("order", "<>")
def test_a_wrong_or_missing_machine_stamp_does_not_decide(order: str, stamp: bytes, tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((3, 4, 5)).astype("f4")
    path = tmp_path / "a.mrc"
    expected = mrc(path, values, order)
    raw = path.read_bytes()
    path.write_bytes(raw[:212] + stamp + raw[216:])
    np.testing.assert_array_equal(read_ccp4(path).values, expected)


@pytest.mark.parametrize("order", "<>")
def test_a_big_endian_map_in_another_axis_order_and_group(order: str, tmp_path: Path) -> None:
    """The header words that say axes, origin and group are turned round too: gemmi reads the little-endian twin."""
    values = np.random.default_rng(0).standard_normal((3, 4, 5)).astype("f4")
    path = tmp_path / "a.mrc"
    mrc(path, values, order)
    raw = bytearray(path.read_bytes())
    word = "little" if order == "<" else "big"
    for place, value in ((16, 3), (17, 1), (18, 2), (7, 4), (8, 3), (9, 5)):
        raw[4 * place : 4 * place + 4] = value.to_bytes(4, word)
    path.write_bytes(bytes(raw))
    # columns run along c (3), rows along a (1), sections along b (2)
    np.testing.assert_array_equal(read_ccp4(path).values, values.transpose(1, 0, 2).astype(np.float64))


@pytest.mark.parametrize("cell", [(0.0, 0.0, 0.0), (np.nan, 5.0, 6.0), (-4.0, 5.0, 6.0)])
def test_a_header_without_a_cell_is_refused(cell: tuple[float, float, float], tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    mrc(path, np.ones((3, 4, 5), dtype="f4"), "<", (4.0, 5.0, 6.0))
    raw = bytearray(path.read_bytes())
    raw[40:52] = np.array(cell, dtype="<f4").tobytes()
    path.write_bytes(bytes(raw))
    with pytest.raises(DensityFormatError, match="expected lengths and angles of the cell"):
        read_ccp4(path)


@pytest.mark.parametrize("mode", [3, 4, 101])
def test_maps_of_complex_or_packed_values_are_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    mrc(path, np.ones((3, 4, 5), dtype="f4"), "<")
    raw = bytearray(path.read_bytes())
    raw[12:16] = mode.to_bytes(4, "little")
    path.write_bytes(bytes(raw))
    with pytest.raises(DensityFormatError, match=f"mode {mode}"):
        read_ccp4(path)


def test_mrcfile_reads_what_we_write(tmp_path: Path, density: Density) -> None:
    write_ccp4(tmp_path / "a.mrc", density)
    with mrcfile.open(tmp_path / "a.mrc") as map_:
        np.testing.assert_allclose(np.array(map_.data).T, density.values, rtol=1e-6)
        assert map_.header.cella.tolist() == pytest.approx(np.linalg.norm(density.lattice, axis=1).tolist())
        assert [label.strip() for label in map_.get_labels()] == ["symfft: values are charge"]


@pytest.mark.parametrize("symbol", ["P 1 1 21/b", "I 1 2/c 1", "R -3 c:H", "F d -3 m:1", "P 21 21 21", "A 21 a m"])
@pytest.mark.parametrize("operators", [True, False])
def test_the_space_group_of_the_header_is_stated(tmp_path: Path, symbol: str, operators: bool) -> None:
    """Of any setting by its operators; a number alone means gemmi's reference setting."""
    setting = gemmi.SpaceGroup(symbol)
    ours = SpaceGroup.from_symbol(setting.xhm())
    shape = next_compatible_shape(ours, (8, 8, 8))
    cell = {"F": (5, 5, 5, 90, 90, 90), "R": (5, 5, 7, 90, 90, 120)}.get(symbol[0], (4, 5, 6, 90, 90, 90))
    map_ = gemmi.Ccp4Map()
    map_.grid = gemmi.FloatGrid(np.random.default_rng(0).random(shape, dtype=np.float32))
    map_.grid.spacegroup = setting
    map_.grid.set_unit_cell(gemmi.UnitCell(*cell))
    map_.grid.symmetrize_avg()
    map_.update_ccp4_header(2)
    path = tmp_path / "a.map"
    map_.write_ccp4_map(str(path))
    if not operators:
        data = bytearray(path.read_bytes())
        data[1024 : 1024 + 80 * ours.order] = b""
        data[92:96] = bytes(4)
        path.write_bytes(data)
    found = read_ccp4(path)
    wanted: SpaceGroup | None = ours
    if not operators:  # CCP4 has no number for some settings
        wanted = SpaceGroup.from_symbol(gemmi.SpaceGroup(setting.ccp4).xhm()) if setting.ccp4 else None
    assert found.stated_group == wanted
    if wanted is not None:
        assert found.space_group() == wanted
    np.testing.assert_array_equal(found.values, np.array(map_.grid))
    if wanted == ours:
        assert check_symmetry(found.values, found.space_group()).largest_residual < 1e-6
    write_ccp4(tmp_path / "b.map", found)
    assert read_ccp4(tmp_path / "b.map").stated_group == found.stated_group


@pytest.mark.parametrize("number", [0, 1, 401, -5, 9999])
def test_a_header_that_states_no_group_leaves_it_open(tmp_path: Path, density: Density, number: int) -> None:
    write_ccp4(tmp_path / "a.ccp4", density)
    data = bytearray((tmp_path / "a.ccp4").read_bytes())
    data[88:92] = number.to_bytes(4, "little", signed=True)
    (tmp_path / "a.ccp4").write_bytes(data)
    found = read_ccp4(tmp_path / "a.ccp4")
    assert found.stated_group is None
    with pytest.raises(SpaceGroupError, match="give space_group"):
        found.space_group()


def test_a_group_that_does_not_fit_the_cell_is_not_taken(tmp_path: Path, density: Density) -> None:
    write_ccp4(tmp_path / "a.ccp4", density)
    data = bytearray((tmp_path / "a.ccp4").read_bytes())
    data[88:92] = (225).to_bytes(4, "little")
    data[92:96] = bytes(4)
    del data[1024:1104]
    (tmp_path / "a.ccp4").write_bytes(data)
    assert read_ccp4(tmp_path / "a.ccp4").stated_group is None
