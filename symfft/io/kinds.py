"""What the values of a file are: charge density, potential, …; a name or a note in the file says it, or the caller.

VASP's files say it by their name alone, and so do maps of other programs at best. A kind that is lost turns a potential
into a density of the wrong size, so a name that says another kind than the density has is refused.
"""

from __future__ import annotations

import re

from symfft.density import Density
from symfft.errors import DensityFormatError
from symfft.io._compressed import PathLike, bare_name
from symfft.kinds import KINDS, Kind

_BY_WORD: dict[str, Kind] = {
    "CHGCAR": "charge",
    "CHG": "charge",
    "AECCAR": "charge",
    "PARCHG": "charge",
    "LOCPOT": "potential",
    "POT": "potential",
    "ELFCAR": "elf",
    "TAUCAR": "kinetic_energy",
}
_WORD = re.compile(rf"(?<![A-Za-z])({'|'.join(_BY_WORD)})(?![A-Za-z])", re.IGNORECASE)

#: Name of VASP's file of every kind, for messages.
VASP_NAMES: dict[Kind, str] = {
    "charge": "CHGCAR", "potential": "LOCPOT", "elf": "ELFCAR", "kinetic_energy": "TAUCAR"
}  # fmt: skip


def kind_of_name(path: PathLike) -> Kind | None:
    """Return the kind of values that the words of a file's name say, None where there is no such word.

    Raises
    ------
    DensityFormatError
        If they say more than one.

    Examples
    --------
    >>> [kind_of_name(name) for name in ("run/LOCPOT.gz", "AECCAR0", "old-elfcar.cube", "hotspot.png", "Si.vasp")]
    ['potential', 'charge', 'elf', None, None]
    """
    name = bare_name(path)
    kinds = {_BY_WORD[word.upper()] for word in _WORD.findall(name)}
    if len(kinds) > 1:
        raise DensityFormatError(path, f"the name says more than one kind of values: {', '.join(sorted(kinds))}")
    return kinds.pop() if kinds else None


def kind_to_read(path: PathLike, asked: Kind | None, recorded: str | None = None) -> Kind:
    """Return the kind of values in a file: what the caller says, a note in the file, its name, or charge.

    Parameters
    ----------
    path : path-like
        The file.
    asked : {"charge", "potential", "elf", "kinetic_energy", "other"}, optional
        What the caller says.
    recorded : str, optional
        What the file itself says.

    Raises
    ------
    DensityFormatError
        If the caller and the file contradict each other, or the name is ambiguous and nothing else says it.
    """
    if asked is not None and asked not in KINDS:
        raise DensityFormatError(path, f"the kind must be one of {', '.join(KINDS)}, not {asked!r}")
    if recorded is not None and asked not in (None, recorded):
        raise DensityFormatError(path, f"the file says that its values are of the kind {recorded}, not {asked}")
    if recorded is not None and recorded not in KINDS:
        raise DensityFormatError(path, f"expected values of a kind among {', '.join(KINDS)}, found {recorded}")
    return asked or recorded or kind_of_name(path) or "charge"


def require_kind_of_name(path: PathLike, density: Density, *, recorded: bool) -> None:
    """Refuse a name that says another kind of values than the density holds.

    Parameters
    ----------
    path : path-like
        The file to write.
    density : Density
        What to write.
    recorded : bool
        Whether the format has room for the kind; if not, the name must say any kind but a charge density.

    Raises
    ------
    DensityFormatError
        If so.
    """
    said = kind_of_name(path)
    if said == density.kind or (said is None and (recorded or density.kind == "charge")):
        return
    what = f"says {said}" if said else "does not say what the values are"
    name = VASP_NAMES.get(density.kind)
    remedy = f"name it {name}" if name else "write it as .cube, .xsf or .ccp4 under a name without such a word"
    raise DensityFormatError(path, f"the name {what}, the density is of the kind {density.kind}: {remedy}")
