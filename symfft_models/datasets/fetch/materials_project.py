"""Charge densities of the Materials Project, through its own client (mp-api), by space group or by name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from symfft import Density, SymfftError
from symfft.io.atomic import write_text
from symfft_models.datasets.fetch.journal import Journal, Pace, reason_of
from symfft_models.progress import progress_bar

KEY = "MP_API_KEY"
#: Attempts at one material, and materials in a row that may fail before the run gives up.
ATTEMPTS, FAILURES = 4, 8


def fetch_materials_project(
    out: str | os.PathLike[str],
    groups: Sequence[int] = (),
    *,
    identifiers: Iterable[str] = (),
    limit: int | None = None,
    pace: Pace | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Fetch the densities of space groups, and of single materials, that a folder does not hold yet.

    Parameters
    ----------
    out : path-like
        Folder, made where it is missing; the same call again goes on with it. What was listed for a group is kept in
        ``listed-GROUP.json`` there: remove that to look for new materials.
    groups : sequence of int
        Space groups, by number.
    identifiers : iterable of str
        Further materials, such as "mp-149".
    limit : int, optional
        Store at most that many densities in this call.
    pace : Pace, optional
        By default two requests a second.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    dict
        ``stored``, ``missing`` (the project has no density of it), ``unusable`` and ``failed`` (tried again by the
        next call): numbers of materials so far; ``new``: stored by this call.

    Raises
    ------
    SymfftError
        If there is no key, or request after request fails.
    ImportError
        If mp-api is missing; the message says how to install it.
    """
    pace, new, failed_in_row = pace or Pace(2.0), 0, 0
    key = _key()
    with Journal(out) as journal, _client(key) as client:
        wanted = list(
            dict.fromkeys([*identifiers, *(name for g in groups for name in _listed(client, key, out, g, pace))])
        )
        unknown = [name for name in wanted if not journal.knows(name)]
        for identifier in progress_bar(unknown, unit="material", disable=not progress):
            if limit is not None and new >= limit:
                break
            try:
                answer = _answer(client, key, identifier, pace)
            except _NoAnswerError as error:
                journal.record(identifier, "failed", reason=str(error))
                failed_in_row += 1
                if failed_in_row >= FAILURES:
                    raise SymfftError(
                        f"{failed_in_row} materials in a row could not be fetched, the last one {identifier}: {error}; "
                        "check key and network, then run the same command again"
                    ) from None
                continue
            failed_in_row = 0
            if answer is None:
                journal.record(identifier, "missing")
                continue
            try:
                density = Density.from_pymatgen(answer)
            except Exception as error:  # whatever an answer holds, the next one is asked for
                journal.record(identifier, "unusable", reason=reason_of(error, key))
                continue
            journal.store(identifier, density)
            new += 1
        return journal.counts() | {"new": new}


# ---- inside ---------------------------------------------------------------------------------------------------------


class _NoAnswerError(Exception):
    """A material that could not be fetched now."""


def _key() -> str:
    """Return the key, which must never be printed: a client puts a key that is none into its error."""
    key = os.environ.get(KEY, "").strip()
    if not key:
        raise SymfftError(f"no key for the Materials Project: put yours into the environment variable {KEY}")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
        raise SymfftError(f"the environment variable {KEY} holds characters that no key has: copy the key again")
    return key


@contextmanager
def _client(key: str) -> Iterator[Any]:
    try:
        from mp_api.client import MPRester
    except ImportError as error:
        raise ImportError('the Materials Project needs its client: pip install "symfft[fetch]"') from error
    try:
        client = MPRester(key, mute_progress_bars=True)
        opened = client.__enter__()
    except Exception as error:
        raise SymfftError(f"the Materials Project's client does not start: {reason_of(error, key)}") from None
    try:
        yield opened
    finally:
        client.__exit__(None, None, None)


def _listed(client: Any, key: str, out: str | os.PathLike[str], group: int, pace: Pace) -> list[str]:
    """Return the materials of a group that have a density, from the folder or from the project."""
    path = Path(out) / f"listed-{group}.json"
    if path.exists():
        try:
            names = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            names = None
        if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
            raise SymfftError(f"{path} is not a list of names: remove it, and the group is listed again")
        return names
    pace.wait()
    try:
        found = client.materials.summary.search(
            spacegroup_number=group, has_props=["charge_density"], fields=["material_id"]
        )
        names = sorted(str(_field(document, "material_id")) for document in found)
    except Exception as error:  # the client raises its own, requests' and pydantic's
        raise SymfftError(f"no list of space group {group}: {reason_of(error, key)}") from None
    write_text(path, json.dumps(names))
    return names


def _field(document: Any, name: str) -> Any:
    return document[name] if isinstance(document, dict) else getattr(document, name)


def _answer(client: Any, key: str, identifier: str, pace: Pace) -> Any:
    """Return what the project has for a material, a Chgcar or None, trying again where it fails."""
    for attempt in range(1, ATTEMPTS + 1):
        pace.wait()
        try:
            return client.get_charge_density_from_material_id(identifier)
        except Exception as error:  # as above
            reason = reason_of(error, key)
            if _is_absent(reason):
                return None
            if attempt < ATTEMPTS:
                pace.back_off(attempt)
    raise _NoAnswerError(reason)


def _is_absent(reason: str) -> bool:
    """Whether an error says that there is no such file: the client knows no other way to say so."""
    return any(words in reason for words in ("NoSuchKey", "No object found", "404", "Not Found"))
