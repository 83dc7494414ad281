"""Chemical symbols and atomic numbers."""

from __future__ import annotations

import re

_TABLE = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu
Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr
Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""
SYMBOLS: tuple[str, ...] = tuple(_TABLE.split())
ATOMIC_NUMBERS: dict[str, int] = {symbol: z for z, symbol in enumerate(SYMBOLS, start=1)}

_LABEL = re.compile(r"([A-Za-z]{1,2})(?![A-Za-z])")


def atomic_number(label: str) -> int | None:
    """Return the atomic number of an element label, or None.

    VASP's labels carry the name of a pseudopotential (``Mg_pv``), a hash (``Mg_pv/f474ac0d``, ``Fe/``) or a
    fractional charge (``H.5``).

    Examples
    --------
    >>> [atomic_number(label) for label in ("Fe/", "Mg_pv/f474ac0d", "C_s", "H1.25", "Direct")]
    [26, 12, 6, 1, None]
    """
    match = _LABEL.match(label)
    return None if match is None else ATOMIC_NUMBERS.get(match[1].capitalize())


def symbol(number: int) -> str:
    """Return the chemical symbol of an atomic number.

    Raises
    ------
    ValueError
        If no element has that number.
    """
    if not 1 <= number <= len(SYMBOLS):
        raise ValueError(f"no element has the atomic number {number}")
    return SYMBOLS[number - 1]


def covalent_radius(number: int) -> float:
    """Return the covalent radius of an element in Å, from gemmi's table; 1.5 Å where the element is unknown.

    Examples
    --------
    >>> covalent_radius(14), covalent_radius(-1)
    (1.11, 1.5)
    """
    import gemmi

    return round(gemmi.Element(number).covalent_r, 2) if 1 <= number <= len(SYMBOLS) else 1.5
