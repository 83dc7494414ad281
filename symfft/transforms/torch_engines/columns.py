"""Groups with a unique axis: an FFT along one column of each orbit, then one matrix for each plane of reflections.

Every operator maps columns along the axis onto columns, ``(X, z) → (R X + u, ε z + w)`` with ε = ±1. With P(X; l) the
transform of column X follow ``P(R X + u; l) = exp(-2πi l w) P(X; l)``, of the conjugate where ε = -1; likewise
``F(ε Rᵀ H, l) = exp(2πi (H·u + l w)) F(H, l)``, or the conjugate of all that. One column and one H of each orbit are
computed. The matrix between them depends on l through phases alone, which repeat after a few planes.
"""

from __future__ import annotations

import math
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import ComplexArray, FloatArray, IntArray
from symfft.au import AsymmetricUnit
from symfft.fourier.reflections import Reflections
from symfft.grid.orbits import GridOrbits
from symfft.grid.shape import grid_operators
from symfft.transforms.torch_engines.engine import TorchEngine
from symfft.transforms.torch_engines.terms import Terms, View, filling, reading

#: Rows of a matrix that are made at once.
ROWS_AT_ONCE = 64


class Columns(NamedTuple):
    """A grid as columns along one axis.

    Attributes
    ----------
    axes : (3,) int
        The two axes of the plane, and that of the columns.
    shape : (3,) int
        Points along them.
    plane, reciprocal : (g, 2, 2) int64
        R, in grid units, and ε Rᵀ.
    shifts : (g, 2) int64
        u, in grid units.
    flips : (g,) bool
        Whether ε = -1.
    lifts : (g,) int64
        w, in grid units.
    owner, by : (Na Nb,) int64
        Column that stands for each column's orbit, and the operator that maps the column there.
    unique : (n_c,) int64
        The columns that stand for orbits.
    mirror : int
        An operator that turns every column over, -1 if there is none.
    period : int
        Planes l after which all phases repeat.
    """

    axes: tuple[int, int, int]
    shape: tuple[int, int, int]
    plane: IntArray
    reciprocal: IntArray
    shifts: IntArray
    flips: NDArray[np.bool_]
    lifts: IntArray
    owner: IntArray
    by: IntArray
    unique: IntArray
    mirror: int
    period: int

    @property
    def parts(self) -> int:
        """Real numbers for each P: one where a mirror fixes its phase."""
        return 1 if self.mirror >= 0 else 2

    @property
    def matrix_size(self) -> int:
        """Numbers in the matrix of a plane: in each plane F are as many as P, halved by Friedel's law or a mirror."""
        return (self.parts * len(self.unique)) ** 2


class Planes(NamedTuple):
    """Planes of reflections, l = first, first + period, …, between which phases repeat.

    Attributes
    ----------
    levels : (n_l,) int64
        The l.
    phase : (n_l, rows) complex
        ``conj(phase) F`` is real where all F of these planes are centric; else rows are real and imaginary parts.
    hk : (rows, 2) int64
        The reflections of the rows.
    forward, inverse : (parts n_c, rows) and (rows, parts n_c) float
        The matrices.
    """

    levels: IntArray
    phase: ComplexArray
    hk: IntArray
    forward: FloatArray
    inverse: FloatArray

    @property
    def first(self) -> int:
        """The least l."""
        return int(self.levels[0])


class ColumnTransform(TorchEngine):
    """The transform by columns and planes; see the head of this file."""

    def __init__(self, au: AsymmetricUnit, view: View, columns: Columns) -> None:
        self._orbits, self._reflections, self._view, self._columns = au.orbits, au.fourier.reflections, view, columns
        points = columns.shape[2]
        self._levels = points // 2 + 1
        count = len(columns.unique)
        self.operations = self._levels * columns.matrix_size
        self.operations += round(count * points * math.log2(points))
        self.moved = 10 * count * points + 5 * len(view.which)

    def forward(self, values: Any) -> Any:
        """Transform values (b, n) into the numbers of the view, (b, m)."""
        import torch

        gather = self._table(values, "gather", self._gather)
        lines = values.index_select(1, gather).reshape(len(values), -1, self._columns.shape[2])
        spectra = torch.fft.rfft(lines).transpose(1, 2)
        if self._columns.mirror >= 0:
            cosine, sine = self._mirror_phases(values)
            parts = spectra.real * cosine + spectra.imag * sine
        else:
            parts = torch.view_as_real(spectra.contiguous()).flatten(2)
        products = []
        for p in self._tables.planes:
            matrix = self._table(values, f"forward{p.first}", partial(getattr, p, "forward"))
            products.append((parts[:, p.first :: self._columns.period] @ matrix).flatten(1))
        return self._tables.read(torch.cat(products, dim=1))

    def inverse(self, numbers: Any) -> Any:
        """Transform numbers of the view, (b, m), into values (b, n)."""
        import torch

        planes, batch = self._tables.planes, len(numbers)
        rows = self._tables.fill(numbers).split([p.phase.size for p in planes], dim=1)
        parts = numbers.new_zeros(batch, self._levels, self._columns.parts * len(self._columns.unique))
        for p, some in zip(planes, rows, strict=True):
            matrix = self._table(numbers, f"inverse{p.first}", partial(getattr, p, "inverse"))
            parts[:, p.first :: self._columns.period] = some.reshape(batch, len(p.levels), -1) @ matrix
        if self._columns.mirror >= 0:
            cosine, sine = self._mirror_phases(numbers)
            spectra = torch.complex(parts * cosine, parts * sine)
        else:
            spectra = torch.view_as_complex(parts.reshape(batch, self._levels, -1, 2))
        lines = torch.fft.irfft(spectra.transpose(1, 2), n=self._columns.shape[2])
        return lines.flatten(1).index_select(1, self._table(numbers, "points", self._points))

    def _mirror_phases(self, like: Any) -> tuple[Any, Any]:
        """Return cosine and sine of the phases of P where a mirror fixes them, (L, 1) each."""
        phase = _mirror_phase(self._columns, np.arange(self._levels))[:, None]
        return self._table(like, "cosine", lambda: phase.real), self._table(like, "sine", lambda: phase.imag)

    def _gather(self) -> NDArray[np.int32]:
        """Return where the values of the unique columns lie among the orbits, (n_c N,)."""
        labels = self._orbits.labels.transpose(self._columns.axes)
        return labels.reshape(-1, self._columns.shape[2])[self._columns.unique].reshape(-1)

    def _points(self) -> NDArray[np.int32]:
        """Return where the value of each orbit lies in the unique columns, (n,)."""
        c = self._columns
        at = np.stack(np.unravel_index(self._orbits.points, self._orbits.shape))[list(c.axes)]
        column, z = at[0] * c.shape[1] + at[1], at[2]
        by = c.by[column]
        level = (np.where(c.flips[by], -z, z) + c.lifts[by]) % c.shape[2]
        place = np.searchsorted(c.unique, c.owner[column]) * c.shape[2] + level
        return np.asarray(place, dtype=np.int32)

    @cached_property
    def _tables(self) -> Tables:
        planes = make_planes(self._columns, self._reflections)
        return Tables(planes, self._reading(planes), self._filling(planes))

    def _related(self, planes: Planes) -> tuple[IntArray, ComplexArray, NDArray[np.bool_]]:
        """Return how the reflections of planes follow from the unique ones, (n_l, rows) each."""
        hkl = np.empty((len(planes.levels), len(planes.hk), 3), dtype=np.int64)
        hkl[..., list(self._columns.axes[:2])] = planes.hk
        hkl[..., self._columns.axes[2]] = planes.levels[:, None]
        return self._reflections.relation(hkl)

    def _reading(self, planes: list[Planes]) -> Terms:
        """Return the numbers of the view from the rows of all planes."""
        count = len(self._reflections.hkl)
        index = np.zeros((2, count), dtype=np.int64)
        coefficients = np.zeros((2, count), dtype=np.complex128)
        filled, offset = np.zeros((2, count), dtype=bool), 0
        for p in planes:
            label, factor, conjugate = self._related(p)
            # F = phase T; F = f F_j, or f conj F_j
            coefficient = np.where(conjugate, factor * p.phase.conj(), factor.conj() * p.phase)
            at = offset + np.arange(p.phase.size).reshape(p.phase.shape)
            parts = 2 if _two_rows(p) else 1
            for part in range(parts):
                found = label[:, part::parts].reshape(-1)
                chosen, first = np.unique(found, return_index=True)
                first = first[(chosen >= 0) & ~filled[part, chosen]]
                chosen = found[first]
                filled[part, chosen] = True
                index[part, chosen] = at[:, part::parts].reshape(-1)[first]
                coefficients[part, chosen] = coefficient[:, part::parts].reshape(-1)[first]
            offset += p.phase.size
        return reading(self._view, index, coefficients)

    def _filling(self, planes: list[Planes]) -> Terms:
        """Return the rows of all planes from the numbers of a view."""
        labels, coefficients = [], []
        for p in planes:
            label, factor, conjugate = self._related(p)
            z = np.where(label < 0, 0, p.phase.conj() * factor)
            # of the conjugate: Re(z conj F) = Re(conj z F)
            labels.append(np.maximum(label, 0).reshape(-1))
            coefficients.append(np.where(conjugate, z.conj(), z).reshape(-1))
        return filling(self._view, self._reflections, np.concatenate(labels)[None], np.concatenate(coefficients)[None])


class Tables(NamedTuple):
    """The matrices, and sums of a few terms before and after them."""

    planes: list[Planes]
    read: Terms
    fill: Terms


def find_columns(orbits: GridOrbits) -> Columns | None:
    """Return the grid as columns along the axis with the fewest unique ones; None where no axis is unique."""
    found = [_along(orbits, axes) for axes in ((1, 2, 0), (2, 0, 1), (0, 1, 2))]
    return min((c for c in found if c is not None), key=lambda c: len(c.unique) * c.parts, default=None)


def _along(orbits: GridOrbits, axes: tuple[int, int, int]) -> Columns | None:
    rotations, translations = grid_operators(orbits.space_group, orbits.shape)
    w = orbits.space_group.rotations[:, axes][:, :, axes]
    rotations, translations = rotations[:, axes][:, :, axes], translations[:, axes]
    if rotations[:, :2, 2].any() or rotations[:, 2, :2].any():
        return None
    shape = (orbits.shape[axes[0]], orbits.shape[axes[1]], orbits.shape[axes[2]])
    plane, shifts, lifts = rotations[:, :2, :2], translations[:, :2], translations[:, 2]
    flips = rotations[:, 2, 2] < 0
    reciprocal = w[:, :2, :2].transpose(0, 2, 1) * np.where(flips, -1, 1)[:, None, None]
    owner, by = _orbits_of(plane, shifts, (shape[0], shape[1]))
    over = (plane == np.eye(2, dtype=np.int64)).all(axis=(1, 2)) & ~shifts.any(axis=1) & flips
    mirror = int(np.flatnonzero(over)[0]) if over.any() else -1
    period = math.lcm(*(shape[2] // math.gcd(shape[2], t) for t in lifts.tolist()))
    if mirror >= 0:
        period = math.lcm(period, 2 * shape[2] // math.gcd(2 * shape[2], int(lifts[mirror])))
    return Columns(axes, shape, plane, reciprocal, shifts, flips, lifts, owner, by, np.unique(owner), mirror, period)


def _orbits_of(matrices: IntArray, shifts: IntArray, shape: tuple[int, int]) -> tuple[IntArray, IntArray]:
    """Return for each point of a plane the least of its images, and the operator that maps it there."""
    points = np.indices(shape).reshape(2, -1)
    images = (matrices @ points + shifts[:, :, None]) % np.array(shape)[:, None]
    numbers = images[:, 0] * shape[1] + images[:, 1]
    return numbers.min(axis=0), numbers.argmin(axis=0)


def _mirror_phase(c: Columns, levels: IntArray) -> ComplexArray:
    """Return the phase of P(X; l), up to the sign, that a mirror through all columns fixes."""
    twice = 2 * c.shape[2]
    return np.asarray(np.exp(-2j * np.pi / twice * (levels * int(c.lifts[c.mirror]) % twice)))


def make_planes(c: Columns, reflections: Reflections) -> list[Planes]:
    """Make the matrices of all planes that hold reflections."""
    levels = np.arange(c.shape[2] // 2 + 1)
    every = [_planes(c, reflections, levels[first :: c.period]) for first in range(min(c.period, len(levels)))]
    return [p for p in every if p is not None]


def _planes(c: Columns, reflections: Reflections, levels: IntArray) -> Planes | None:
    owner, by = _orbits_of(c.reciprocal, np.zeros_like(c.shifts), (c.shape[0], c.shape[1]))
    unique = np.unique(owner)
    hk = np.stack(np.unravel_index(unique, c.shape[:2]), axis=-1)
    hkl = np.empty((len(levels), len(hk), 3), dtype=np.int64)
    hkl[..., list(c.axes[:2])], hkl[..., c.axes[2]] = hk, levels[:, None]
    label, factor, conjugate = reflections.relation(hkl)
    present = (label >= 0).any(axis=0)
    if not present.any():
        return None
    unique, hk = unique[present], hk[present]
    label, factor, conjugate = label[:, present], factor[:, present], conjugate[:, present]
    centric = np.where(label < 0, 0, reflections.centric_factor[np.maximum(label, 0)])
    # F = c conj F for F = f F_j, or f conj F_j, and F_j = c_j conj F_j
    turn = factor**2 * np.where(conjugate, centric.conj(), centric)
    steady = turn[np.abs(turn).argmax(axis=0), np.arange(len(hk))]
    single = bool(((label < 0) | (np.abs(turn - steady) < 1e-9)).all() and (steady != 0).all())
    # planes l and those of other l with the same phases: matrices are made for the first
    level = int(levels[0])
    to_columns = _column_weights(c, level)
    direct, mirrored = (_to_reflections(c, weights, hk) for weights in to_columns)
    back, back_mirrored = _to_columns(c, level, unique, owner, by)
    if single:
        phase = np.exp(0.5j * np.angle(steady))
    else:
        phase = np.tile([1, 1j], len(hk))
        direct, mirrored, back, back_mirrored = (
            np.repeat(direct, 2, axis=0),
            np.repeat(mirrored, 2, axis=0),
            np.repeat(back, 2, axis=1),
            np.repeat(back_mirrored, 2, axis=1),
        )
        hk = np.repeat(hk, 2, axis=0)
    # rows = Re(conj(phase) F), F = direct P + mirrored conj P
    turned = phase.conj()[:, None]
    if c.mirror >= 0:
        fixed = _mirror_phase(c, np.array(level))
        forward = (turned * (direct * fixed + mirrored * fixed.conj())).real
        inverse = (fixed.conj() * (back * phase + back_mirrored * phase.conj())).real
    else:
        forward = np.stack(
            [(turned * (direct + mirrored)).real, (turned * (1j * direct - 1j * mirrored)).real], axis=-1
        )
        joined = back * phase + back_mirrored * phase.conj()
        inverse = np.stack([joined.real, joined.imag], axis=1)
    return Planes(
        levels,
        np.broadcast_to(phase, (len(levels), len(phase))),
        hk,
        np.ascontiguousarray(forward.reshape(len(hk), -1).T),
        np.ascontiguousarray(inverse.reshape(-1, len(hk)).T),
    )


def _two_rows(p: Planes) -> bool:
    return len(p.hk) > 1 and np.array_equal(p.hk[0], p.hk[1])


def _column_weights(c: Columns, level: int) -> tuple[ComplexArray, ComplexArray]:
    """Return for each column X the factor of its orbit's P, and that of its conjugate; (Na Nb,) each."""
    turn = np.exp(2j * np.pi / c.shape[2] * (level * c.lifts[c.by] % c.shape[2]))
    flips = c.flips[c.by]
    # P(owner) = exp(-2πi l w) P(X), of the conjugate where ε = -1
    return np.where(flips, 0, turn), np.where(flips, turn.conj(), 0)


def _to_reflections(c: Columns, weights: ComplexArray, hk: IntArray) -> ComplexArray:
    """Return ``Σ_X exp(-2πi H·X) weights(X)`` over the columns X of each orbit, (H, n_c)."""
    rows = []
    number = np.searchsorted(c.unique, c.owner)
    for first in range(0, len(c.unique), ROWS_AT_ONCE):
        some = np.arange(first, min(first + ROWS_AT_ONCE, len(c.unique)))
        grids = np.where(number == some[:, None], weights, 0).reshape(-1, *c.shape[:2])
        rows.append(np.fft.fft2(grids)[:, hk[:, 0], hk[:, 1]])
    return np.concatenate(rows).T


def _to_columns(
    c: Columns, level: int, unique: IntArray, owner: IntArray, by: IntArray
) -> tuple[ComplexArray, ComplexArray]:
    """Return ``1/(Na Nb) Σ_h exp(2πi h·X) factor(h)`` over the h of each orbit, of F and of its conjugate; (n_c, H)."""
    h = np.indices(c.shape[:2]).reshape(2, -1).T
    turns = (h * c.shifts[by] / np.array(c.shape[:2])).sum(axis=1) + level * c.lifts[by] / c.shape[2]
    # F(owner) = exp(2πi (h·u + l w)) F(h), or the conjugate of that
    factor, flips = np.exp(-2j * np.pi * (turns % 1)), c.flips[by]
    x = np.unravel_index(c.unique, c.shape[:2])
    found: list[list[ComplexArray]] = [[], []]
    for first in range(0, len(unique), ROWS_AT_ONCE):
        member = owner == unique[first : first + ROWS_AT_ONCE, None]
        for kind, columns in zip((~flips, flips), found, strict=True):
            grids = np.where(member & kind, factor, 0).reshape(-1, *c.shape[:2])
            columns.append(np.fft.ifft2(grids)[:, x[0], x[1]])
    plain, conjugate = (np.concatenate(columns).T for columns in found)
    return plain, conjugate
