"""CCP4 and MRC maps, via gemmi: values in single precision over a cell known by its six parameters."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.lattice import METRIC_TOLERANCE, metric_change
from symfft.crystal.space_group import SpaceGroup
from symfft.density import Density
from symfft.errors import DensityFormatError, ShapeError
from symfft.io._compressed import DecompressionError, PathLike, Source, replace_compressed
from symfft.io._text import FREE_NUMBERS, MAX_POINTS, NUMBERS_PER_BYTE
from symfft.io.kinds import kind_to_read, require_kind_of_name
from symfft.kinds import Kind

HEADER = 1024
#: Type of the values by mode (MRC-2014, and 12 for half precision).
TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
#: First byte of the machine stamp by byte order.
STAMPS = {0x44: "<", 0x11: ">"}
#: No space group has more operators in its conventional cell.
MOST_OPERATORS = 192
#: First of the header's ten labels of 80 characters, as a four-byte word; gemmi counts from 1.
LABELS = 57
#: What a label says of the values.
NOTE = "symfft: values are "


@dataclass(frozen=True)
class Header:
    """The part of a map's header that decides how it is read."""

    order: str
    mode: int
    points: int
    symmetry: int
    kind: str | None

    @property
    def bytes_behind(self) -> int:
        """Bytes of symmetry operators and values."""
        return self.symmetry + self.points * np.dtype(TYPES[self.mode]).itemsize


def read_ccp4(path: PathLike, *, kind: Kind | None = None, max_points: int = MAX_POINTS) -> Density:
    """Read a CCP4 or MRC map, plain or compressed, and bring it to the whole cell with axes in the order a, b, c.

    Both byte orders, and values of the modes 0 (int8), 1 (int16), 2 (float32), 6 (uint16) and 12 (float16). A map that
    covers a part of the cell is completed with the operators of its space group. The file knows only the lengths and
    angles of the cell: a lies along x, b in the plane of x and y. It has no atoms: the space group of its header is
    the density's ``stated_group``, unless it is P1, which most programs write whatever a map holds. The origin of
    MRC-2014 files (words 50 to 52) is not used.

    Parameters
    ----------
    path : path-like
        The map.
    kind : {"charge", "potential", "elf", "kinetic_energy", "other"}, optional
        What the values are; by default what a note of :func:`write_ccp4` or a word in the file's name says, or charge.
    max_points : int
        Largest grid to accept, for the whole cell.

    Returns
    -------
    Density
        ``values`` (Nx, Ny, Nz), exact doubles of the numbers in the file, in e/Å³, eV, 1 or eV/Å³ by kind; no atoms.

    Raises
    ------
    DensityFormatError
        If the file is not a map, is cut off, has no cell, or does not determine the whole cell.
    """
    import gemmi

    with _normalized(path, max_points) as (header, plain):
        found = kind_to_read(path, kind, header.kind)
        try:
            map_ = gemmi.read_ccp4_map(str(plain))
            stated = _stated_group(map_, header)
            if stated is not None:
                map_.grid.spacegroup = stated
            map_.setup(math.nan)
        except (RuntimeError, ValueError, OSError) as error:
            raise DensityFormatError(path, f"expected a CCP4 map: {error}") from error
        grid = map_.grid
        with np.errstate(invalid="ignore"):  # not a number, counted below
            values = np.ascontiguousarray(grid.array, dtype=np.float64)
        lattice = np.array(grid.unit_cell.orth.mat.tolist(), dtype=np.float64).T
    missing = int(np.isnan(values).sum())
    if missing:
        raise DensityFormatError(
            path, f"expected a map that determines the whole cell, {missing} of {values.size} points are not given"
        )
    try:
        return Density(
            values,
            lattice,
            np.empty((0, 3)),
            np.empty(0, dtype=np.int64),
            kind=found,
            comment=Path(str(path)).name,
            stated_group=None if stated is None else group_of_gemmi(stated, lattice),
        )
    except ShapeError as error:
        raise DensityFormatError(path, str(error)) from error


def write_ccp4(path: PathLike, density: Density) -> None:
    """Write the values of a density as a CCP4 map of the whole cell, atomically, compressed as its suffix says.

    Its space group is the density's ``stated_group`` where that is one of gemmi's settings, else P1.

    The format has single precision (seven digits), no atoms, no magnetization, and keeps of the lattice only lengths
    and angles: its orientation in space is lost. Lattice vectors that are left-handed, which six parameters cannot
    say, are all reversed, and so are the axes of the grid: index i becomes -i. A label in the header says of which
    kind the values are.

    Parameters
    ----------
    path : path-like
        Where to write.
    density : Density
        What to write.

    Raises
    ------
    ShapeError
        If a value exceeds single precision.
    DensityFormatError
        If the name says another kind of values than the density has.
    """
    import gemmi

    require_kind_of_name(path, density, recorded=True)
    if np.abs(density.values).max() > np.finfo(np.float32).max:
        raise ShapeError(f"{path}: a value exceeds single precision, {np.abs(density.values).max()}")
    values = density.values.astype(np.float32)
    if is_left_handed(density.lattice):
        values = np.ascontiguousarray(np.roll(values[::-1, ::-1, ::-1], 1, axis=(0, 1, 2)))
    map_ = gemmi.Ccp4Map()
    map_.grid = gemmi.FloatGrid(values)
    map_.grid.spacegroup = _setting(density) or gemmi.SpaceGroup("P 1")
    map_.grid.set_unit_cell(gemmi.UnitCell(*cell_parameters(density.lattice)))
    map_.update_ccp4_header(2)
    map_.set_header_i32(LABELS - 1, 1)
    map_.set_header_str(LABELS, f"{NOTE}{density.kind}".ljust(80))
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "map"
        map_.write_ccp4_map(str(plain))
        with replace_compressed(path) as file:
            file.write(plain.read_bytes())


def is_left_handed(lattice: NDArray[np.float64]) -> bool:
    """Whether the three vectors in this order are left-handed."""
    return bool(np.linalg.det(lattice) < 0.0)


def cell_parameters(lattice: NDArray[np.float64]) -> tuple[float, ...]:
    """Return lengths in Å and angles in degrees of three lattice vectors, a b c α β γ.

    Examples
    --------
    >>> import numpy as np
    >>> [round(x, 6) for x in cell_parameters(np.array([[0.0, 2, 2], [2, 0, 2], [2, 2, 0]]))]
    [2.828427, 2.828427, 2.828427, 60.0, 60.0, 60.0]
    """
    lengths = np.linalg.norm(lattice, axis=1)
    unit = lattice / lengths[:, None]
    angles = [np.degrees(np.arccos(np.clip(unit[i] @ unit[j], -1.0, 1.0))) for i, j in ((1, 2), (0, 2), (0, 1))]
    return *map(float, lengths), *map(float, angles)


def group_of_gemmi(setting: Any, lattice: NDArray[np.float64]) -> SpaceGroup | None:
    """Return one of gemmi's space groups as ours; None for P1, and where its operators do not map the cell onto itself.

    Parameters
    ----------
    setting : gemmi.SpaceGroup
        The group.
    lattice : (3, 3) float64
        Basis vectors of the cell as rows.
    """
    group = SpaceGroup.from_symbol(setting.xhm())
    fits = metric_change(group.rotations, lattice).max() <= METRIC_TOLERANCE
    return group if group.order > 1 and fits else None


def _setting(density: Density) -> Any:
    """Return the stated group of a density as gemmi knows it; None where there is none, or the cell is mirrored."""
    import gemmi

    group = density.stated_group
    if group is None or is_left_handed(density.lattice):
        return None
    return gemmi.find_spacegroup_by_ops(gemmi.GroupOps([gemmi.Op(triplet) for triplet in group.triplets]))


def _stated_group(map_: Any, header: Header) -> Any:
    """Return the group that the operators of the header make, or its number says; None where gemmi knows neither."""
    import gemmi

    text = map_.header_str(HEADER // 4 + 1, header.symmetry) if header.symmetry else ""
    try:
        operators = [gemmi.Op(line) for i in range(0, len(text), 80) if (line := text[i : i + 80].strip(" \0"))]
        found = gemmi.find_spacegroup_by_ops(gemmi.GroupOps(operators)) if len(operators) > 1 else None
    except (RuntimeError, ValueError):
        found = None
    return found or gemmi.find_spacegroup_by_number(map_.header_i32(23))


@contextmanager
def _normalized(path: PathLike, max_points: int) -> Iterator[tuple[Header, Path]]:
    """Give the header and a plain little-endian copy of mode 2, the one kind of map that gemmi reads on any machine."""
    try:
        with Source(path) as source:
            raw = source.stream.read(HEADER)
            header = _read_header(path, raw, max_points)
            expanded = source.largest_expansion(FREE_NUMBERS, NUMBERS_PER_BYTE)
            if expanded is not None and header.points > expanded:
                raise DensityFormatError(
                    path,
                    f"expected at most {expanded} points in a compressed file of this size, found {header.points}: "
                    "if this is meant, decompress it first",
                )
            with tempfile.TemporaryDirectory(prefix="symfft-") as folder:
                plain = Path(folder) / "map"
                with plain.open("wb") as copy:
                    copy.write(_little_endian(raw, header))
                    _copy_values(path, source, header, copy)
                yield header, plain
    except DecompressionError as error:
        raise DensityFormatError(path, f"the compressed data is damaged or cut off ({error})") from error


def _copy_values(path: PathLike, source: Source, header: Header, copy: Any) -> None:
    left = header.bytes_behind
    symmetry = source.stream.read(header.symmetry)
    copy.write(symmetry)
    left -= len(symmetry)
    stored = np.dtype(header.order + TYPES[header.mode])
    while left and (piece := source.stream.read(min(1 << 20, left))):
        left -= len(piece)
        copy.write(np.frombuffer(piece, dtype=stored, count=len(piece) // stored.itemsize).astype("<f4").tobytes())
    if left:
        found = header.bytes_behind - left
        raise DensityFormatError(
            path, f"expected {header.bytes_behind} bytes after the header, the file ends after {found}"
        )
    if not source.plain:  # the check sums of a compressed file stand at its end
        while source.stream.read(1 << 20):
            pass


def _read_header(path: PathLike, raw: bytes, max_points: int) -> Header:
    if len(raw) < HEADER or raw[208:212] != b"MAP ":
        raise DensityFormatError(path, "expected a CCP4 map: no MAP in bytes 208 to 211 of the header")
    order = _byte_order(raw)
    words = np.frombuffer(raw, dtype=f"{order}i4").tolist()
    counts, grid, mode, symmetry = words[:3], words[7:10], words[3], words[23]
    if min(counts + grid) < 1 or mode not in TYPES or not 0 <= symmetry <= 80 * MOST_OPERATORS:
        raise DensityFormatError(
            path,
            f"expected a map of real values of the modes {', '.join(map(str, TYPES))}, found mode {mode}, points "
            f"{counts}, cell {grid}, {symmetry} bytes of symmetry",
        )
    points = math.prod(counts)
    if math.prod(grid) > min(max_points, MOST_OPERATORS * points) or points > max_points:
        raise DensityFormatError(
            path,
            f"expected a cell of at most {max_points} points, and {MOST_OPERATORS} times the map's, "
            f"found points {counts}, cell {grid}",
        )
    cell = np.frombuffer(raw, dtype=f"{order}f4")[10:16].tolist()
    if not (all(0 < x < math.inf for x in cell[:3]) and all(0 < x < 180 for x in cell[3:])):
        raise DensityFormatError(
            path,
            f"expected lengths and angles of the cell in words 11 to 16 of the header, found {cell}: without them the "
            "map fills no known volume; write them with the program that made the map",
        )
    label = raw[4 * (LABELS - 1) : 4 * (LABELS - 1) + 80].decode("ascii", "replace").strip()
    kind = label.removeprefix(NOTE) if label.startswith(NOTE) else None
    return Header(order, mode, points, symmetry, kind)


def _byte_order(raw: bytes) -> str:
    """Return the byte order in which the header makes sense; the machine stamp decides where both or neither do."""
    orders = [order for order in "<>" if _is_sensible(np.frombuffer(raw, dtype=f"{order}i4").tolist())]
    stamp = STAMPS.get(raw[212], "<")
    return orders[0] if len(orders) == 1 else stamp


def _is_sensible(words: list[int]) -> bool:
    return 0 <= words[3] < 128 and all(0 < count < 1 << 20 for count in words[:3])


def _little_endian(raw: bytes, header: Header) -> bytes:
    """Return the header with its numbers in little-endian order and mode 2; text stays as it is."""
    numbers = np.frombuffer(raw[:208], dtype=f"{header.order}i4").astype("<i4")
    numbers[3] = 2
    text = slice(4 * 26, 4 * 27)  # the type of an extended header
    words = bytearray(numbers.tobytes())
    words[text] = raw[text]
    rms, labels = (raw[i : i + 4] if header.order == "<" else raw[i : i + 4][::-1] for i in (216, 220))
    return bytes(words) + b"MAP " + b"\x44\x44\0\0" + rms + labels + raw[224:]
