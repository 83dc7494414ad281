"""VASP's volumetric files: CHGCAR, CHG, AECCAR, PARCHG, LOCPOT, ELFCAR, TAUCAR.

The only room that knows that VASP stores ρ·V in e (V the volume of the cell), x fastest. Blocks are: one without
spin; two for collinear spin (total and magnetization; up and down in LOCPOT, ELFCAR and TAUCAR); four without a common
axis (total and three components of the magnetization).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.lattice import cell_volume
from symfft.density import Density
from symfft.errors import ChgcarFormatError, ShapeError
from symfft.io._blocks import fields_of_blocks
from symfft.io._compressed import PathLike, replace_compressed
from symfft.io._format import format_grid
from symfft.io._parse_kernels import to_c_order
from symfft.io._poscar import format_header, read_header
from symfft.io._text import MAX_POINTS, NUMBER, TextReader, show
from symfft.io.foreign import WITHOUT_DENSITY
from symfft.io.kinds import kind_to_read, require_kind_of_name
from symfft.kinds import Kind

#: Ends the comment line of a file that lacks the augmentation occupancies VASP expects in a CHGCAR.
NO_AUGMENTATION = " [no augmentation occupancies]"

#: Kinds stored times the volume of the cell.
SCALED_KINDS = ("charge", "kinetic_energy")

#: Velocities follow the sites of a structure.
_VELOCITY = re.compile(rb"\s*(?:[-+]?\d*\.\d+(?:[eEdD][-+]?\d+)?\s*){3}")
_DIMENSIONS = re.compile(rb"\s*(\d{1,9})\s+(\d{1,9})\s+(\d{1,9})\s*")
_AUGMENTATION = re.compile(rb"\s*augmentation occupancies( \(imaginary part\))?(.*)")
# 2I4: the fields touch from ion 1000 on, and hold stars from ion 10000 on.
_ION_AND_COUNT = re.compile(rb"\s*(?:(?:\d+|\*{4})\s+(\d{1,4})|(?:\d{4}|\*{4})(\d{4}))\s*")
_NUMBERS = re.compile(rb"(?:\s*" + NUMBER + rb")+\s*")


def read_chgcar(
    path: PathLike, *, kind: Kind | None = None, species: Sequence[str] | None = None, max_points: int = MAX_POINTS
) -> Density:
    """Read a CHGCAR, CHG, AECCAR, PARCHG, LOCPOT, ELFCAR or TAUCAR, plain or compressed (gzip, xz, bzip2, Zstandard).

    The numbers in the file are converted to the nearest doubles; those of a charge or kinetic-energy density are then
    divided by the volume of the cell. Takes what VASP 4 to 6 and other programs write: any number of values per line
    and any width, fields that touch, exponents without their letter, element labels with a pseudopotential or a hash,
    headers without symbols, all three forms of scale, selective dynamics, Cartesian coordinates, a last line filled
    up with zeros, CR LF line ends.

    Parameters
    ----------
    path : path-like
        The file. It is read in one pass through a window of fixed size.
    kind : {"charge", "potential", "elf", "kinetic_energy", "other"}, optional
        What the values are; by default what a word in the file's name says (LOCPOT or POT, ELFCAR, TAUCAR), or charge.
    species : sequence of str, optional
        Element of every count of atoms, for headers without symbols. Without it such atoms get the numbers
        -1, -2, ….
    max_points : int
        Largest grid to accept.

    Returns
    -------
    Density
        ``values`` (Nx, Ny, Nz) float64 in e/Å³ (charge), eV (potential), eV/Å³ (kinetic energy) or 1 (ELF). The
        augmentation occupancies and the site moments (MAGMOM lines) between the blocks are kept as text.

    Raises
    ------
    ChgcarFormatError
        If the file is empty, cut off, garbled, too long or not of this kind: with the line, what was expected and
        what was there.
    OSError
        If the file cannot be opened.
    """
    kind = kind_to_read(path, kind)
    with TextReader(path, ChgcarFormatError) as reader:
        header = read_header(reader, species)
        shape = _read_dimensions(reader, max_points)
        atoms = len(header.numbers)
        divisor = cell_volume(header.lattice) if kind in SCALED_KINDS else 1.0
        blocks: list[NDArray[np.float64]] = []
        augmentation: list[str] = []
        moments: list[str] = []
        more = True
        while more:
            blocks.append(_read_grid(reader, shape, divisor))
            if len(blocks) > 4:
                reader.fail("expected one, two or four blocks, found a fifth")
            sections = _read_augmentation(reader, atoms)
            site_moments, more = _read_to_next_block(reader, shape, atoms)
            if blocks[1:] and sections.count("aug") != augmentation[0].count("aug"):
                reader.fail(
                    f"expected as many augmentation occupancies after block {len(blocks)} as after the first, "
                    f"found {'none' if not sections else 'fewer or more'}"
                )
            augmentation.append(sections)
            moments.append(site_moments)
        if len(blocks) == 3:
            reader.fail("expected one, two or four blocks, the file ends after three")
    return reader.density(
        lattice=header.lattice,
        positions=header.positions,
        numbers=header.numbers,
        comment=header.comment.removesuffix(NO_AUGMENTATION),
        species=header.species,
        selective_dynamics=header.selective_dynamics,
        augmentation=tuple(augmentation) if augmentation[0] else None,
        site_moments=tuple(moments[:-1]) if any(moments) else None,
        **fields_of_blocks(blocks, kind),
    )


def write_chgcar(path: PathLike, density: Density) -> None:
    """Write a file that VASP, pymatgen and ASE read, atomically, compressed as its suffix (.gz, .xz, .bz2, .zst) says.

    Lattice and positions keep every bit, grid values 11 significant digits, correctly rounded, as VASP writes them
    (ten digits below 1e-99, so that the exponent keeps its letter). Augmentation occupancies and site moments are
    written as they were read. Where a charge density has none, as a generated one, the comment line ends in
    ``[no augmentation occupancies]``: VASP starts from such a file (``ICHARG=1``) with a warning and atomic
    occupancies, but cannot do a non-self-consistent calculation with it (``ICHARG=11``).

    Parameters
    ----------
    path : path-like
        Where to write.
    density : Density
        What to write; with at least one atom.

    Raises
    ------
    ShapeError
        If the density has no atoms, or atoms of no element.
    DensityFormatError
        If the name says another kind of values than the density has, or none and it is not a charge density: of VASP's
        files the name alone says what they hold.
    """
    require_kind_of_name(path, density, recorded=False)
    if len(density.numbers) == 0:
        raise ShapeError(
            f"{path}: a VASP file needs at least one atom, this density has none; "
            "add positions and numbers with dataclasses.replace, or write a .cube or .ccp4 file"
        )
    factor = density.volume if density.kind in SCALED_KINDS else 1.0
    blocks: list[NDArray[np.float64]] = [density.values]
    if density.spin_down is not None:
        blocks.append(density.spin_down)
    if density.magnetization is not None:
        blocks += [density.magnetization] if density.magnetization.ndim == 3 else list(density.magnetization)
    augmentation = [_checked(path, text) for text in density.augmentation or ("",) * len(blocks)]
    moments = [_checked(path, text) for text in (*(density.site_moments or ("",) * (len(blocks) - 1)), "")]
    comment = density.comment
    if density.kind == "charge" and density.augmentation is None:
        comment += NO_AUGMENTATION
    with replace_compressed(path) as file:
        file.write(
            format_header(
                comment,
                density.lattice,
                density.positions,
                density.numbers,
                density.species,
                density.selective_dynamics,
            )
        )
        file.write(b"\n")
        for block, occupancies, site_moments in zip(blocks, augmentation, moments, strict=True):
            file.write("".join(f"{n:5d}" for n in block.shape).encode() + b"\n")
            for piece in format_grid(block, factor, per_line=5, x_fastest=True):
                file.write(piece)
            file.write(occupancies + site_moments)


def _read_dimensions(reader: TextReader, max_points: int) -> tuple[int, int, int]:
    line = reader.next_text()
    if line is None:
        reader.fail(f"expected three grid dimensions, the file ends: {WITHOUT_DENSITY}, or the file was cut")
    shape = _dimensions(line)
    if shape is None and _VELOCITY.fullmatch(line):
        reader.fail(f"expected three grid dimensions, found {show(line)}: {WITHOUT_DENSITY}", line=reader.line - 1)
    if shape is None or 0 in shape:
        reader.fail(f"expected three positive grid dimensions, found {show(line)}", line=reader.line - 1)
    points = shape[0] * shape[1] * shape[2]
    if points > max_points:
        reader.fail(
            f"expected a grid of at most {max_points} points, found {points}; "
            "the argument max_points allows more where this is meant",
            line=reader.line - 1,
        )
    return shape


def _dimensions(line: bytes) -> tuple[int, int, int] | None:
    match = _DIMENSIONS.fullmatch(line)
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))


def _read_grid(reader: TextReader, shape: tuple[int, int, int], divisor: float) -> NDArray[np.float64]:
    nx, ny, nz = shape
    what = f"grid values ({nx} x {ny} x {nz})"
    raw = reader.read_numbers(nx * ny * nz, what)
    reader.expect_line_end(what)
    values = np.empty(shape)
    if reader.compiled:
        to_c_order(raw, divisor, values)
    else:
        np.divide(raw.reshape(nz, ny, nx).transpose(2, 1, 0), divisor, out=values)
    return values


def _read_augmentation(reader: TextReader, atoms: int) -> str:
    """Return the augmentation occupancies of all ions as text, or an empty string; check that they are complete."""
    pieces: list[bytes] = []
    found = {False: 0, True: 0}
    while (line := reader.next_text()) is not None:
        match = _AUGMENTATION.fullmatch(line)
        if match is None:
            reader.push_back(line)
            break
        fields = _ION_AND_COUNT.fullmatch(match[2])
        if fields is None:
            reader.fail(f"expected an ion and a count of occupancies, found {show(line)}", line=reader.line - 1)
        found[match[1] is not None] += 1
        what = f"augmentation occupancies of ion {found[match[1] is not None]}"
        text: list[bytes] = [line.rstrip(), b"\n"]
        if count := int(fields[1] or fields[2]):
            reader.read_numbers(count, what, text)
            reader.expect_line_end(what)
            text.append(b"\n")
        pieces += text
    if found[False] not in (0, atoms) or found[True] not in (0, found[False]):
        reader.fail(f"expected augmentation occupancies of {atoms} ions, found those of {found[False]}")
    return _without_blank_lines(b"".join(pieces).replace(b"\r\n", b"\n")).decode("ascii")


def _checked(path: PathLike, text: str) -> bytes:
    """Return occupancies or site moments as lines for a file; refuse what no reader could make sense of."""
    lines = [line for line in text.encode("utf-8", "surrogateescape").splitlines() if line.strip()]
    for line in lines:
        if not _AUGMENTATION.fullmatch(line) and not _NUMBERS.fullmatch(line):
            raise ShapeError(f"{path}: expected augmentation occupancies or site moments to write, found {show(line)}")
    return b"".join(line + b"\n" for line in lines)


def _without_blank_lines(text: bytes) -> bytes:
    """Return lines without the blank ones, which VASP takes for damage between occupancies."""
    return re.sub(rb"\n[ \t]*(?=\n)|^[ \t]*\n", b"", text)


def _read_to_next_block(reader: TextReader, shape: tuple[int, int, int], atoms: int) -> tuple[str, bool]:
    """Return the site moments that stand before the next block as text, and whether there is a next block."""
    lines: list[bytes] = []
    values = 0
    while (line := reader.next_text()) is not None:
        dimensions = _dimensions(line)
        if dimensions is not None:
            if dimensions != shape:
                reader.fail(f"expected the grid dimensions {shape} again, found {dimensions}", line=reader.line - 1)
            break
        if not _NUMBERS.fullmatch(line) or b"." not in line:
            reader.fail(
                "expected augmentation occupancies, site moments, the next block or the end of the file, "
                f"found {show(line)}",
                line=reader.line - 1,
            )
        lines.append(line.rstrip() + b"\n")
        values += len(re.findall(NUMBER, line))
        if values > 3 * atoms:
            reader.fail(
                f"expected the end of the block, or moments of {atoms} sites, found more numbers: {show(line)}",
                line=reader.line - 1,
            )
    if lines and line is None:
        reader.fail("expected another block after the site moments, the file ends")
    return b"".join(lines).decode("ascii"), line is not None
