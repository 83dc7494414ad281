r"""Where to draw latents from: between training crystals of one prototype, conditionally on what is wanted.

At the small KL weights that reconstruction needs, N(0, 1) is not where the crystals are. One point u is the posterior
mean z of a density together with ln(lattice constant) and ln(mean density), so that these are drawn jointly. A draw
takes a training crystal, the anchor, and its nearest others of the same prototype, and a point between them,

.. math:: u = u_0 + T \sum_{j=1}^{K} w_j (u_j - u_0), \qquad w \sim \mathrm{Dirichlet}(1, \ldots, 1)

with K + 1 weights and the temperature T. What is wanted (lattice constant, electrons, composition) makes those anchors
likely that are near to it. Mixtures of positive densities are positive, which Gaussians around their mean are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from symfft import ShapeError
from symfft_models._array_types import FloatArray
from symfft_models.crystals.composition import CompositionError, amounts, matching, stoichiometry, valences_of
from symfft_models.model.density_table import DensityTable
from symfft_models.model.vae import DensityVAE

#: Crystals beside the anchor that a draw lies between.
PARTNERS = 3
#: Widths within which an anchor counts as near: relative lattice constant, steps in the periodic table.
NEAR_LATTICE, NEAR_ELEMENTS = 0.04, 0.7
#: An anchor this many widths away is not near at all.
FAR = 4.0


@dataclass(frozen=True)
class Wanted:
    """What a draw is to be: cubic lattice constant in Å, valence electrons in the cubic cell, composition; or None."""

    lattice_constant: float | None = None
    electrons: float | None = None
    composition: str | None = None


ANYTHING = Wanted()


@dataclass(frozen=True)
class Draw:
    """A drawn point, its prototype, and the training density whose atoms it gets (a row of the table).

    The point's electron count is that of these atoms, or of those that are wanted in their place.
    """

    point: FloatArray
    prototype: str
    neighbour: int


@dataclass(frozen=True)
class LatentPrior:
    """Training points of one space group, and draws between them.

    Attributes
    ----------
    points
        (m, d) training points.
    rows
        (m,) their rows in the training table.
    prototypes, compositions
        Of each.
    valences
        Electrons of the elements, as far as the training densities determine them.
    """

    points: FloatArray
    rows: tuple[int, ...]
    prototypes: tuple[str, ...]
    compositions: tuple[str, ...]
    valences: Mapping[str, int] = field(default_factory=dict)

    def draw(self, rng: np.random.Generator, temperature: float = 1.0, wanted: Wanted = ANYTHING) -> Draw:
        """Draw one point; `temperature` 0 gives training crystals, 1 the whole space between them.

        Its atoms are those of the crystal that has the largest share in it, and its electron count is theirs, so that
        atoms and density belong together. With a wanted composition its elements take the place of the anchor's.

        Raises
        ------
        CompositionError
            Where what is wanted cannot be had: elements or electron counts that no training density has, or no
            training crystal that is near to it. The message says why.
        """
        weight = self.nearness(wanted)
        anchor = int(rng.choice(len(self.points), p=weight / weight.sum()))
        partners = self.partners(anchor, weight)
        shares = temperature * rng.dirichlet(np.ones(len(partners) + 1))[1:]
        point = self.points[anchor] + shares @ (self.points[partners] - self.points[anchor])
        crystals, share = [anchor, *partners], [1 - shares.sum(), *shares]
        label = anchor if wanted.composition is not None else crystals[int(np.argmax(share))]
        electrons = float(self.electron_counts()[label])
        if wanted.composition is not None:
            electrons = valence_electrons(wanted.composition, self.compositions[label], electrons, self.valences)
        if wanted.lattice_constant is not None:
            point[-2] = np.log(wanted.lattice_constant)
        point[-1] = np.log(electrons) - 3 * point[-2]
        return Draw(point, self.prototypes[label], self.rows[label])

    def electron_counts(self) -> FloatArray:
        """Electrons in the cubic cell, (m,): whole numbers."""
        return np.asarray(np.round(np.exp(self.points[:, -1] + 3 * self.points[:, -2])), dtype=np.float64)

    def nearness(self, wanted: Wanted) -> FloatArray:
        """Return how much each training crystal counts as an anchor, (m,), 1 where nothing is wanted."""
        self._require_known_elements(wanted)
        distance = np.zeros((3, len(self.points)))
        if wanted.lattice_constant is not None:
            distance[0] = np.abs(self.points[:, -2] - np.log(wanted.lattice_constant)) / NEAR_LATTICE
        counts = self._electrons_with(wanted)
        distance[1] = np.where(np.isfinite(counts), 0.0, np.inf)
        if wanted.electrons is not None:
            distance[1, counts != wanted.electrons] = np.inf
        if wanted.composition is not None:
            distance[2] = self.steps_from(wanted.composition) / NEAR_ELEMENTS
        near = (distance <= FAR).all(axis=0)
        if not near.any():
            raise CompositionError(self.nothing_near(wanted))
        return np.where(near, np.exp(-0.5 * np.where(near, distance, 0.0) ** 2).prod(axis=0), 0.0)

    def steps_from(self, composition: str) -> FloatArray:
        """Distances in the periodic table of the training crystals' elements from wanted ones, (m,)."""
        compounds, of_compound = self._compounds
        found = [matching(composition, known) for known in compounds]
        return np.array([np.sqrt(match[0]) if match else np.inf for match in found])[of_compound]

    @cached_property
    def _compounds(self) -> tuple[list[str], NDArray[np.int64]]:
        names, of_compound = np.unique(np.array(self.compositions), return_inverse=True)
        return names.tolist(), of_compound.astype(np.int64)

    @cached_property
    def _prototypes(self) -> NDArray[np.str_]:
        return np.array(self.prototypes)

    def _electrons_with(self, wanted: Wanted) -> FloatArray:
        """Electrons in the cell of each training crystal, with the wanted elements in the place of its own, (m,)."""
        counts = self.electron_counts()
        if wanted.composition is None:
            return counts
        return _in_whole_units(formula_electrons(wanted.composition, self.valences), counts / self._formula_electrons)

    @cached_property
    def _formula_electrons(self) -> FloatArray:
        compounds, of_compound = self._compounds
        return np.array([formula_electrons(known, self.valences) for known in compounds])[of_compound]

    def _require_known_elements(self, wanted: Wanted) -> None:
        if wanted.composition is None:
            return
        unknown = [symbol for symbol in amounts(wanted.composition) if symbol not in self.valences]
        if unknown:
            known = ", ".join(sorted(self.valences)) or "none"
            raise CompositionError(
                f"composition {wanted.composition} cannot be had: no density that the model learned from tells how "
                f"many electrons {' and '.join(unknown)} have; they do for {known}"
            )

    def nothing_near(self, wanted: Wanted) -> str:
        """Say what is wanted in vain, and what there is."""
        a, electrons = np.exp(self.points[:, -2]), self.electron_counts()
        wishes = {
            "composition": wanted.composition,
            "lattice constant": wanted.lattice_constant,
            "electrons": wanted.electrons,
        }
        text = " and ".join(f"{name} {value}" for name, value in wishes.items() if value is not None)
        kinds = sorted({stoichiometry(composition) for composition in self.compositions})
        return (
            f"no training crystal of this space group is near {text}; they have lattice constants of {a.min():.2f} to "
            f"{a.max():.2f} Å, {_some(electrons)} electrons in the cubic cell and compositions like "
            f"{', '.join(kinds)}. Ask for less, or for another space group"
        )

    def partners(self, anchor: int, weight: FloatArray) -> list[int]:
        """Return the nearest of each of the `PARTNERS` nearest other compounds of the anchor's prototype.

        Only crystals that are near to what is wanted; where there are none, further densities of the same compound.
        """
        alike = (weight > 0) & (self._prototypes == self._prototypes[anchor])
        alike[anchor] = False
        near = np.flatnonzero(alike).tolist()
        distance = np.linalg.norm(self.points[near, :-2] - self.points[anchor, :-2], axis=1)
        chosen: dict[str, int] = {}
        for place in np.argsort(distance, kind="stable"):
            chosen.setdefault(self.compositions[near[place]], near[place])
        own = chosen.pop(self.compositions[anchor], None)
        others = list(chosen.values())[:PARTNERS]
        return others or ([own] if own is not None else [])


def _some(counts: FloatArray) -> str:
    found = [f"{count:.0f}" for count in np.unique(counts)]
    return ", ".join(found if len(found) <= 12 else [*found[:6], "…", *found[-5:]])


def valence_electrons(wanted: str, known: str, electrons: float, valences: Mapping[str, int]) -> float:
    """Electrons that a cell of a crystal has with other elements on its sites; NaN where an element is not listed."""
    units = np.array(electrons / formula_electrons(known, valences))
    return float(_in_whole_units(formula_electrons(wanted, valences), units))


def formula_electrons(composition: str, valences: Mapping[str, int]) -> float:
    """Electrons of a formula unit; NaN where an element is not listed."""
    return float(sum(valences.get(symbol, np.nan) * n for symbol, n in amounts(composition).items()))


def _in_whole_units(each: float, units: FloatArray) -> FloatArray:
    """Return the electrons of whole numbers of formula units, NaN where a number is not whole or zero."""
    whole = np.round(units)
    return np.where((np.abs(units - whole) < 1e-6) & (whole != 0), each * whole, np.nan)


def elements_of(wanted: Wanted, composition: str) -> dict[str, str]:
    """Return what each element of a training crystal becomes; nothing where no composition is wanted."""
    match = matching(wanted.composition, composition) if wanted.composition else None
    return dict(match[1]) if match else {}


@torch.no_grad()
def fit_prior(model: DensityVAE, train: DensityTable, index: int) -> LatentPrior:
    """Encode the training densities of one space group of the model."""
    rows = torch.nonzero(train.group_m == index)[:, 0]
    if not len(rows):
        raise ShapeError(f"space group {model.representation.groups[index]} has no training density to draw near to")
    condition = train.condition_mp[rows]
    z = model.encode(train.values_mn[rows], train.group_m[rows], condition).mean
    points = torch.cat([z, condition], dim=1).double().numpy()
    entries = [train.entries[row] for row in rows.tolist()]
    prototypes, compositions = (tuple(getattr(e, name) for e in entries) for name in ("prototype", "composition"))
    valences = train.once("valences", valences_of, train.entries)
    return LatentPrior(points, tuple(rows.tolist()), prototypes, compositions, valences)


def active_floats(points: FloatArray, threshold: float = 0.01) -> int:
    """Count latent floats whose posterior mean has a variance above `threshold` over the training densities.

    The measure of active units of Burda, Grosse and Salakhutdinov 2016.
    """
    return int((points[:, :-2].var(0) > threshold).sum())


def active_units(model: DensityVAE, train: DensityTable) -> dict[str, int]:
    """Count active latent floats for each space group."""
    groups = model.representation.groups
    return {str(number): active_floats(fit_prior(model, train, index).points) for index, number in enumerate(groups)}
