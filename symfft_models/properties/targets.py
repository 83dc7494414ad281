r"""What is to be predicted: properties of crystals of a PAW set, from the energies, stresses and gaps that it stores.

The bulk modulus is that of the Birch-Murnaghan equation of state,

.. math:: P(V) = \tfrac32 B \left(x^7 - x^5\right) \left[1 + \tfrac34 (B' - 4)(x^2 - 1)\right],
          \quad x = (V_0 / V)^{1/3}

(F. Birch, Phys. Rev. 71, 809, 1947), with B' = 4.5 and coordinates that do not relax. Equilibrium volume, bulk modulus
and the Pulay stress are fitted to stresses and energies at two volumes or more. The Pulay stress, what a basis of plane
waves up to an energy adds to the pressure (P. G. Dacosta et al., J. Phys. C 19, 2793, 1986), is taken to go as 1/V:
at 520 eV it is -15 GPa in MgO, and energies at several volumes do not have it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from symfft import SymfftError
from symfft_models._array_types import FloatArray
from symfft_models.datasets.crystals import implausible, listed_name
from symfft_models.datasets.paw import PawSet
from symfft_models.datasets.paw.pack import GPA
from symfft_models.datasets.paw.store import load_paw
from symfft_models.properties.references import load_references
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.observation import listed_crystal

#: B', the usual derivative of the bulk modulus with the pressure.
STIFFENING = 4.5
#: Pressure (GPa, Pulay stress included) beyond which a crystal is far from any equilibrium: its lattice constant is not
#: that of the compound.
FAR = 40.0
#: Ratio of two volumes of one crystal: smallest that counts, and largest.
SPAN, WIDEST = 1.015, 1.35
#: Deviation of cells from having the same shape.
SHAPE = 0.01
#: Gauss's points between -1 and 1, and their weights.
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(12)
#: Smallest gap (eV) of an insulator: narrower ones are within what smearing and k-points leave open.
GAP = 0.05


class PropertiesError(SymfftError):
    """Properties cannot be learned from a set, or a model of them is damaged."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A crystal with known properties.

    Attributes
    ----------
    id, composition, prototype, split : str
        Of the entry of the set.
    space_group : int
        Number.
    crystal : Crystal
        Cell and atoms.
    pressure_gpa : float
        Minus the mean stress of the entry's cell.
    formation_ev : float
        Per atom against the elements; NaN where one has no reference.
    bulk_modulus_gpa : float
        NaN where the set has too few volumes of the crystal.
    gap_ev : float
        Zero for a metal.
    """

    id: str
    composition: str
    prototype: str
    split: str
    space_group: int
    crystal: Crystal
    pressure_gpa: float
    formation_ev: float
    bulk_modulus_gpa: float
    gap_ev: float


@dataclass(frozen=True)
class LeftOut:
    """Crystals that have no place among the samples.

    Attributes
    ----------
    elements : int
        Entries of one element.
    far : tuple of str
        Entries above :data:`FAR`, or with a cell that the list of crystals calls implausible.
    without_reference : tuple of str
        Entries with an element that has no reference: they have no formation energy.
    """

    elements: int
    far: tuple[str, ...]
    without_reference: tuple[str, ...]


def samples_of(densities: PawSet | None = None) -> tuple[list[Sample], LeftOut]:
    """Return the compounds of a set, one structure type of a composition once, and what is left out.

    Of several volumes the one of the lowest energy is taken: stresses hold the Pulay stress, which differs from crystal
    to crystal.

    Parameters
    ----------
    densities : PawSet, optional
        By default the one that comes with the package.
    """
    import gemmi

    densities = load_paw() if densities is None else densities
    column = {
        name: densities.column(name)
        for name in ("id", "composition", "prototype", "split", "space_group", "energy_ev", "stress_gpa", "gap_ev")
    }
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, key in enumerate(zip(column["composition"].tolist(), column["prototype"].tolist(), strict=True)):
        members[key].append(row)
    pressures = np.array([-np.mean([float(word) for word in text.split()[:3]]) for text in column["stress_gpa"]])
    references = load_references()
    wrong = implausible()
    samples, elements, far, unknown = [], 0, [], []
    for rows in members.values():
        row = min(rows, key=lambda r: (column["energy_ev"][r], column["id"][r]))
        entry = densities[row]
        if len({site.symbol for site in entry.sites}) == 1:
            elements += len(rows)
            continue
        if listed_name(entry.id) in wrong or abs(pressures[row]) > FAR:
            far.append(entry.id)
            continue
        crystal = listed_crystal(entry)
        symbols = [gemmi.Element(int(number)).name for number in crystal.numbers]
        energies = np.array([references.get(symbol, np.nan) for symbol in symbols])
        if np.isnan(energies).any():
            unknown.append(entry.id)
        atoms = int(crystal.multiplicity.sum())
        samples.append(
            Sample(
                id=entry.id,
                composition=entry.composition,
                prototype=entry.prototype,
                split=entry.split,
                space_group=entry.space_group,
                crystal=crystal,
                pressure_gpa=float(pressures[row]),
                formation_ev=(entry.metadata["energy_ev"] - float(energies @ crystal.multiplicity)) / atoms,
                bulk_modulus_gpa=_bulk_modulus_of(densities, rows, row, pressures),
                gap_ev=entry.metadata["gap_ev"] if entry.metadata["gap_ev"] >= GAP else 0.0,
            )
        )
    if not samples:
        raise PropertiesError(f"{densities.path} holds no compound near its equilibrium volume: nothing to learn from")
    return samples, LeftOut(elements, tuple(sorted(far)), tuple(sorted(unknown)))


def _bulk_modulus_of(densities: PawSet, rows: Sequence[int], row: int, pressures: FloatArray) -> float:
    """Bulk modulus of the entries that differ from one in their volume alone."""
    base = densities[row]
    alike: list[tuple[float, float, float]] = []
    for other in rows:
        entry = densities[other]
        ratio = np.linalg.norm(entry.lattice, axis=1) / np.linalg.norm(base.lattice, axis=1)
        same = [s.symbol for s in entry.sites] == [s.symbol for s in base.sites] and all(
            np.allclose(a.position, b.position, atol=0.01) for a, b in zip(entry.sites, base.sites, strict=True)
        )
        # the energies of insulators do not depend on the k-points
        comparable = entry.metadata["kpoints"] == base.metadata["kpoints"] or base.metadata["gap_ev"] > GAP
        near = 1 / WIDEST < ratio.prod() < WIDEST
        if same and comparable and near and np.ptp(ratio) < SHAPE:
            volume = abs(float(np.linalg.det(entry.lattice)))
            if all(abs(volume / known - 1) > SPAN - 1 for known, *_ in alike):
                alike.append((volume, float(pressures[other]), float(entry.metadata["energy_ev"])))
    if len(alike) < 2:
        return float("nan")
    found = equation_of_state(*np.array(alike).T)
    return float("nan") if found is None else found.modulus


@dataclass(frozen=True)
class EquationOfState:
    """Equilibrium volume (Å³), bulk modulus there (GPa), and Pulay stress at that volume (GPa)."""

    volume: float
    modulus: float
    pulay: float


def equation_of_state(volumes: FloatArray, pressures: FloatArray, energies: FloatArray) -> EquationOfState | None:
    """Fit the equation of state to two volumes or more; None where the pressure does not fall with the volume.

    Parameters
    ----------
    volumes, pressures, energies : (n,) float64
        Å³; minus the mean stress in GPa; eV, all with the same k-points.

    Examples
    --------
    >>> import numpy as np
    >>> volumes = np.array([70.0, 74.0, 78.0])
    >>> stresses = pressure(volumes, 75.0, 160.0) - 15 * 75 / volumes
    >>> energies = energy(volumes, 75.0, 160.0)
    >>> found = equation_of_state(volumes, stresses, energies)
    >>> round(found.volume, 6), round(found.modulus, 5), round(found.pulay, 6)
    (75.0, 160.0, -15.0)
    """
    order = np.argsort(volumes)
    volumes, pressures, energies = volumes[order], pressures[order], energies[order]
    slope = np.polyfit(np.log(volumes), pressures, 1)[0]
    if slope >= 0:
        return None
    mean = -GPA * np.diff(energies) / np.diff(volumes)

    def missed(p: FloatArray) -> FloatArray:
        equilibrium, modulus, pulay = np.exp(p[0]), np.exp(p[1]), p[2]
        found = energy(volumes, equilibrium, modulus)
        stress = pressure(volumes, equilibrium, modulus) + pulay * equilibrium / volumes
        return np.concatenate([stress - pressures, -GPA * np.diff(found) / np.diff(volumes) - mean])

    middle = float(np.sqrt(volumes[0] * volumes[-1]))
    start = [np.log(middle) + float(mean.mean()) / -slope, np.log(-slope), 0.0]
    fitted = least_squares(missed, start, method="lm", x_scale=[0.01, 0.01, 1.0])
    return EquationOfState(float(np.exp(fitted.x[0])), float(np.exp(fitted.x[1])), float(fitted.x[2]))


def energy(volumes: FloatArray, equilibrium: float, modulus: float) -> FloatArray:
    """Return the energy (eV) of the equation of state at volumes, against that at equilibrium; the modulus in GPa."""
    half = (np.asarray(volumes, dtype=np.float64) - equilibrium) / 2
    inside = equilibrium + half[..., None] * (1 + POINTS)
    return np.asarray(-(pressure(inside, equilibrium, modulus) @ WEIGHTS) * half / GPA)


def pressure(volumes: FloatArray, equilibrium: float, modulus: float) -> FloatArray:
    """Return the pressure of the equation of state at volumes, in the unit of the modulus."""
    x = np.cbrt(equilibrium / np.asarray(volumes, dtype=np.float64))
    return np.asarray(1.5 * modulus * (x**7 - x**5) * (1 + 0.75 * (STIFFENING - 4) * (x**2 - 1)))
