"""Read and write a density in whatever format its name and content say."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Sequence

from symfft.density import Density
from symfft.errors import DensityFormatError
from symfft.io._compressed import DecompressionError, PathLike, Pipe, Source, bare_name, readable
from symfft.io._text import MAX_POINTS, leading_numbers
from symfft.io.au_file import expand_density, is_au_file, read_au
from symfft.io.ccp4 import read_ccp4, write_ccp4
from symfft.io.chgcar import read_chgcar, write_chgcar
from symfft.io.cube import read_cube, write_cube
from symfft.io.foreign import first_line, what_it_is
from symfft.io.kinds import kind_of_name, kind_to_read
from symfft.io.materials_project import read_materials_project
from symfft.io.reflections import density_of_reflections, read_reflections
from symfft.io.vaspwave import read_vaspwave
from symfft.io.xsf import read_xsf, write_xsf
from symfft.kinds import Kind

_LOG = logging.getLogger(__name__)

CUBE_SUFFIXES = (".cube", ".cub")
MAP_SUFFIXES = (".ccp4", ".mrc", ".map")
XSF_SUFFIXES = (".xsf",)
VASP_SUFFIXES = (".vasp",)

#: Formats by the names that `format` takes.
FORMATS = ("vasp", "cube", "ccp4", "xsf", "json", "hdf5", "au", "mtz", "cif")
#: Those that can be written.
WRITABLE = ("vasp", "cube", "ccp4", "xsf")

#: Bytes that tell what a file is.
HEAD = 4096
#: Bytes of a pipe to look into: a whole block of bzip2.
PIPE_HEAD = 1 << 20

_HDF5 = b"\x89HDF\r\n\x1a\n"
_JSON = re.compile(rb"\s*\{\s*[\"}]")
_XSF_WORDS = (
    b"ANIMSTEPS", b"CRYSTAL", b"SLAB", b"POLYMER", b"MOLECULE", b"DIM-GROUP", b"PRIMVEC", b"ATOMS",
    b"BEGIN_BLOCK_DATAGRID_3D", b"BEGIN_BLOCK_DATAGRID3D",
)  # fmt: skip


def read_density(
    path: PathLike,
    *,
    format: str | None = None,
    kind: Kind | None = None,
    dataset: int | str | None = None,
    species: Sequence[str] | None = None,
    max_points: int = MAX_POINTS,
) -> Density:
    """Read a density from a file of any format, plain or compressed, or from a pipe.

    Parameters
    ----------
    path : path-like
        The file, a named pipe, or ``"-"`` for standard input.
    format : {"vasp", "cube", "ccp4", "xsf", "json", "hdf5", "au", "mtz", "cif"}, optional
        By default detected from the content, and from the suffix for cube: VASP's text files, Gaussian cube, CCP4 and
        MRC maps, XCrySDen's XSF, pymatgen's JSON (as the Materials Project serves it), VASP's and pymatgen's HDF5,
        densities on their asymmetric unit as `symfft reduce` writes them, and structure factors with phases in MTZ or
        CIF files, whose Fourier synthesis is returned.
    kind : {"charge", "potential", "elf", "kinetic_energy", "other"}, optional
        What the values are, where neither the file nor its name says it.
    dataset : int or str, optional
        Which one to read of several: a number for cube and XSF, a path such as ``"locpot/total"`` for HDF5.
    species : sequence of str, optional
        Element of every count of atoms, for VASP's files without symbols.
    max_points : int
        Largest grid to accept.

    Returns
    -------
    Density
        See :class:`symfft.Density` for units.

    Raises
    ------
    DensityFormatError
        If the file cannot be read in that format, or an option does not apply to it.
    """
    return read_with_format(path, format=format, kind=kind, dataset=dataset, species=species, max_points=max_points)[0]


def read_with_format(
    path: PathLike,
    *,
    format: str | None = None,
    kind: Kind | None = None,
    dataset: int | str | None = None,
    species: Sequence[str] | None = None,
    max_points: int = MAX_POINTS,
) -> tuple[Density, str]:
    """Return what :func:`read_density` does, and the format of the file, one of :data:`FORMATS`."""
    if format not in (None, *FORMATS):
        raise DensityFormatError(path, f"the format must be one of {', '.join(FORMATS)}, not {format!r}")
    with readable(path) as source:
        head = _head(source)
        chosen = format or detect_format(source, head)
        if chosen is None and (what := what_it_is(head)) is not None:
            raise DensityFormatError(source, f"this is {what}")
        chosen = chosen or ("cube" if bare_name(source).lower().endswith(CUBE_SUFFIXES) else "vasp")
        _require_applicable(source, chosen, dataset, species)
        _LOG.info("reading %s as %s", source, chosen)
        return _read(source, chosen, kind, dataset, species, max_points), chosen


def _read(
    path: PathLike,
    chosen: str,
    kind: Kind | None,
    dataset: int | str | None,
    species: Sequence[str] | None,
    max_points: int,
) -> Density:
    if chosen == "au":
        density = expand_density(read_au(path), path)
        kind_to_read(path, kind, density.kind)
        return density
    if chosen == "hdf5":
        return read_vaspwave(path, kind=kind, dataset=_name(dataset), max_points=max_points)
    if chosen == "ccp4":
        return read_ccp4(path, kind=kind, max_points=max_points)
    if chosen == "json":
        return read_materials_project(path, kind=kind, max_points=max_points)
    if chosen == "xsf":
        return read_xsf(path, kind=kind, dataset=_number(path, dataset), max_points=max_points)
    if chosen in ("mtz", "cif"):
        return density_of_reflections(path, read_reflections(path), kind=kind, max_points=max_points)
    if chosen == "cube":
        return read_cube(path, kind=kind, dataset=_number(path, dataset), max_points=max_points)
    return read_chgcar(path, kind=kind, species=species, max_points=max_points)


def write_density(path: PathLike, density: Density, *, format: str | None = None) -> None:
    """Write a density in the format that the file's name says: cube, CCP4 (.ccp4, .mrc, .map), XSF or VASP's.

    A suffix .gz, .xz, .bz2 or .zst behind it compresses.

    Parameters
    ----------
    path : path-like
        Where to write: ``*.cube``, ``*.cub``, ``*.ccp4``, ``*.mrc``, ``*.map``, ``*.xsf``, ``*.vasp``, or a name with
        the word CHGCAR, CHG, AECCAR, PARCHG, LOCPOT, POT, ELFCAR or TAUCAR.
    density : Density
        What to write.
    format : {"vasp", "cube", "ccp4", "xsf"}, optional
        The format where the name does not say it.

    Raises
    ------
    DensityFormatError
        If the name says nothing about the format, or another kind of values than the density has.
    """
    chosen = format or format_of_name(path)
    _LOG.info("writing %s as %s", path, chosen)
    if chosen == "cube":
        write_cube(path, density)
    elif chosen == "ccp4":
        write_ccp4(path, density)
    elif chosen == "xsf":
        write_xsf(path, density)
    elif chosen == "vasp":
        write_chgcar(path, density)
    elif format is not None:
        raise DensityFormatError(path, f"the format to write must be one of {', '.join(WRITABLE)}, not {format!r}")
    else:
        raise DensityFormatError(
            path,
            "the name does not say which format to write: use CHGCAR, LOCPOT, *.vasp, *.cube, *.xsf or *.ccp4 "
            "(and .gz, …), or give the format",
        )


def format_of_name(path: PathLike) -> str | None:
    """Return the format that a file's name says, of those that can be written.

    Examples
    --------
    >>> [format_of_name(name) for name in ("a.cube.gz", "LOCPOT", "rho.map", "Si.vasp", "hotspot.png")]
    ['cube', 'vasp', 'ccp4', 'vasp', None]
    """
    name = bare_name(path).lower()
    for suffixes, format_ in (
        (CUBE_SUFFIXES, "cube"), (MAP_SUFFIXES, "ccp4"), (XSF_SUFFIXES, "xsf"), (VASP_SUFFIXES, "vasp")
    ):  # fmt: skip
        if name.endswith(suffixes):
            return format_
    return "vasp" if kind_of_name(path) is not None else None


def detect_format(path: PathLike, head: bytes) -> str | None:
    """Return the format of a file by its first bytes, None where none is recognised."""
    if head.startswith((_HDF5, b"PK\x03\x04")):
        if head.startswith(b"PK") or is_au_file(path):
            return "au"
        return "hdf5"
    if head[208:212] == b"MAP " and b"\0" in head[:208]:
        return "ccp4"
    if head.startswith(b"MTZ "):
        return "mtz"
    if first_line(head).startswith(b"data_") and b"_refln" in head:
        return "cif"
    if _looks_like_cube(head):
        return "cube"
    if _looks_like_vasp(head):
        return "vasp"
    if _JSON.match(head):
        return "json"
    return "xsf" if first_line(head).split()[:1] in [[word] for word in _XSF_WORDS] else None


def _require_applicable(path: PathLike, chosen: str, dataset: int | str | None, species: Sequence[str] | None) -> None:
    if species is not None and chosen != "vasp":
        raise DensityFormatError(path, f"species names elements of VASP's files; this one is of the format {chosen}")
    if dataset is not None and chosen not in ("cube", "xsf", "hdf5"):
        raise DensityFormatError(path, f"a file of the format {chosen} has no data sets to choose from")


def _name(dataset: int | str | None) -> str | None:
    return None if dataset is None else str(dataset)


def _number(path: PathLike, dataset: int | str | None) -> int | None:
    if isinstance(dataset, str):
        if not re.fullmatch(r"[0-9]{1,9}", dataset):
            raise DensityFormatError(path, f"the data set must be a number, not {dataset!r}")
        return int(dataset)
    return dataset


def _head(path: PathLike) -> bytes:
    looked_at = Pipe(str(path), io.BytesIO(path.head(PIPE_HEAD))) if isinstance(path, Pipe) else path
    with Source(looked_at) as source:
        try:
            return source.stream.read(HEAD)
        except DecompressionError as error:
            raise DensityFormatError(path, f"the compressed data is damaged or cut off ({error})") from error


def _looks_like_cube(head: bytes) -> bool:
    """A cube file has four lines of an integer and three numbers after two comments."""
    rows = head.split(b"\n")[2:6]
    fields = [row.split() for row in rows]
    return len(rows) == 4 and all(
        row and row[0].lstrip(b"-").isdigit() and leading_numbers(b" ".join(row[1:4]), 3) for row in fields
    )


def _looks_like_vasp(head: bytes) -> bool:
    """VASP's files have a scale and three vectors after a comment of any kind."""
    rows = head.split(b"\n")[1:5]
    return len(rows) == 4 and all(leading_numbers(row, n) for row, n in zip(rows, (1, 3, 3, 3), strict=True))
