"""Cubic structures without free coordinates recur; what their files have in common is worked out once.

Cell, axes, origin, group and the change of grid depend on a structure and on shapes, never on the values. In a *kind*
all coordinates and all ratios of the metric are simple fractions, so that rock salts, perovskites or Heusler compounds
of any lattice constant and elements share one :class:`Plan`: a sparse map from the structure factors of the file's grid
to those of the standard one. Other structures go through :func:`symfft.standardize`, file by file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from symfft import (
    AsymmetricUnit,
    Density,
    SpaceGroup,
    SymfftError,
    asymmetric_unit,
    next_compatible_shape,
    standardize,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Shape = tuple[int, int, int]

#: Coordinates are multiples of 1/24, metric ratios of 1/12, as closely as a file with six decimals can tell.
COORDINATE, RATIO, CLOSE = 24, 12, 2e-6
#: Within these bounds (Å) the tolerance of the symmetry search cannot tell a file from the exact structure, nor take
#: two exact structures for one.
LEAST_SYMPREC, LARGEST_SYMPREC = 2e-4, 1e-2
#: Length of the first axis, in Å, at which a kind is looked at.
AXIS = 6.0
#: Relative difference of squared lengths up to which two frequencies count as equally long.
EQUAL = 1e-6


@dataclass(frozen=True)
class Kind:
    """A structure but for its elements and lattice constant: metric ratios, coordinates, which elements are equal."""

    ratios: tuple[int, ...]
    coordinates: tuple[int, ...]
    labels: tuple[int, ...]

    def density(self, values: FloatArray, magnetization: FloatArray | None = None) -> Density:
        """Return values on the exact structure, its elements numbered from 1."""
        ratios = np.array(self.ratios, dtype=np.float64).reshape(3, 3) / RATIO
        positions = np.array(self.coordinates, dtype=np.float64).reshape(-1, 3) / COORDINATE
        numbers = np.array(self.labels) + 1
        return Density(values, AXIS * np.linalg.cholesky(ratios), positions, numbers, magnetization=magnetization)


def kind_of(density: Density, symprec: float) -> Kind | None:
    """Return the kind of a structure; None where it has free coordinates or is not known closely enough."""
    metric = density.lattice @ density.lattice.T
    ratios = RATIO * metric / metric[0, 0]
    coordinates = COORDINATE * (density.positions % 1.0)
    whole_ratios, whole_coordinates = np.rint(ratios), np.rint(coordinates)
    if (
        not LEAST_SYMPREC <= symprec <= LARGEST_SYMPREC
        or np.abs(ratios - whole_ratios).max() > RATIO * CLOSE
        or np.abs(coordinates - whole_coordinates).max() > COORDINATE * CLOSE
    ):
        return None
    _, first, labels = np.unique(density.numbers, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return Kind(
        tuple(whole_ratios.astype(int).ravel().tolist()),
        tuple((whole_coordinates.astype(int) % COORDINATE).ravel().tolist()),
        tuple(order[labels].tolist()),
    )


@dataclass(frozen=True, eq=False)
class Plan:
    """What all files of a kind on one grid have in common.

    Attributes
    ----------
    group, unit : SpaceGroup, AsymmetricUnit
        Of the file's own cell and grid.
    standard : Density
        The exact structure in the standard cell, with numbers 1, 2, … for its elements; its values say nothing.
    target : AsymmetricUnit
        Of the standard cell and grid.
    scale : float
        Standard cell's volume in cells of the file.
    source, mirrored, factor, goal :
        Structure factor ``source`` of the file's half grid, conjugated where ``mirrored``, times ``factor`` is added to
        ``goal`` of the standard half grid.
    """

    group: SpaceGroup
    unit: AsymmetricUnit
    standard: Density
    target: AsymmetricUnit
    scale: float
    source: IntArray
    mirrored: NDArray[np.bool_]
    factor: NDArray[np.complex128]
    goal: IntArray

    def standard_values(self, values: FloatArray) -> FloatArray:
        """Bring values with the group's symmetry, (N1, N2, N3), to the standard asymmetric unit, (n,)."""
        import scipy.fft

        terms = scipy.fft.rfftn(values, norm="forward").ravel()[self.source]
        np.conjugate(terms, out=terms, where=self.mirrored)
        terms *= self.factor
        m1, m2, m3 = self.target.shape
        size = m1 * m2 * (m3 // 2 + 1)
        moved = np.empty(size, dtype=np.complex128)
        moved.real = np.bincount(self.goal, terms.real, size)
        moved.imag = np.bincount(self.goal, terms.imag, size)
        # along each axis only the planes with points of the asymmetric unit go on
        (x, at_x), (y, at_y), (z, at_z) = self.planes
        grid = scipy.fft.ifft(moved.reshape(m1, m2, -1), axis=0, norm="forward", overwrite_x=True)[x]
        grid = scipy.fft.ifft(grid, axis=1, norm="forward", overwrite_x=True)[:, y]
        return np.asarray(scipy.fft.irfft(grid, m3, axis=2, norm="forward")[at_x, at_y, z[at_z]])

    @cached_property
    def planes(self) -> list[tuple[IntArray, IntArray]]:
        """For each axis: the planes that hold points of the asymmetric unit, and on which of them each point lies."""
        return [np.unique(column, return_inverse=True) for column in self.target.indices.T]

    def standard_lattice(self, density: Density) -> FloatArray:
        """Return the standard cell of a file, (3, 3) rows in Å."""
        volume = density.volume * self.scale
        return self.standard.lattice * (volume / self.standard.volume) ** (1 / 3)


@lru_cache(maxsize=256)
def group_of(kind: Kind, symprec: float) -> tuple[SpaceGroup, SpaceGroup]:
    """Return the group of a kind in its own cell, and in the standard one."""
    group = kind.density(np.zeros((1, 1, 1))).space_group(symprec)
    return group, SpaceGroup.from_number(group.number)


@lru_cache(maxsize=64)
def plan_of(kind: Kind, shape: Shape, goal: Shape | None, symprec: float) -> Plan | None:
    """Work out the plan from a grid to one of the standard cell; by default to the smallest that loses nothing.

    None where the group is not cubic, the grid does not fit it, or the standard cell is smaller than the file's.
    """
    group, reference = group_of(kind, symprec)
    if group.number < 195:
        return None
    try:
        unit = asymmetric_unit(group, shape)
        cell, turns, standard = _transformation(kind, reference, symprec)
        if goal is None:
            goal = standardize(kind.density(np.zeros(shape)), reference, symprec=symprec).shape
    except SymfftError:
        return None
    source, mirrored, factor, target = _frequencies(cell, turns, standard.lattice, shape, goal)
    return Plan(
        group=group,
        unit=unit,
        standard=standard,
        target=asymmetric_unit(reference, goal),
        scale=abs(float(np.linalg.det(cell))),
        source=source,
        mirrored=mirrored,
        factor=factor,
        goal=target,
    )


# ---- inside ---------------------------------------------------------------------------------------------------------


def _transformation(kind: Kind, reference: SpaceGroup, symprec: float) -> tuple[IntArray, FloatArray, Density]:
    """Return T with h' = T h, the phases (in turns) of the three axes' frequencies, and the standard structure.

    :func:`symfft.standardize` is linear and takes plane waves to plane waves: one along each axis, told apart by their
    amplitudes, tell all.
    """
    goal = next_compatible_shape(reference, (24, 24, 24))
    angles = 2 * np.pi * np.indices((12, 12, 12)) / 12
    amplitudes = np.array([1.0, 2.0, 4.0])
    waves = np.tensordot(amplitudes, np.exp(1j * angles), 1)
    standard = standardize(kind.density(waves.real, waves.imag), reference, goal, symprec=symprec)
    assert standard.magnetization is not None
    spectrum = np.fft.fftn(standard.values + 1j * standard.magnetization, norm="forward").ravel()
    peaks = [int(np.abs(np.abs(spectrum) - amplitude).argmin()) for amplitude in amplitudes]
    h = np.array(np.unravel_index(peaks, goal))
    columns = np.where(h > np.array(goal)[:, None] // 2, h - np.array(goal)[:, None], h)
    turns = np.angle(spectrum[peaks]) / (2 * np.pi)
    # the origin lies at a simple fraction, and so do the phases
    return columns, np.rint(turns * 48) / 48, standard


def _frequencies(
    cell: IntArray, turns: FloatArray, lattice: FloatArray, shape: Shape, goal: Shape
) -> tuple[IntArray, NDArray[np.bool_], NDArray[np.complex128], IntArray]:
    """Return the sparse map between half grids: all G that are shortest in their classes on both grids.

    The classes of a grid are the frequencies that its points cannot tell apart; equally long members share.
    """
    own = np.linalg.solve(cell.astype(np.float64), lattice)
    radius = min(_radius(own, shape), _radius(lattice, goal))
    h, squares = _within(own, radius)
    new, new_squares = _within(lattice, radius)
    moved = h @ cell.T
    old_class, new_class = _flat(h, shape), _flat(moved, goal)
    shortest = np.full(int(np.prod(shape)), np.inf)
    np.minimum.at(shortest, old_class, squares)
    shortest_new = np.full(int(np.prod(goal)), np.inf)
    np.minimum.at(shortest_new, _flat(new, goal), new_squares)
    in_old = squares <= shortest[old_class] * (1 + EQUAL)
    members = np.bincount(old_class[in_old], minlength=len(shortest))
    half = moved[:, 2] % goal[2] <= goal[2] // 2
    keep = in_old & half & (squares <= shortest_new[new_class] * (1 + EQUAL))
    h, moved = h[keep], moved[keep]
    mirrored = h[:, 2] % shape[2] > shape[2] // 2
    sign = np.where(mirrored, -1, 1)[:, None]
    factor = np.exp(2j * np.pi * (h @ turns % 1.0)) / members[old_class[keep]]
    return _flat_half(sign * h, shape), mirrored, factor, _flat_half(moved, goal)


def _radius(lattice: FloatArray, shape: Shape) -> float:
    """Length (1/Å) that the shortest member of no class exceeds."""
    reciprocal = np.linalg.inv(lattice).T
    return 0.5 * float(np.linalg.norm(np.array(shape)[:, None] * reciprocal)) * (1 + EQUAL)


def _within(lattice: FloatArray, radius: float) -> tuple[IntArray, FloatArray]:
    """Return all frequencies h of a cell up to a length, (n, 3), and their squared lengths."""
    reciprocal = np.linalg.inv(lattice).T
    n1, n2, n3 = np.floor(radius * np.linalg.norm(lattice, axis=1)).astype(int).tolist()
    plane = np.stack(np.meshgrid(np.arange(-n2, n2 + 1), np.arange(-n3, n3 + 1), indexing="ij"), axis=-1).reshape(-1, 2)
    kept, lengths = [], []
    for h1 in range(-n1, n1 + 1):
        h = np.column_stack([np.full(len(plane), h1), plane])
        squares = ((h @ reciprocal) ** 2).sum(axis=1)
        inside = squares <= radius**2
        kept.append(h[inside])
        lengths.append(squares[inside])
    return np.concatenate(kept), np.concatenate(lengths)


def _flat(h: IntArray, shape: Shape) -> IntArray:
    """Number the classes of frequencies on a grid."""
    k = h % np.array(shape)
    return np.asarray((k[:, 0] * shape[1] + k[:, 1]) * shape[2] + k[:, 2])


def _flat_half(h: IntArray, shape: Shape) -> IntArray:
    """Number the classes on the half grid of a real transform."""
    k = h % np.array(shape)
    return np.asarray((k[:, 0] * shape[1] + k[:, 1]) * (shape[2] // 2 + 1) + k[:, 2])
