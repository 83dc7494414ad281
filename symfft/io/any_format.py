"""Read and write a density in whatever format its name and content say."""

from __future__ import annotations

from typing import Any

from symfft.density import Density
from symfft.errors import DensityFormatError
from symfft.io._compressed import PathLike, Source, bare_name, decompression_errors
from symfft.io._text import leading_numbers
from symfft.io.ccp4 import read_ccp4, write_ccp4
from symfft.io.chgcar import read_chgcar, write_chgcar
from symfft.io.cube import read_cube, write_cube
from symfft.io.materials_project import read_materials_project
from symfft.io.vaspwave import read_vaspwave

CUBE_SUFFIXES = (".cube", ".cub")
MAP_SUFFIXES = (".ccp4", ".mrc", ".map")
VASP_SUFFIXES = (".vasp", ".chgcar", ".locpot", ".elfcar")
VASP_NAMES = ("CHG", "AECCAR", "LOCPOT", "ELFCAR", "TAUCAR", "POT")


def read_density(path: PathLike, **options: Any) -> Density:
    """Read a density: VASP's text files and ``vaspwave.h5``, cube, CCP4 or Materials Project's JSON.

    HDF5, CCP4 and JSON are told by content, cube by its suffix or content; everything else is read as VASP's.

    Parameters
    ----------
    path : path-like
        The file, plain or compressed.
    **options
        Passed on to the reader of that format: ``kind``, ``max_points``, ….

    Raises
    ------
    DensityFormatError
        If the file cannot be read in that format.
    """
    head = _head(path)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return read_vaspwave(path, **options)
    if head[208:212] == b"MAP ":
        return read_ccp4(path, **options)
    if head.lstrip().startswith(b"{"):
        return read_materials_project(path, **options)
    if bare_name(path).lower().endswith(CUBE_SUFFIXES) or _looks_like_cube(head):
        return read_cube(path, **options)
    return read_chgcar(path, **options)


def write_density(path: PathLike, density: Density) -> None:
    """Write a density in the format that the file's name says: cube, CCP4 (.ccp4, .mrc, .map) or VASP's.

    A suffix .gz, .xz, .bz2 or .zst behind it compresses.

    Parameters
    ----------
    path : path-like
        Where to write: ``*.cube``, ``*.cub``, ``*.ccp4``, ``*.mrc``, ``*.map``, ``*.vasp``, ``*.chgcar``, or a name
        that begins or ends with CHGCAR, CHG, AECCAR, PARCHG, LOCPOT, ELFCAR or TAUCAR.
    density : Density
        What to write.

    Raises
    ------
    DensityFormatError
        If the name says nothing about the format.
    """
    name = bare_name(path)
    if name.lower().endswith(CUBE_SUFFIXES):
        write_cube(path, density)
    elif name.lower().endswith(MAP_SUFFIXES):
        write_ccp4(path, density)
    elif name.lower().endswith(VASP_SUFFIXES) or any(word in name.upper() for word in VASP_NAMES):
        write_chgcar(path, density)
    else:
        raise DensityFormatError(
            path,
            "the name does not say which format to write: use CHGCAR, LOCPOT, *.vasp, *.cube or *.ccp4 (and .gz, …)",
        )


def _head(path: PathLike) -> bytes:
    with Source(path) as source:
        try:
            return source.stream.read(2048)
        except decompression_errors() as error:
            raise DensityFormatError(path, f"the compressed data is damaged or cut off ({error})") from error


def _looks_like_cube(head: bytes) -> bool:
    """A cube file has four lines of an integer and three numbers after two comments."""
    rows = head.split(b"\n")[2:6]
    fields = [row.split() for row in rows]
    return len(rows) == 4 and all(
        row and row[0].lstrip(b"-").isdigit() and leading_numbers(b" ".join(row[1:4]), 3) for row in fields
    )
