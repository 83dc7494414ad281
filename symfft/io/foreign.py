"""Files that are often taken for densities: recognised, so that an error can say what a file is."""

from __future__ import annotations

import re
from collections.abc import Set

#: What is said of files that hold atoms alone.
WITHOUT_DENSITY = "this is a structure without a density, `symfft-vae predict` makes one"
_NETCDF = "a netCDF file", "convert it to cube or XSF with the program that wrote it"
_QE_REMEDY = "let pp.x write a cube (output_format = 6) or XSF (output_format = 5)"
#: (what the file is, what to do about it) by the bytes at its beginning.
_BY_START: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "get the file with `git lfs pull`"),
    (b"CDF\x01", *_NETCDF),
    (b"CDF\x02", *_NETCDF),
    (b"CDF\x05", *_NETCDF),
    (b"\x89PNG", "a picture", ""),
    (b"%PDF", "a PDF document", ""),
    (b"\x93NUMPY", "a NumPy array without cell and atoms", "make a symfft.Density of it and write that"),
    (b"\x7fELF", "a program", ""),
    (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
)
#: (names of data sets or attributes at the root of an HDF5 file, what the file is, what to do about it).
_BY_HDF5_NAMES: tuple[tuple[frozenset[str], str, str], ...] = (
    (frozenset({"rhotot_g", "MillerIndices"}), "a charge density of Quantum ESPRESSO", _QE_REMEDY),
    (frozenset({"_NCProperties"}), *_NETCDF),
)
_XML = re.compile(rb"\s*<(\?xml|!DOCTYPE|modeling|html|qes:|fpmd|UPF)", re.IGNORECASE)
_OPENDX = re.compile(rb"object\s+\S+\s+class\s+gridpositions")
#: Quantum ESPRESSO's pp.x: a title, then eight integers: both grids, atoms, kinds of atom.
_QE = re.compile(rb"[^\n]*\n\s*\d+\s+\d+\s+\d+\s+\d+\s+\d+\s+\d+\s+\d+\s+\d+\s*\n")


def what_it_is(head: bytes) -> str | None:
    r"""Say what a file is, by its first bytes, and what to do with it; None where nothing is recognised.

    Examples
    --------
    >>> what_it_is(b"version https://git-lfs.github.com/spec/v1\n")
    'a Git LFS pointer, not the file itself: get the file with `git lfs pull`'
    """
    for start, what, remedy in _BY_START:
        if head.startswith(start):
            return f"{what}: {remedy}" if remedy else what
    if _XML.match(head):
        return _xml(head)
    if _OPENDX.match(first_line(head)):
        return "an OpenDX file: convert it to cube or CCP4"
    if first_line(head).startswith(b"data_"):
        return "a CIF: it holds a structure, not a density; `symfft-vae predict` makes one"
    if _QE.match(head):
        return f"a file of Quantum ESPRESSO's pp.x: {_QE_REMEDY}"
    return _fortran(head)


def what_hdf5_is(names: Set[str]) -> str | None:
    """Say what an HDF5 file is, by the names at its root, and what to do with it; None where none is recognised.

    Examples
    --------
    >>> what_hdf5_is({"_NCProperties", "rho"})
    'a netCDF file: convert it to cube or XSF with the program that wrote it'
    """
    return next((f"{what}: {remedy}" for known, what, remedy in _BY_HDF5_NAMES if known <= names), None)


def first_line(head: bytes) -> bytes:
    """Return the first line that is neither blank nor a comment, without blanks around it."""
    lines = (line.strip() for line in head.splitlines())
    return next((line for line in lines if line and not line.startswith(b"#")), b"")


def _xml(head: bytes) -> str:
    if b"<modeling" in head:
        return "VASP's vasprun.xml, which holds no density: read the CHGCAR or vaspwave.h5 of that run"
    if b"qes:espresso" in head or b"quantum-espresso" in head:
        return f"an XML file of Quantum ESPRESSO: {_QE_REMEDY}"
    if b"<html" in head.lower() or b"doctype html" in head.lower():
        return "a web page, perhaps the error page of a download"
    return "an XML file"


def _fortran(head: bytes) -> str | None:
    """Recognise unformatted Fortran: records between two equal counts of bytes."""
    for order in ("little", "big"):
        length = int.from_bytes(head[:4], order)
        if 0 < length <= 1024 and head[4 + length : 8 + length] == head[:4]:
            if length == 72:
                return "a density of Siesta (.RHO, .VH, …): convert it to cube or XSF with grid2cube or sisl"
            return "unformatted Fortran output of some program: let it write a cube or XSF"
    return None
