"""What others give for the lattice constants of listed crystals, and how far the listed ones are off.

A listed lattice constant is an input of a calculation. ``lattice_sources.csv`` puts beside it what a publication or a
public data set gives for the same structure: name of the crystal, key of the reference, name of the entry there, and
the free constants of the cell (as in ``crystals_other.csv``). Structures were matched by composition, space group and
shortest distances relative to the volume per atom. ``lattice_references.csv`` lists the references: whether their
values are measured, of density functional theory ("PBE") or of a machine-learned potential, up to which relative
deviation a listed constant counts as confirmed, citation, address and licence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from symfft_models.datasets.crystals import Constants, all_constants, rows_of


@dataclass(frozen=True)
class Reference:
    """Where values come from; `kind` is "measured", "PBE" or "potential"."""

    key: str
    kind: str
    tolerance: float
    citation: str
    url: str
    licence: str


@dataclass(frozen=True)
class Source:
    """What a reference gives for a crystal: the name of its entry ("" without one), and the cell (Å, degrees)."""

    reference: Reference
    entry: str
    cell: tuple[float, ...]

    @property
    def label(self) -> str:
        """Key of the reference, and name of the entry."""
        return f"{self.reference.key} {self.entry}".strip()

    def deviation(self, space_group: int, volume: float) -> float:
        """Return how far the lattice constants of a cell of this volume (Å³) are off: relative, cube root of volumes.

        Examples
        --------
        >>> rock_salt = sources()["rock-salt-MgO"][0]
        >>> round(rock_salt.deviation(225, 4.3**3), 4)
        0.0211
        """
        return float((volume / cell_volume(all_constants(space_group, self.cell))) ** (1 / 3) - 1)

    def confirms(self, space_group: int, volume: float) -> bool:
        """Whether the deviation is within the reference's tolerance."""
        return abs(self.deviation(space_group, volume)) <= self.reference.tolerance


def cell_volume(constants: Constants) -> float:
    """Return the volume of a cell in Å³ from a, b, c (Å) and alpha, beta, gamma (degrees).

    Examples
    --------
    >>> round(cell_volume((2.0, 2.0, 3.0, 90.0, 90.0, 120.0)), 4)
    10.3923
    """
    import gemmi

    return float(gemmi.UnitCell(*constants).volume)


@cache
def references() -> dict[str, Reference]:
    """Return the references by key, measured ones first."""
    return {
        row["key"]: Reference(
            key=row["key"],
            kind=row["kind"],
            tolerance=float(row["tolerance"]),
            citation=row["citation"],
            url=row["url"],
            licence=row["licence"],
        )
        for row in rows_of("lattice_references.csv")
    }


@cache
def sources() -> dict[str, tuple[Source, ...]]:
    """Return the values of the references by name of the crystal, in the order of the references."""
    found: dict[str, tuple[Source, ...]] = {}
    for row in rows_of("lattice_sources.csv"):
        cell = tuple(float(word) for word in row["cell"].split())
        source = Source(references()[row["reference"]], row["entry"], cell)
        found[row["crystal"]] = (*found.get(row["crystal"], ()), source)
    return found


def published(name: str) -> tuple[Source, ...]:
    """Return the measured and PBE values for a crystal."""
    return tuple(source for source in sources().get(name, ()) if source.reference.kind != "potential")


def lattice_source(name: str, space_group: int, volume: float) -> str:
    """Return in words what is known of where a lattice constant comes from.

    Parameters
    ----------
    name : str
        Of a crystal.
    space_group : int
        Its number.
    volume : float
        Of its conventional cell, Å³.

    Returns
    -------
    str
        The first reference that confirms the volume, with its entry; "differs from" the first reference if none does;
        "untraced" without any.

    Examples
    --------
    >>> lattice_source("perovskite-SrTiO3", 221, 3.905**3), lattice_source("perovskite-SrTiO3", 221, 4.1**3)
    ('Briones', 'differs from Briones')
    >>> lattice_source("perovskite-XX3", 221, 64.0)
    'untraced'
    """
    values = published(name)
    confirming = [source.label for source in values if source.confirms(space_group, volume)]
    if confirming:
        return confirming[0]
    return f"differs from {values[0].label}" if values else "untraced"
