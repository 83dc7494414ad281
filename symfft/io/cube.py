"""Gaussian cube files: z fastest, lengths in Bohr (or Å), values in atomic units.

The format is described by Gaussian's ``cubegen`` manual and, with its variants, in the h5cube specification.
"""

from __future__ import annotations

import re
from array import array

import numpy as np
from numpy.typing import NDArray

from symfft.constants import BOHR, HARTREE
from symfft.crystal.lattice import cell_volume
from symfft.density import Density
from symfft.errors import ShapeError
from symfft.io._compressed import PathLike, replace_compressed
from symfft.io._format import format_grid
from symfft.io._text import MAX_POINTS, TextReader, leading_numbers, show
from symfft.io.kinds import kind_to_read, require_kind_of_name
from symfft.kinds import Kind

#: Atomic unit of every kind of value.
UNITS: dict[Kind, float] = {
    "charge": 1.0 / BOHR**3,
    "potential": HARTREE,
    "elf": 1.0,
    "kinetic_energy": HARTREE / BOHR**3,
    "other": 1.0,
}

#: What :func:`write_cube` notes in the second comment.
_NOTE = re.compile(rb"(charge|potential|elf|kinetic_energy|other) in atomic units;")
_INTEGER = re.compile(rb"\s*([-+]?\d{1,9})(?=\s|$)")


def read_cube(
    path: PathLike, *, kind: Kind | None = None, dataset: int | None = None, max_points: int = MAX_POINTS
) -> Density:
    """Read a Gaussian cube file, plain or compressed.

    The cell is spanned by the number of voxels times the voxel vectors, as periodic programs write it. Positions are
    relative to the origin of the grid. Lengths are in Bohr, or in Å where the number of voxels is negative; values in
    atomic units in either case, and converted.

    Parameters
    ----------
    path : path-like
        The file.
    kind : {"charge", "potential", "elf", "kinetic_energy", "other"}, optional
        What the values are; by default what the second comment of :func:`write_cube` or a word in the file's name
        says, or charge.
    dataset : int, optional
        Which one to read, from 0, of a file that holds several values per voxel (such as orbitals, announced by a
        negative number of atoms).
    max_points : int
        Largest number of values to accept.

    Returns
    -------
    Density
        ``values`` in e/Å³, eV, 1 or eV/Å³ by `kind`.

    Raises
    ------
    DensityFormatError
        If the file is empty, cut off, garbled or too long, or holds several values per voxel and `dataset` does not
        say which.
    """
    with TextReader(path) as reader:
        comment = reader.expect_line("a comment").decode("utf-8", "surrogateescape").strip()
        note = _NOTE.match(reader.expect_line("a second comment"))
        found = kind_to_read(path, kind, note[1].decode() if note else None)
        atoms, origin, rest = _read_row(reader, "the number of atoms and the origin")
        if abs(atoms) > 1_000_000:
            reader.fail(f"expected the number of atoms, found {atoms}", line=reader.line - 1)
        per_voxel = int(rest.split()[0]) if re.fullmatch(rb"\s+\d{1,6}\s*", rest) else 1
        axes = [_read_row(reader, f"the voxels of axis {i + 1} and a vector") for i in range(3)]
        voxels = [count for count, _, _ in axes]
        if 0 in voxels or min(voxels) < 0 < max(voxels):
            reader.fail(f"expected three numbers of voxels of one sign, found {voxels}", line=reader.line - 1)
        length = BOHR if voxels[0] > 0 else 1.0
        nx, ny, nz = (abs(count) for count in voxels)
        lattice = np.array([vector for _, vector, _ in axes]) * length * np.array([[nx], [ny], [nz]])
        volume = cell_volume(lattice)
        if not 0.0 < volume < np.inf:
            reader.fail(f"expected three independent vectors, their volume is {volume}", line=reader.line - 1)
        numbers, cartesian = _read_atoms(reader, abs(atoms))
        if atoms < 0:
            per_voxel = _read_datasets(reader)
        if per_voxel < 1 or (dataset is None and per_voxel > 1) or not 0 <= (dataset or 0) < max(per_voxel, 1):
            reader.fail(
                f"the file holds {per_voxel} values per voxel; the argument dataset (--dataset) must say which one to "
                f"read, from 0 to {per_voxel - 1}, and is {dataset}"
            )
        count = nx * ny * nz * per_voxel
        if count > max_points:
            reader.fail(
                f"expected at most {max_points} values, the grid has {count}; the argument max_points allows more"
            )
        what = f"values ({nx} x {ny} x {nz}" + (f", {per_voxel} each)" if per_voxel > 1 else ")")
        raw = reader.read_numbers(count, what)
        reader.expect_line_end(what)
        if (extra := reader.next_text()) is not None:
            reader.fail(f"expected the end of the file, found {show(extra)}", line=reader.line - 1)
    values = raw.reshape(nx, ny, nz, per_voxel)[..., dataset or 0] * UNITS[found]
    shifted = (cartesian - origin) * length
    return reader.density(
        values=values,
        lattice=lattice,
        positions=np.linalg.solve(lattice.T, shifted.T).T,
        numbers=numbers,
        kind=found,
        comment=comment,
    )


def write_cube(path: PathLike, density: Density) -> None:
    """Write the values of a density as a Gaussian cube file, atomically, compressed as its suffix says.

    Lengths in Bohr and values in atomic units, with 11 significant digits. A cube file has no room for magnetization,
    augmentation occupancies or site moments.

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
        raise ShapeError(f"{path}: a cube file needs atomic numbers, this density has atoms of unknown element")
    comments = [
        " ".join(density.comment.splitlines()),
        f"{density.kind} in atomic units; loops: x outer, y middle, z inner",
    ]
    rows = [(len(density.numbers), np.zeros(3))]
    rows += [(n, vector / n / BOHR) for n, vector in zip(density.shape, density.lattice, strict=True)]
    lines = [f"{n:5d}" + "".join(f" {x:21.15f}" for x in vector) for n, vector in rows]
    for z, position in zip(density.numbers, density.positions @ density.lattice / BOHR, strict=True):
        lines.append(f"{z:5d} {float(z):11.6f}" + "".join(f" {x:21.15f}" for x in position))
    with replace_compressed(path) as file:
        file.write("".join(f"{line}\n" for line in (*comments, *lines)).encode("utf-8", "surrogateescape"))
        for piece in format_grid(density.values, 1.0 / UNITS[density.kind], per_line=6, x_fastest=False):
            file.write(piece)


def _read_row(reader: TextReader, what: str) -> tuple[int, list[float], bytes]:
    line = reader.expect_line(what)
    match = _INTEGER.match(line)
    found = leading_numbers(line[match.end() :], 3) if match else None
    if match is None or found is None or not np.isfinite(found[0]).all():
        reader.fail(f"expected {what} (an integer and three numbers), found {show(line)}", line=reader.line - 1)
    return int(match[1]), found[0], found[1]


def _read_atoms(reader: TextReader, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    numbers, positions = array("q"), array("d")
    for i in range(count):
        what = f"atom {i + 1} of {count} (atomic number, charge and position)"
        line = reader.expect_line(what)
        match = _INTEGER.match(line)
        found = leading_numbers(line[match.end() :], 4) if match else None
        if match is None or found is None or not np.isfinite(found[0]).all():
            reader.fail(f"expected {what}, found {show(line)}", line=reader.line - 1)
        numbers.append(int(match[1]))
        positions.extend(found[0][1:])
    return np.array(numbers, dtype=np.int64), np.array(positions).reshape(-1, 3)


def _read_datasets(reader: TextReader) -> int:
    """Read the count and the labels of data sets, over as many lines as they take; return the count."""
    fields: list[bytes] = []
    while not fields or len(fields) <= int(fields[0]):
        line = reader.expect_line("the number of data sets and their labels")
        fields += line.split()
        if (
            not fields
            or not all(re.fullmatch(rb"-?\d{1,9}", field) for field in fields)
            or not 0 < int(fields[0]) < 10**6
        ):
            reader.fail(f"expected the number of data sets and their labels, found {show(line)}", line=reader.line - 1)
    if len(fields) != int(fields[0]) + 1:
        reader.fail(f"expected {int(fields[0])} labels of data sets, found {len(fields) - 1}", line=reader.line - 1)
    return int(fields[0])
