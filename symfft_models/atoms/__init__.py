"""From a density to its atoms: radial atoms of the elements, and the occupied orbits that a density has."""

from symfft_models.atoms.radial import RadialAtoms, fit_radial_atoms, load_radial_atoms
from symfft_models.atoms.ranking import find_atoms
from symfft_models.atoms.search import Answer, Findings, FoundSite, superposing_atoms

__all__ = [
    "Answer",
    "Findings",
    "FoundSite",
    "RadialAtoms",
    "find_atoms",
    "fit_radial_atoms",
    "load_radial_atoms",
    "superposing_atoms",
]
