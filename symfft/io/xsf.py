"""XCrySDen's XSF: a crystal and values on a general grid, whose last planes repeat the first ones; x fastest.

Lengths in Å. The format says nothing about units; values are taken and written in e/Å³ (eV, 1, eV/Å³ by kind).
http://www.xcrysden.org/doc/XSF.html describes it.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.elements import ATOMIC_NUMBERS, symbol
from symfft.crystal.lattice import cell_volume
from symfft.density import Density
from symfft.errors import ShapeError
from symfft.io._compressed import PathLike, replace_compressed
from symfft.io._format import format_grid
from symfft.io._poscar import MOST_ATOMS
from symfft.io._text import MAX_POINTS, TextReader, leading_numbers, show
from symfft.io.foreign import WITHOUT_DENSITY
from symfft.io.kinds import kind_to_read, require_kind_of_name
from symfft.kinds import Kind

#: Largest difference between a plane and its repetition, relative to the largest value: files carry few digits.
REPETITION = 1e-3
#: Largest difference between the vectors of the grid and of the cell, relative to their lengths.
SPAN = 1e-4

_COUNTS = re.compile(rb"\s*(\d{1,9})\s+(\d{1,9})\s+(\d{1,9})\s*")
_GRID = re.compile(rb"\s*(?:BEGIN_)?DATAGRID_3D_?(\S*)\s*")


@dataclass
class _Contents:
    lattice: NDArray[np.float64] | None = None
    numbers: array[int] = field(default_factory=lambda: array("q"))
    positions: array[float] = field(default_factory=lambda: array("d"))
    values: NDArray[np.float64] | None = None
    grids: int = 0
    name: str = ""
    origin: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    span: NDArray[np.float64] | None = None


def read_xsf(
    path: PathLike, *, kind: Kind | None = None, dataset: int | None = None, max_points: int = MAX_POINTS
) -> Density:
    """Read an XSF file with a three-dimensional grid over the cell, plain or compressed.

    Positions are relative to the origin of the grid. Without PRIMVEC the vectors of the grid are the cell.

    Parameters
    ----------
    path : path-like
        The file.
    kind : {"charge", "potential", "elf", "kinetic_energy", "other"}, optional
        What the values are; by default what the name of a grid of :func:`write_xsf` or a word in the file's name says,
        or charge.
    dataset : int, optional
        Which grid to read, from 0, where there are several.
    max_points : int
        Largest grid to accept.

    Returns
    -------
    Density
        ``values`` as they are in the file: e/Å³, eV, 1 or eV/Å³ by kind.

    Raises
    ------
    DensityFormatError
        If the file is cut off or garbled, has no grid or several, or a grid that is not periodic or does not span the
        primitive cell.
    """
    with TextReader(path) as reader:
        contents = _read(reader, dataset, max_points)
        if contents.values is None or contents.span is None:
            where = " before that data set" if dataset else f": {WITHOUT_DENSITY}"
            reader.fail(f"expected a block DATAGRID_3D, the file ends{where}")
        if dataset is None and contents.grids > 1:
            reader.fail(
                f"the file holds {contents.grids} grids: say which one to read, from 0, with dataset=N (--dataset N)"
            )
        lattice = contents.span if contents.lattice is None else contents.lattice
        if not 0.0 < cell_volume(lattice) < np.inf:
            reader.fail(f"expected three independent lattice vectors, found {lattice.tolist()}")
        if np.abs(contents.span - lattice).max() > SPAN * np.abs(lattice).max():
            reader.fail(
                f"expected a grid over the primitive cell {lattice.tolist()}, it spans {contents.span.tolist()}"
            )
        recorded = contents.name.removeprefix("symfft_") if contents.name.startswith("symfft_") else None
        found = kind_to_read(path, kind, recorded)
        positions = (np.array(contents.positions).reshape(-1, 3) - contents.origin) @ np.linalg.inv(lattice)
        return reader.density(
            values=_periodic_part(reader, contents.values),
            lattice=lattice,
            positions=positions,
            numbers=np.array(contents.numbers, dtype=np.int64),
            kind=found,
        )


def write_xsf(path: PathLike, density: Density) -> None:
    """Write the values of a density as an XSF file, atomically, compressed as its suffix says.

    Lengths in Å, values in e/Å³ (eV, 1, eV/Å³ by kind) with 11 significant digits; the name of the grid says the kind.
    The format has no room for magnetization, augmentation occupancies or site moments.

    Parameters
    ----------
    path : path-like
        Where to write.
    density : Density
        What to write.

    Raises
    ------
    ShapeError
        If an atom's element is unknown.
    DensityFormatError
        If the name says another kind of values than the density has.
    """
    require_kind_of_name(path, density, recorded=True)
    if (density.numbers < 1).any():
        raise ShapeError(f"{path}: an XSF file needs elements, this density has atoms of unknown element")
    name = f"symfft_{density.kind}"
    vectors = "".join(f" {x!r:>24} {y!r:>24} {z!r:>24}\n" for x, y, z in density.lattice.tolist())
    comment = " ".join(density.comment.splitlines())
    lines = f"# {comment}\nCRYSTAL\nPRIMVEC\n{vectors}PRIMCOORD\n{len(density.numbers)} 1\n"
    for number, position in zip(density.numbers.tolist(), (density.positions @ density.lattice).tolist(), strict=True):
        lines += f"{symbol(number):<2}" + "".join(f" {x!r:>24}" for x in position) + "\n"
    shape = " ".join(str(n + 1) for n in density.shape)
    lines += f"BEGIN_BLOCK_DATAGRID_3D\n{name}\nBEGIN_DATAGRID_3D_{name}\n{shape}\n0 0 0\n{vectors}"
    closed = np.pad(density.values, [(0, 1)] * 3, mode="wrap")
    with replace_compressed(path) as file:
        file.write(lines.encode("utf-8", "surrogateescape"))
        for piece in format_grid(closed, 1.0, per_line=6, x_fastest=True):
            file.write(piece)
        file.write(b"END_DATAGRID_3D\nEND_BLOCK_DATAGRID_3D\n")


def _read(reader: TextReader, dataset: int | None, max_points: int) -> _Contents:
    contents = _Contents()
    while (line := reader.next_text()) is not None:
        word = line.split()[0].upper()
        if word.startswith(b"#") or word in (b"CRYSTAL", b"SLAB", b"POLYMER", b"MOLECULE", b"DIM-GROUP"):
            if word == b"DIM-GROUP":
                reader.expect_line("dimension and group")
        elif word == b"ANIMSTEPS":
            reader.fail("expected one structure, this file holds an animation")
        elif word == b"PRIMVEC":
            contents.lattice = _read_vectors(reader, "PRIMVEC")
        elif word == b"CONVVEC":
            _read_vectors(reader, "CONVVEC")
        elif word in (b"PRIMCOORD", b"CONVCOORD"):
            _read_coordinates(reader, contents, use=word == b"PRIMCOORD")
        elif word == b"ATOMS":
            _read_atoms(reader, contents)
        elif word.startswith(b"BEGIN_BLOCK_DATAGRID_3D"):
            _read_block(reader, contents, dataset, max_points)
            if dataset is not None and contents.grids > dataset:
                return contents
        elif word.startswith(b"BEGIN_BLOCK"):
            _skip_block(reader, word)
        else:
            reader.fail(f"expected a keyword of XSF, found {show(line)}", line=reader.line - 1)
    return contents


def _read_vectors(reader: TextReader, what: str) -> NDArray[np.float64]:
    return np.array([_read_numbers(reader, 3, f"a vector of {what}") for _ in range(3)])


def _read_numbers(reader: TextReader, count: int, what: str) -> list[float]:
    line = reader.expect_line(what)
    found = leading_numbers(line, count)
    if found is None or not np.isfinite(found[0]).all():
        reader.fail(f"expected {what} ({count} numbers), found {show(line)}", line=reader.line - 1)
    return found[0]


def _read_coordinates(reader: TextReader, contents: _Contents, *, use: bool) -> None:
    count = _read_numbers(reader, 1, "the number of atoms")[0]
    if not 0 <= count <= MOST_ATOMS or count != int(count):
        reader.fail(f"expected the number of atoms, found {count}", line=reader.line - 1)
    for i in range(int(count)):
        number, position = _atom(reader, reader.expect_line(f"atom {i + 1} of {int(count)}"))
        if use:
            contents.numbers.append(number)
            contents.positions.extend(position)


def _read_atoms(reader: TextReader, contents: _Contents) -> None:
    """Read atoms of a molecule up to the next keyword."""
    while (line := reader.next_text()) is not None:
        if line.split()[0].startswith((b"BEGIN_", b"#")) or len(contents.numbers) >= MOST_ATOMS:
            reader.push_back(line)
            return
        number, position = _atom(reader, line)
        contents.numbers.append(number)
        contents.positions.extend(position)


def _atom(reader: TextReader, line: bytes) -> tuple[int, list[float]]:
    label, _, rest = line.strip().partition(b" ")
    found = leading_numbers(rest, 3)
    name = label.decode("ascii", "replace")
    number = int(name) if re.fullmatch(r"[0-9]{1,3}", name) else ATOMIC_NUMBERS.get(name.capitalize())
    if number is None or found is None or not np.isfinite(found[0]).all():
        reader.fail(f"expected an element and three coordinates, found {show(line)}", line=reader.line - 1)
    return number, found[0]


def _read_block(reader: TextReader, contents: _Contents, dataset: int | None, max_points: int) -> None:
    while (line := reader.next_text()) is not None:
        word = line.split()[0].upper()
        match = _GRID.fullmatch(line)
        if word.startswith(b"END_BLOCK"):
            return
        if match is None:  # the name of the block
            continue
        _read_grid(reader, contents, match[1].decode("ascii", "replace"), dataset, max_points)
        contents.grids += 1
        if dataset is not None and contents.grids > dataset:
            return
    reader.fail("expected END_BLOCK_DATAGRID_3D, the file ends")


def _read_grid(reader: TextReader, contents: _Contents, name: str, dataset: int | None, max_points: int) -> None:
    line = reader.expect_line("three numbers of points")
    match = _COUNTS.fullmatch(line)
    shape = tuple(int(n) for n in match.groups()) if match else (0,)
    if min(shape) < 2:
        reader.fail(f"expected three numbers of points, 2 or more, found {show(line)}", line=reader.line - 1)
    nx, ny, nz = shape
    if nx * ny * nz > max_points:
        reader.fail(f"expected at most {max_points} points, found {nx * ny * nz}; the argument max_points allows more")
    origin = np.array(_read_numbers(reader, 3, "the origin of the grid"))
    span = _read_vectors(reader, "the grid")
    what = f"values of the grid ({nx} x {ny} x {nz})"
    values = reader.read_numbers(nx * ny * nz, what).reshape(nz, ny, nx)
    reader.expect_line_end(what)
    end = reader.next_text() or b""
    if not end.split()[:1] or not end.split()[0].upper().startswith(b"END_DATAGRID"):
        reader.fail(f"expected END_DATAGRID_3D, found {show(end)}")
    if contents.grids == (dataset or 0):
        contents.values, contents.name, contents.origin, contents.span = values.transpose(), name, origin, span


def _skip_block(reader: TextReader, begin: bytes) -> None:
    end = begin.replace(b"BEGIN", b"END", 1)
    while (line := reader.next_text()) is not None:
        if line.split()[0].upper() == end:
            return
    reader.fail(f"expected {show(end)}, the file ends")


def _periodic_part(reader: TextReader, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the grid without the planes that repeat the first ones, after a look whether they do."""
    scale = float(np.abs(values).max())
    for axis in range(3):
        first, last = values.take(0, axis), values.take(-1, axis)
        if np.abs(first - last).max() > REPETITION * scale:
            reader.fail(
                f"expected a periodic grid, whose last plane along axis {axis + 1} repeats the first; they differ by "
                f"{np.abs(first - last).max():.3g}"
            )
    return np.ascontiguousarray(values[:-1, :-1, :-1])
