"""What the model needs of a crystal: shells of neighbours, and how an atom's expansion scatters at given reflections.

An atom's density is ``Σ_nlm c_nlm R_nl(r) Y_lm``; the coefficients of one atom of an orbit give those of all others by
symmetry, and only combinations that its site symmetry keeps count. The structure factor of an orbit is

    F(h) = Σ_(n,k) c_nk R_nl(|G|) T_k(h),    T_k(h) = (m / g) Σ_(W,w) exp(-2πi h·(W x + w)) (-i)^l Y_k(G(h W)),

over the g operators of the group, m atoms in the orbit, Y_k = Σ_m V_mk Y_lm a basis of the invariants of the site.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from symfft import SpaceGroup
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.datasets.paw.reflections import plane_waves
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.harmonics import DEGREE, DEGREES, harmonics, turned

#: Neighbours within this distance (Å) act on an atom.
CUTOFF = 6.0
#: Neighbours of one orbit whose distances differ by less than this (Å) form a shell.
SHELL = 1e-3
#: Largest distance (Å) of a point from its image under an operator of its site symmetry.
FIXED = 1e-3
#: Images of an atom that differ by less, but for lattice vectors, are one (in fractions of these).
EQUAL = 1e-9


@dataclass(frozen=True, eq=False)
class Shells:
    """Neighbours of the unique atoms, those of one orbit at one distance together.

    Attributes
    ----------
    centre, neighbour : (s,) int64
        Orbit of the atom and of its neighbours.
    distance : (s,) float64
        In Å.
    count : (s,) int64
        Neighbours in the shell.
    harmonics : (s, 25) float64
        Sum of Y_lm over the directions to them.
    """

    centre: IntArray
    neighbour: IntArray
    distance: FloatArray
    count: IntArray
    harmonics: FloatArray


def shells(crystal: Crystal, cutoff: float = CUTOFF) -> Shells:
    """Find the neighbours of one atom of each orbit."""
    positions, orbits = crystal.atoms()
    heights = 1 / np.linalg.norm(np.linalg.inv(crystal.lattice), axis=0)
    reach = np.ceil(cutoff / heights).astype(int) + 1
    cells = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1).reshape(-1, 3)
    centres, owners, distances, counts, sums = [], [], [], [], []
    for centre, point in enumerate(crystal.positions):
        steps = ((positions - point - np.round(positions - point))[:, None] + cells) @ crystal.lattice
        distance = np.linalg.norm(steps, axis=-1)
        near = (distance < cutoff) & (distance > FIXED)
        owner = np.broadcast_to(orbits[:, None], near.shape)[near]
        order = np.lexsort((distance[near], owner))
        owner, length, step = owner[order], distance[near][order], steps[near][order]
        ends = np.flatnonzero((np.diff(owner) != 0) | (np.diff(length) > SHELL)) + 1
        starts = np.concatenate([[0], ends])[: len(owner)]
        size = np.diff(np.append(starts, len(owner)))
        centres.append(np.full(len(starts), centre))
        owners.append(owner[starts])
        counts.append(size)
        distances.append(np.add.reduceat(length, starts) / size if len(starts) else length)
        values = harmonics(step)
        sums.append(np.add.reduceat(values, starts, axis=0) if len(starts) else values)
    return Shells(*(np.concatenate(parts) for parts in (centres, owners, distances, counts, sums)))


@dataclass(frozen=True, eq=False)
class Terms:
    """The angular functions that the sites of a crystal allow, up to degree 4.

    Attributes
    ----------
    orbit, degree : (k,) int64
        Orbit that a term belongs to, and its degree l.
    invariant : (k, 25) float64
        Its components V in the real spherical harmonics at the orbit's first atom: a unit vector.
    """

    orbit: IntArray
    degree: IntArray
    invariant: FloatArray

    def __len__(self) -> int:
        return len(self.orbit)


@dataclass(frozen=True, eq=False)
class Turns:
    """The distinct rotations W of a group, and what they do to spherical harmonics in cells of one shape.

    Attributes
    ----------
    kind : (g,) int64
        Which of them each operator of the group has.
    rotations : (q, 3, 3) int64
        W.
    translations : (q, 3) float64
        The w of the first operator with each W; others have a centring translation more.
    centring : (c, 3) float64
        The centring translations, zero among them.
    harmonics : (q, 25, 25) float64
        D with ``Y(R v) = D Y(v)``, R the rotation in Cartesian coordinates.
    """

    kind: IntArray
    rotations: IntArray
    translations: FloatArray
    centring: FloatArray
    harmonics: FloatArray


def turns_of(crystal: Crystal) -> Turns:
    """Return the distinct rotations of a crystal's group."""
    return _turns(crystal.group, _shape(crystal))


def _shape(crystal: Crystal) -> bytes:
    """Return the lattice of a crystal, but for its size."""
    return (crystal.lattice / np.abs(crystal.lattice).max()).tobytes()


@lru_cache(maxsize=4)
def _turns(group: SpaceGroup, lattice: bytes) -> Turns:
    """Return the distinct rotations of a group in cells of one shape."""
    rotations, translations = group.rotations, group.numerators / group.denominator
    _, first, kind = np.unique(rotations.reshape(-1, 9), axis=0, return_index=True, return_inverse=True)
    pure = (rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))
    vectors = np.frombuffer(lattice).reshape(3, 3)
    cartesian = vectors.T @ rotations[first] @ np.linalg.inv(vectors).T
    return Turns(kind.reshape(-1), rotations[first], translations[first], translations[pure], turned(cartesian))


def site_terms(crystal: Crystal) -> Terms:
    """Return the angular functions that are invariant under the site symmetry of each orbit."""
    rotations, translations = crystal.group.rotations, crystal.group.numerators / crystal.group.denominator
    orbit, degree, invariant = [], [], []
    for index, point in enumerate(crystal.positions):
        steps = (rotations @ point + translations) - point
        fixed = np.linalg.norm((steps - np.round(steps)) @ crystal.lattice, axis=-1) < FIXED
        levels, vectors = _invariants(crystal.group, _shape(crystal), fixed.tobytes())
        orbit.append(np.full(len(levels), index))
        degree.append(levels)
        invariant.append(vectors)
    return Terms(np.concatenate(orbit), np.concatenate(degree), np.concatenate(invariant))


@lru_cache(maxsize=64)
def _invariants(group: SpaceGroup, lattice: bytes, fixed: bytes) -> tuple[IntArray, FloatArray]:
    """Return degrees (k,) and vectors (k, 25) of what some operators of a group leave as it is."""
    turns = _turns(group, lattice)
    projector = turns.harmonics[turns.kind[np.frombuffer(fixed, dtype=bool)]].mean(axis=0)
    degree, invariant = [], []
    for level in range(DEGREE + 1):
        part = np.flatnonzero(level == DEGREES)
        size, vectors = np.linalg.eigh(projector[np.ix_(part, part)])
        for vector in vectors[:, size > 0.5].T:
            row = np.zeros(len(DEGREES))
            row[part] = vector
            degree.append(level)
            invariant.append(row)
    return np.array(degree), np.array(invariant)


def scattering(crystal: Crystal, terms: Terms, hkl: IntArray) -> ComplexArray:
    """Return T (k, n_h) of the terms of a crystal at reflections hkl (n_h, 3).

    At h = 0 the term of degree 0 of an orbit of m atoms has ``m sqrt(1 / 4π)``, all others have none. Turned harmonics
    at h are harmonics at h, ``V·Y(G(h W)) = D V·Y(G(h))``: they are summed over the operators first.
    """
    values = harmonics(hkl @ np.linalg.inv(crystal.lattice).T).T
    lattice = plane_waves(turns_of(crystal).centring, hkl).sum(axis=0)
    factors = np.empty((len(terms), len(hkl)), dtype=np.complex128)
    for index, (images, sums) in enumerate(_images(crystal, terms)):
        phases = plane_waves(images, hkl)
        phases *= lattice * (crystal.multiplicity[index] / crystal.group.order)
        for degree in range(DEGREE + 1):
            own = np.flatnonzero((terms.orbit == index) & (terms.degree == degree))
            if len(own):
                part = np.flatnonzero(degree == DEGREES)
                carried = sums[:, part][..., own].reshape(len(images), -1).T
                summed = (carried @ phases.view(np.float64)).view(np.complex128)
                summed = summed.reshape(len(part), len(own), len(hkl))
                factors[own] = (-1j) ** degree * (summed * values[part][:, None]).sum(axis=0)
    return factors


@lru_cache(maxsize=4)
def _images(crystal: Crystal, terms: Terms) -> list[tuple[FloatArray, FloatArray]]:
    """Return, of each orbit, its p atoms (p, 3) without centring, and sums (p, 25, k) of the terms turned to each."""
    turns = turns_of(crystal)
    turned_terms = turns.harmonics @ terms.invariant.T
    found = []
    for point in crystal.positions:
        images = turns.rotations @ point + turns.translations
        places = np.round(images / EQUAL).astype(np.int64) % round(1 / EQUAL)
        _, first, atom = np.unique(places, axis=0, return_index=True, return_inverse=True)
        sums = np.zeros((len(first), *turned_terms.shape[1:]))
        np.add.at(sums, atom.reshape(-1), turned_terms)
        found.append((images[first], sums))
    return found
