"""The index that a command leaves in a folder, so that a later call goes on there: read as anybody's file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symfft import SymfftError


class IndexFileError(SymfftError):
    """An index file is not what the command that goes on from it left there."""


def read_index(path: Path, name: str, fields: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """Read an index file.

    Parameters
    ----------
    path
        The file, JSON.
    name
        The field that holds the entries.
    fields
        Fields that every entry must have, with their types; an entry with a field ``error`` needs none.

    Raises
    ------
    IndexFileError
        If the file is no JSON, or its entries are not of this form.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        entries = found[name]
        fits = isinstance(entries, list) and all(_fits(entry, fields) for entry in entries)
    except (ValueError, RecursionError, KeyError, TypeError):
        fits = False
    if not fits:
        raise IndexFileError(f"{path}: not the index of an earlier call; delete it, or choose another folder")
    return dict(found)


def _fits(entry: Any, fields: Mapping[str, type | tuple[type, ...]]) -> bool:
    return isinstance(entry, dict) and (
        "error" in entry or all(isinstance(entry.get(name), kind) for name, kind in fields.items())
    )
