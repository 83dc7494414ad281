"""What a density alone says: its electrons, its atoms, whether they are new, and what a model predicts for them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from symfft import Density, SpaceGroup, SymfftError
from symfft_models._array_types import FloatArray
from symfft_models.atoms import Findings, find_atoms, load_radial_atoms
from symfft_models.atoms.ranking import shipped_predictor
from symfft_models.crystals.relaxed import load_relaxed
from symfft_models.data.formula import reduced_formula
from symfft_models.datasets.paw import load_paw
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
        none; ``nearest``: a crystal of the set with the same composition, else with the same structure and other
        elements; ``in_relaxed``: the same for the relaxed candidates. ``not_possible`` where pymatgen is missing.
    """
    try:
        matcher = _matcher()
    except ImportError:
        return {"new": None, "not_possible": "needs pymatgen: pip install pymatgen"}
    with warnings.catch_warnings():
        # noble gases have no electronegativity, which StructureMatcher does not need
        warnings.simplefilter("ignore", UserWarning)
        return _compared(atoms, matcher)


def _compared(atoms: Atoms, matcher: Any) -> dict[str, Any]:
    from pymatgen.core import Structure

    structure = Structure(atoms.lattice, atoms.numbers.tolist(), atoms.positions)
    composition = structure.composition.reduced_composition
    same = [
        (name, kind)
        for formula, name, kind, lattice, numbers, positions in _known()
        if formula == composition and matcher.fit(structure, Structure(lattice, numbers, positions))
    ]
    kin = [
        name
        for formula, name, kind, lattice, numbers, positions in _known()
        if kind == "set"
        and (formula == composition or formula.anonymized_formula == composition.anonymized_formula)
        and (formula == composition or matcher.fit_anonymous(structure, Structure(lattice, numbers, positions)))
    ]
    in_set = next((name for name, kind in same if kind == "set"), None)
    return {
        "new": in_set is None,
        "in_set": in_set,
        "in_relaxed": next((name for name, kind in same if kind == "relaxed"), None),
        "nearest": in_set or (kin[0] if kin else None),
    }


@cache
def _matcher() -> Any:
    from pymatgen.core.structure_matcher import StructureMatcher

    return StructureMatcher()


@cache
def _known() -> tuple[Any, ...]:
    """Crystals of the set and relaxed ones: composition, name, where from, cell, numbers, positions."""
    from pymatgen.core import Composition

    from symfft_models.data.entry import atoms_of

    rows = []
    for entry in load_paw():
        positions, _, numbers = atoms_of(entry.space_group, entry.sites)
        formula = Composition(entry.composition).reduced_composition
        rows.append((formula, entry.id, "set", entry.lattice, numbers.tolist(), positions))
    for item in load_relaxed():
        cell, symbols, positions = item.crystal.cell(primitive=True)
        formula = Composition(item.crystal.composition).reduced_composition
        rows.append((formula, item.crystal.id, "relaxed", cell, symbols, positions))
    return tuple(rows)
