"""Which of the sets of atoms that superpose to a density are its own: those for which a model predicts it.

Superposed atoms of neighbours in the periodic table differ less than bonds change a density; a prediction has the
bonds. And a cell says something of its own: a file whose valence electrons are counted otherwise, such as sodium with a
single one, has the density of other atoms, in a cell that those do not have.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from symfft import Density, SpaceGroup, SymfftError
from symfft.basins.charges import MUCH_VACUUM, USUAL_VACUUM
from symfft_models._array_types import FloatArray
from symfft_models.atoms.radial import RadialAtoms
from symfft_models.atoms.search import Answer, Findings, superposing_atoms
from symfft_models.crystals.generator import atoms_in_cell
from symfft_models.crystals.relaxed import load_relaxed
from symfft_models.data.formula import reduced_formula
from symfft_models.datasets.paw import load_paw
from symfft_models.predict import DensityPredictor
from symfft_models.scattering.structure import whole_crystal

#: Answers that the prediction decides between.
DECIDED = 8
#: Factor by which the volume per atom may differ from that of a compound's known crystals.
FACTOR = 1.25


@cache
def shipped_predictor() -> DensityPredictor:
    """Return the predictor that comes with the package."""
    return DensityPredictor.load_shipped()


def find_atoms(
    density: Density,
    space_group: SpaceGroup | None = None,
    *,
    atoms: RadialAtoms | None = None,
    predictor: DensityPredictor | None = None,
    answers: int = 5,
) -> Findings:
    """Find the atoms of a crystal from its valence density.

    Sets of atoms that superpose to the density (:func:`symfft_models.atoms.superposing_atoms`) are ordered by how near
    to it they superpose, and how near the density is that a model predicts for them. There is no answer where the
    best one's cell is not that of its compound.

    Parameters
    ----------
    density, space_group, atoms, answers
        As for :func:`symfft_models.atoms.superposing_atoms`, which says what is raised, too.
    predictor : DensityPredictor, optional
        By default the one that comes with the package.

    Raises
    ------
    SymfftError
        If the density is no charge density, or there is no group to find; a NotSymmetricError if it does not have it.

    Examples
    --------
    >>> from symfft_models.datasets.paw import load_paw
    >>> found = find_atoms(load_paw().find("rock-salt-MgO").density((24, 24, 24)))
    >>> [(site.symbol, site.multiplicity) for site in found.answers[0].sites]
    [('Mg', 4), ('O', 4)]
    """
    found = superposing_atoms(density, space_group, atoms=atoms, answers=max(answers, DECIDED))
    if not found.answers:
        return found
    predictor = predictor or shipped_predictor()
    judged = [_judged(found, rank, density, predictor) for rank in range(min(DECIDED, len(found.answers)))]
    ordered = (*_by_prediction(judged, predictor), *found.answers[DECIDED:])
    if reason := _wrong_volume(ordered[0], density, found.space_group.number):
        return replace(found, answers=(), reason=reason)
    return replace(found, answers=ordered[:answers])


def _judged(found: Findings, rank: int, density: Density, predictor: DensityPredictor) -> Answer:
    """Answer with its distance from the prediction; None where that is not possible."""
    import gemmi

    answer = found.answers[rank]
    positions, symbols = found.atoms(rank)
    try:
        numbers = [gemmi.Element(symbol).atomic_number for symbol in symbols]
        crystal = whole_crystal(found.lattice, positions, numbers, 1e-3)
        predicted = predictor.predict(crystal, density.shape).density.values
    except SymfftError:
        return answer
    missed = np.abs(predicted - density.values).sum() / np.abs(density.values).sum()
    return replace(answer, nmae=100 * float(missed))


def _by_prediction(judged: list[Answer], predictor: DensityPredictor) -> list[Answer]:
    """Order answers by their misfit, which the nuclei decide, times the distance of the prediction, which has bonds.

    Predictions with elements that the model has not learned say nothing: those answers stay in the order of
    superposition, after or before all others as the best of each do.
    """
    import gemmi

    learned = {gemmi.Element(number).name for number in predictor.model.elements.tolist()}
    told = [answer for answer in judged if answer.nmae is not None and answer.counts.keys() <= learned]
    rest = [answer for answer in judged if answer not in told]
    told.sort(key=lambda answer: answer.misfit * (answer.nmae or 0.0))
    return [*told, *rest] if told and judged[0] not in rest else [*rest, *told]


def _wrong_volume(answer: Answer, density: Density, space_group: int) -> str:
    """Say that the cell is not one of a known compound; nothing where it may be, or the compound is not known.

    Crystals of the same space group are looked at where there are some: other structures of a compound can be much
    wider. A cell that is partly empty, as around a molecule, says nothing.
    """
    if np.mean(density.values < USUAL_VACUUM) > MUCH_VACUUM:
        return ""
    groups = _known_volumes().get(reduced_formula(answer.counts), {})
    known = groups.get(space_group) or [volume for volumes in groups.values() for volume in volumes]
    own = density.volume / sum(answer.counts.values())
    if not known or any(1 / FACTOR < own / volume < FACTOR for volume in known):
        return ""
    return (
        f"{reduced_formula(answer.counts)} superposes to this density, but its atoms take {known[0]:.1f} Å³ each and "
        f"not {own:.1f}: does this file count the valence electrons of an element otherwise?"
    )


@cache
def _known_volumes() -> dict[str, dict[int, list[float]]]:
    """Volumes per atom (Å³) by composition and space group: of the PAW set and of the relaxed crystals."""
    found: dict[str, dict[int, list[float]]] = {}

    def add(composition: str, space_group: int, lattice: FloatArray, atoms: int) -> None:
        volume = abs(float(np.linalg.det(lattice)))
        found.setdefault(composition, {}).setdefault(space_group, []).append(volume / atoms)

    for entry in load_paw().distinct():
        add(entry.composition, entry.space_group, entry.lattice, sum(entry.element_counts().values()))
    for item in load_relaxed():
        crystal = item.crystal
        add(crystal.composition, crystal.space_group, crystal.lattice, atoms_in_cell(crystal))
    return found
