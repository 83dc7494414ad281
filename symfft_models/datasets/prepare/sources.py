"""List input files lazily: folders, globs, lists; memory does not grow with their number."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from symfft import SymfftError

#: Which files of a folder are taken; compared in lower case.
PATTERNS = ("*chgcar*", "chg", "chg.*", "*.cube*", "*.cub", "*.ccp4*", "*.mrc*", "*.json*", "*vaspwave*.h5", "*.vasp*")


def input_files(inputs: Iterable[str], patterns: Iterable[str] = PATTERNS) -> Iterator[str]:
    """Yield the files that the inputs name, one after another, none kept.

    Parameters
    ----------
    inputs : iterable of str
        Each a file; a folder, searched to any depth for names that match `patterns`; a glob, where ``**`` is any
        depth; or ``@FILE``, a text file with one input path a line (blank lines and lines that begin with # are
        skipped, relative paths count from the folder of the list).
    patterns : iterable of str
        Names to take from folders, as shell patterns, in any case.

    Raises
    ------
    FileNotFoundError
        If an input (not a line of a list, which is left to the ledger) does not exist or matches nothing.

    Examples
    --------
    >>> from pathlib import Path
    >>> [Path(name).name for name in input_files([__file__])]
    ['sources.py']
    """
    wanted = tuple(pattern.lower() for pattern in patterns)
    for text in inputs:
        path = Path(text)
        if path.is_dir():
            yield from _in_folder(text, wanted)
        elif path.exists():
            yield text
        elif text.startswith("@"):
            yield from _in_list(Path(text[1:]))
        else:
            matches = (name for name in glob.iglob(text, recursive=True) if not os.path.isdir(name))
            first = next(matches, None)
            if first is None:
                raise FileNotFoundError(f"no file, folder or match of {text!r}: give a path, a glob, or @LIST")
            yield first
            yield from matches


def in_part(path: str, part: int, parts: int) -> bool:
    """Whether a file belongs to part 0 … parts-1 of a batch queue: by a hash of its path, whatever else is listed.

    A CHG goes with the CHGCAR of the same run, whose density it holds with fewer digits.
    """
    folder, name = os.path.split(path)
    name = re.sub(r"^CHG(?=$|\.)", "CHGCAR", name)
    return int.from_bytes(hashlib.sha256(os.fsencode(os.path.join(folder, name))).digest()[:8], "big") % parts == part


def preference(path: str) -> int:
    """Return 0, or 1 for a file that is taken only after all others: a CHG, where a CHGCAR may hold more digits."""
    return int(re.match(r"CHG(?=$|\.)", os.path.basename(path)) is not None)


def _in_folder(folder: str, patterns: tuple[str, ...]) -> Iterator[str]:
    folders = []
    with os.scandir(folder) as found:
        for item in found:
            if item.name.startswith(".") or item.name.endswith(".part"):
                continue  # hidden, or left by a writer that was killed
            if item.is_dir(follow_symlinks=False):
                folders.append(item.name)
            elif any(fnmatch(item.name.lower(), pattern) for pattern in patterns):
                yield os.path.join(folder, item.name)
    for name in folders:
        yield from _in_folder(os.path.join(folder, name), patterns)


def _in_list(path: Path) -> Iterator[str]:
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            name = line.rstrip("\r\n")
            if "\0" in name:
                raise SymfftError(f"{path}: a line holds a zero byte; a list has one path a line")
            if name.strip() and not name.startswith("#"):
                yield os.path.join(path.parent, name)
