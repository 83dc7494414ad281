"""Newton's method on the Fourier series of a density, from the grid points near which its gradient vanishes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from symfft._array_types import FloatArray, IntArray
from symfft.analysis.series import FourierSeries
from symfft.au import AsymmetricUnit, asymmetric_unit
from symfft.basins.charges import USUAL_VACUUM
from symfft.errors import SymfftError

#: A search begins where Newton's step is at most so many grid steps long.
REACH = 1.0
#: Searches that are begun at most.
MOST_STARTS = 20_000
#: Iterations of Newton's method, and how many grid steps a search may go.
ITERATIONS, FARTHEST = 40, 4.0
#: Distance in Å below which Newton's step has ended, and below which two points are one.
CONVERGED, SAME = 1e-9, 1e-4


class Found(NamedTuple):
    """One point of each orbit, (m, 3), and how many the orbits have, (m,)."""

    positions: FloatArray
    counts: IntArray


class Search:
    """Newton's method on the Fourier series of a density, up to symmetry."""

    def __init__(self, series: FourierSeries, au: AsymmetricUnit, lattice: FloatArray, level: float) -> None:
        self.series, self.au, self.lattice, self.level = series, au, lattice, level
        self.group = au.space_group
        self.spacing = float((np.linalg.norm(lattice, axis=1) / np.array(au.shape)).max())

    def add(self, found: Found, times: int) -> Found:
        """Search from the points of a grid that is some times finer; return all points, old and new."""
        positions, counts = list(found.positions), list(found.counts)
        known = np.concatenate([np.empty((0, 3)), *map(self.images, positions)])
        for end in self.newton(self.starts(times), self.spacing / times):
            apart = known - end
            if (np.linalg.norm((apart - np.rint(apart)) @ self.lattice, axis=1) < 2 * SAME).any():
                continue
            site, count = self.on_its_site(end)
            positions.append(site)
            counts.append(count)
            known = np.concatenate([known, self.images(site)])
        return Found(np.array(positions).reshape(-1, 3), np.array(counts, dtype=np.int64))

    def starts(self, times: int) -> FloatArray:
        """Return where Newton's first steps from the grid points end, one for each orbit of grid points there."""
        shape = tuple(times * n for n in self.au.shape)
        au = self.au if times == 1 else asymmetric_unit(self.group, shape)
        there = self.series.derivatives_on(shape, au.indices)
        step = self.step(there.gradient[0], there.hessian[0]) * shape
        length = np.abs(step).max(axis=1)
        near = np.flatnonzero((length <= REACH) & (there.values[0] >= self.level))
        near = near[np.argsort(length[near], kind="stable")]
        ends = au.indices[near] + step[near]
        cells = np.rint(ends).astype(np.int64) % np.array(shape)
        _, first = np.unique(au.labels[tuple(cells.T)], return_index=True)
        if len(first) > MOST_STARTS:
            raise SymfftError(
                f"the gradient is small near {len(first)} points of the grid, of at most {MOST_STARTS}: where the "
                f"density is nearly zero its ripples are no critical points: give a vacuum density, {USUAL_VACUUM:g} "
                "e/Å³ or more; without symmetry, a coarser grid may do (symfft.resample)"
            )
        return ends[np.sort(first)] / shape

    def step(self, gradient: FloatArray, hessian: FloatArray) -> FloatArray:
        """Return Newton's steps in fractional coordinates, infinite where the Hessian is singular, (p, 3)."""
        size = np.abs(hessian).max(axis=(1, 2))
        regular = np.abs(np.linalg.det(hessian)) > 1e-12 * size**3
        steps = np.full(gradient.shape, np.inf)
        if regular.any():
            cartesian = -np.linalg.solve(hessian[regular], gradient[regular][..., None])[..., 0]
            steps[regular] = cartesian @ np.linalg.inv(self.lattice)
        return steps

    def newton(self, starts: FloatArray, spacing: float) -> FloatArray:
        """Return where Newton's method ends from the starts from which it converges nearby, (m, 3)."""
        points, active = starts.copy(), np.arange(len(starts))
        done = np.zeros(len(starts), dtype=bool)
        for _ in range(ITERATIONS):
            if not len(active):
                break
            there = self.series.derivatives_at(points[active])
            step = self.step(there.gradient[0], there.hessian[0])
            usable = np.isfinite(step).all(axis=1)
            active, step = active[usable], step[usable]
            length = np.linalg.norm(step @ self.lattice, axis=1)
            points[active] += step * np.minimum(1.0, spacing / np.maximum(length, 1e-300))[:, None]
            done[active[length < CONVERGED]] = True
            gone = np.linalg.norm((points[active] - starts[active]) @ self.lattice, axis=1)
            active = active[(length >= CONVERGED) & (gone <= FARTHEST * spacing)]
        return points[done]

    def images(self, point: FloatArray) -> FloatArray:
        """Return a point under all operators, (g, 3)."""
        return np.asarray(self.group.rotations @ point + self.group.numerators / self.group.denominator)

    def on_its_site(self, point: FloatArray) -> tuple[FloatArray, int]:
        """Return a point moved onto the symmetry elements that it lies on, and how many equivalent ones there are."""
        apart = self.images(point) - point
        apart -= np.rint(apart)
        stays = np.linalg.norm(apart @ self.lattice, axis=1) < SAME
        site = (point + apart[stays].mean(axis=0)).round(12) % 1.0
        return site, self.group.order // int(stays.sum())

    def uphill(self, points: FloatArray) -> FloatArray:
        """Return unit vectors of steepest ascent, (p, 3)."""
        slope = self.series.derivatives_at(points).gradient[0]
        return np.asarray(slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-300))

    def curvatures(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return densities and eigenvalues of the Hessian, (m,) and (m, 3)."""
        there = self.series.derivatives_at(positions)
        return there.values[0], np.linalg.eigvalsh(there.hessian[0])

    def morse_sum(self, found: Found) -> int:
        """Return maxima - bond + ring - cage points in the cell."""
        positive = (self.curvatures(found.positions)[1] > 0).sum(axis=1)
        return int((found.counts * (-1) ** positive).sum())
