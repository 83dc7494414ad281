"""CCP4 and MRC maps, through gemmi: values in single precision over a cell known by its six parameters."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from symfft.density import Density
from symfft.errors import DensityFormatError, ShapeError
from symfft.io._compressed import PathLike, Source, decompression_errors, replace_compressed
from symfft.io._text import MAX_POINTS

HEADER = 1024
BYTES_PER_VALUE = {0: 1, 1: 2, 2: 4, 6: 2}
#: No space group has more operators in its conventional cell.
MOST_OPERATORS = 192


def read_ccp4(path: PathLike, *, max_points: int = MAX_POINTS) -> Density:
    """Read a CCP4 or MRC map, plain or gzipped, and bring it to the whole cell with axes in the order a, b, c.

    A map that covers a part of the cell is completed with the operators of its space group. The file knows only the
    lengths and angles of the cell: a lies along x, b in the plane of x and y. It has no atoms, and does not tell the
    unit; values are taken as e/Å³. The origin of MRC-2014 files (words 50 to 52) is not used.

    Parameters
    ----------
    path : path-like
        The map.
    max_points : int
        Largest grid to accept, for the whole cell.

    Returns
    -------
    Density
        ``values`` (Nx, Ny, Nz), exact doubles of the single-precision numbers; no atoms.

    Raises
    ------
    DensityFormatError
        If the file is not a map, is cut off, or does not determine the whole cell.
    """
    import gemmi

    try:
        with _checked(path, max_points) as plain:
            map_ = gemmi.read_ccp4_map(str(plain))
        map_.setup(math.nan)
        grid = map_.grid
        values = np.ascontiguousarray(grid.array, dtype=np.float64)
        lattice = np.array(grid.unit_cell.orth.mat.tolist(), dtype=np.float64).T
    except (RuntimeError, ValueError, OSError) as error:
        raise DensityFormatError(path, f"expected a CCP4 map: {error}") from error
    missing = int(np.isnan(values).sum())
    if missing:
        raise DensityFormatError(
            path, f"expected a map that determines the whole cell, {missing} of {values.size} points are not given"
        )
    try:
        return Density(values, lattice, np.empty((0, 3)), np.empty(0, dtype=np.int64), comment=Path(path).name)
    except ShapeError as error:
        raise DensityFormatError(path, str(error)) from error


def write_ccp4(path: PathLike, density: Density) -> None:
    """Write the values of a density as a CCP4 map of the whole cell in P1, atomically, compressed as its suffix says.

    The format has single precision (seven digits), no atoms, no magnetization, and keeps of the lattice only lengths
    and angles: its orientation in space is lost. Lattice vectors that are left-handed, which six parameters cannot
    say, are all reversed, and so are the axes of the grid: index i becomes -i.

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
    """
    import gemmi

    if np.abs(density.values).max() > np.finfo(np.float32).max:
        raise ShapeError(f"{path}: a value exceeds single precision, {np.abs(density.values).max()}")
    values = density.values.astype(np.float32)
    if np.linalg.det(density.lattice) < 0.0:
        values = np.ascontiguousarray(np.roll(values[::-1, ::-1, ::-1], 1, axis=(0, 1, 2)))
    map_ = gemmi.Ccp4Map()
    map_.grid = gemmi.FloatGrid(values)
    map_.grid.spacegroup = gemmi.SpaceGroup("P 1")
    map_.grid.set_unit_cell(gemmi.UnitCell(*cell_parameters(density.lattice)))
    map_.update_ccp4_header(2)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "map"
        map_.write_ccp4_map(str(plain))
        with replace_compressed(path) as file:
            file.write(plain.read_bytes())


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


@contextmanager
def _checked(path: PathLike, max_points: int) -> Iterator[PathLike]:
    """Give the path of a plain file that holds what its header promises, before anything is allocated for it."""
    try:
        with Source(path) as source:
            header = source.stream.read(HEADER)
            wanted = _data_size(path, header, max_points)
            with ExitStack() as stack:
                copy = None if source.plain else stack.enter_context(tempfile.NamedTemporaryFile())
                if copy is not None:
                    copy.write(header)
                found = 0
                while found < wanted and (piece := source.stream.read(min(1 << 20, wanted - found))):
                    found += len(piece)
                    if copy is not None:
                        copy.write(piece)
                if found < wanted:
                    raise DensityFormatError(
                        path, f"expected {wanted} bytes after the header, the file ends after {found}"
                    )
                if copy is not None:
                    copy.flush()
                yield path if copy is None else copy.name
    except decompression_errors() as error:
        raise DensityFormatError(path, f"the compressed data is damaged or cut off ({error})") from error


def _data_size(path: PathLike, header: bytes, max_points: int) -> int:
    if len(header) < HEADER or header[208:212] != b"MAP ":
        raise DensityFormatError(path, "expected a CCP4 map: no MAP in bytes 208 to 211 of the header")
    words = np.frombuffer(header, dtype=">i4" if header[212] == 0x11 else "<i4").tolist()
    counts, cell, mode, symmetry = words[:3], words[7:10], words[3], words[23]
    if min(counts + cell) < 1 or mode not in BYTES_PER_VALUE or symmetry < 0:
        raise DensityFormatError(
            path, f"expected a map of real values, found mode {mode}, points {counts}, cell {cell}, symmetry {symmetry}"
        )
    points = math.prod(counts)
    if math.prod(cell) > min(max_points, MOST_OPERATORS * points) or points > max_points:
        raise DensityFormatError(
            path,
            f"expected a cell of at most {max_points} points, and {MOST_OPERATORS} times the map's, "
            f"found points {counts}, cell {cell}",
        )
    return int(symmetry + points * BYTES_PER_VALUE[mode])
