"""Files, folders and patterns as lists of files; imports nothing that takes time."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable

#: Names of densities: what VASP calls them, or the suffix of a format, and .gz, … behind it.
_DENSITY = re.compile(
    r".*(\.(cube|cub|ccp4|mrc|map|xsf|vasp|h5|hdf5|npz|json)|"
    r"(?<![a-z])(chgcar|chg|aeccar|parchg|locpot|pot|elfcar|taucar)(?![a-z])[^/]*?)(\.(gz|xz|bz2|zst))?",
    re.IGNORECASE,
)


def expand(names: Iterable[str]) -> list[str]:
    """Return the files that names stand for: a folder for the densities in it and below, a pattern for what it matches.

    A name that is neither stays as it is; so does a folder or pattern in which there is nothing, for an error that
    says so.

    Examples
    --------
    >>> expand(["CHGCAR", "-"])
    ['CHGCAR', '-']
    """
    files: list[str] = []
    for name in names:
        if os.path.isdir(name):
            files += _in_folder(name) or [name]
        elif not os.path.lexists(name) and glob.has_magic(name):
            files += sorted(glob.glob(name, recursive=True)) or [name]
        else:
            files.append(name)
    return files


def _in_folder(folder: str) -> list[str]:
    found = []
    for path, folders, names in os.walk(folder):
        folders.sort()
        found += [os.path.join(path, name) for name in sorted(names) if _DENSITY.fullmatch(name) and name[0] != "."]
    return found
