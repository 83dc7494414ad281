"""What a density alone says: its electrons, its atoms, whether they are new, and what a model predicts for them."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

import numpy as np

from symfft import Density, SpaceGroup, SymfftError
from symfft_models._array_types import FloatArray
from symfft_models.atoms import Findings, find_atoms, load_radial_atoms
from symfft_models.atoms.ranking import shipped_predictor
from symfft_models.crystals.composition import matching
from symfft_models.crystals.relaxed import load_relaxed
from symfft_models.data.entry import atoms_of
from symfft_models.data.formula import reduced_formula
from symfft_models.datasets.paw import load_paw
from symfft_models.datasets.paw.entry import PawEntry
from symfft_models.predict import DensityPredictor

#: Deviation of the density's electrons from its atoms' up to which they are the same.
ELECTRONS = 0.02
#: Distance (Å) within which an atom that the file lists is one that the density has.
SAME = 0.3


@dataclass(frozen=True, eq=False)
class Atoms:
    """Atoms of a cell: lattice (rows, Å), fractional positions, atomic numbers."""

    lattice: FloatArray
    positions: FloatArray
    numbers: Any


def atomic_number(symbol: str) -> int:
    """Return the atomic number of an element."""
    import gemmi

    return int(gemmi.Element(symbol).atomic_number)


def found_atoms(findings: Findings, rank: int = 0) -> Atoms:
    """Return the atoms of an answer."""
    positions, symbols = findings.atoms(rank)
    return Atoms(findings.lattice, positions, np.array([atomic_number(symbol) for symbol in symbols]))


def nmae(values: FloatArray, reference: FloatArray) -> float:
    """Return ``100 Σ|a - b| / Σ|b|`` in %."""
    return float(100 * np.abs(values - reference).sum() / np.abs(reference).sum())


def judge_density(
    density: Density, space_group: SpaceGroup | None = None, predictor: DensityPredictor | None = None
) -> dict[str, Any]:
    """Judge a density by its values; the atoms that it lists are only compared with those found.

    Parameters
    ----------
    density : Density
        Valence density of VASP's kind.
    space_group : SpaceGroup, optional
        In the setting of the cell; by default that of the atoms that the density lists.
    predictor : DensityPredictor, optional
        By default the one that comes with the package.

    Returns
    -------
    dict
        ``electrons``; ``atoms``: ``found``, ``misfit``, the other ``answers``, ``electrons`` of them,
        ``as_listed`` (None where the density lists none); ``novelty``; ``prediction``: NMAE (%) against what the model
        predicts for the atoms, its error bar, and why it may not know them; ``reasons``, what does not hold; ``ok``;
        ``not_possible``, each step that could not be taken, with why.
    """
    predictor = predictor or shipped_predictor()
    findings = find_atoms(density, space_group, predictor=predictor)
    result: dict[str, Any] = {"electrons": density.electrons, "reasons": [], "not_possible": {}}
    if not findings.answers:
        result["atoms"] = {"found": None, "reason": findings.reason}
        result["reasons"].append(f"no atoms found: {findings.reason}")
        for step in ("novelty", "prediction"):
            result["not_possible"][step] = "no atoms were found"
        return result | {"ok": False}
    answer, atoms = findings.answers[0], found_atoms(findings)
    valence = load_radial_atoms().valence
    held = sum(valence[symbol] * count for symbol, count in answer.counts.items())
    result["atoms"] = {
        "found": reduced_formula(answer.counts),
        "sites": [[s.symbol, s.multiplicity, list(s.position)] for s in answer.sites],
        "misfit": answer.misfit,
        "answers": [[reduced_formula(other.counts), other.misfit, other.nmae] for other in findings.answers],
        "electrons": held,
        "as_listed": _as_listed(atoms, density),
    }
    if abs(held - density.electrons) > ELECTRONS:
        result["reasons"].append(f"the atoms have {held} electrons, the density {density.electrons:.3f}")
    if result["atoms"]["as_listed"] is False:
        result["reasons"].append("the file lists other atoms than the density has")
    try:
        prediction = predictor.predict(atoms, density.shape)
        away = nmae(density.values, prediction.density.values)
        result["prediction"] = {"nmae": away, "error_bar": prediction.error_bar, "outside": prediction.outside}
    except SymfftError as error:
        result["not_possible"]["prediction"] = str(error)
    result["novelty"] = novelty(atoms)
    if "not_possible" in result["novelty"]:
        result["not_possible"]["novelty"] = result["novelty"].pop("not_possible")
    return result | {"ok": not result["reasons"]}


def _as_listed(found: Atoms, density: Density) -> bool | None:
    if not len(density.numbers):
        return None
    if sorted(found.numbers.tolist()) != sorted(density.numbers.tolist()):
        return False
    for position, number in zip(density.positions, density.numbers.tolist(), strict=True):
        steps = found.positions[found.numbers == number] - position
        if np.linalg.norm((steps - np.rint(steps)) @ density.lattice, axis=1).min() > SAME:
            return False
    return True


def novelty(atoms: Atoms) -> dict[str, Any]:
    """Compare a crystal with those of the PAW set and with the relaxed crystals.

    Returns
    -------
    dict
        ``in_set``: name of a crystal of the set that StructureMatcher takes for the same, or None; ``new``: there is
        none; ``nearest``: a crystal of the set with the same composition, else the one with the same structure whose
        elements are nearest in the periodic table; ``in_relaxed``: as ``in_set``, of the relaxed candidates.
        ``not_possible`` where pymatgen is missing.
    """
    try:
        matcher = _matcher()
    except ImportError:
        return {"new": None, "not_possible": 'needs pymatgen: pip install "symfft[novelty]"'}
    with warnings.catch_warnings():
        # noble gases have no electronegativity, which StructureMatcher does not need
        warnings.simplefilter("ignore", UserWarning)
        return _compared(atoms, matcher)


def _compared(atoms: Atoms, matcher: Any) -> dict[str, Any]:
    import gemmi
    from pymatgen.core import Structure

    structure = Structure(atoms.lattice, atoms.numbers.tolist(), atoms.positions)
    formula = reduced_formula(Counter(gemmi.Element(number).name for number in atoms.numbers.tolist()))
    listed, relaxed = _of_set(), _of_relaxed()
    in_set = _first(known for known in listed if known.formula == formula and matcher.fit(structure, known.structure))
    alike = [(found[0], known) for known in listed if (found := matching(formula, known.formula))]
    return {
        "new": in_set is None,
        "in_set": in_set,
        "in_relaxed": _first(
            known for known in relaxed if known.formula == formula and matcher.fit(structure, known.structure)
        ),
        "nearest": in_set
        or _first(
            known
            for unlike, known in sorted(alike, key=lambda pair: pair[0])
            if unlike == 0 or matcher.fit_anonymous(structure, known.structure)
        ),
    }


def _first(found: Iterable[Known]) -> str | None:
    """Name of the first, after which nothing more is compared."""
    return next((known.name for known in found), None)


@cache
def _matcher() -> Any:
    from pymatgen.core.structure_matcher import StructureMatcher

    return StructureMatcher()


@dataclass(frozen=True, eq=False)
class Known:
    """A crystal that others are compared with: reduced formula, name, and how its atoms are found."""

    formula: str
    name: str
    cell: Callable[[], tuple[FloatArray, Any, FloatArray]]

    @cached_property
    def structure(self) -> Any:
        """As pymatgen has it, made when it is asked for."""
        from pymatgen.core import Structure

        return Structure(*self.cell())


@cache
def _of_set() -> tuple[Known, ...]:
    """Crystals of the PAW set."""

    def cell(entry: PawEntry) -> tuple[FloatArray, Any, FloatArray]:
        positions, _, numbers = atoms_of(entry.space_group, entry.sites)
        return entry.lattice, numbers.tolist(), positions

    return tuple(Known(entry.composition, entry.id, partial(cell, entry)) for entry in load_paw())


@cache
def _of_relaxed() -> tuple[Known, ...]:
    """Relaxed crystals."""
    crystals = (item.crystal for item in load_relaxed())
    return tuple(Known(crystal.composition, crystal.id, partial(crystal.cell, primitive=True)) for crystal in crystals)
