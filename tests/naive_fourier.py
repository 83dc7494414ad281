"""Lattices of every Bravais type, and Fourier interpolation by its definition: every class, every point, one by one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

# Metrics of direct primitive cells, and the order of the holohedry of each Bravais lattice.
BRAVAIS = {
    "triclinic": ([[5, 1, -1], [1, 6, 2], [-1, 2, 7]], 2),
    "monoclinic": ([[5, 0, -1], [0, 4, 0], [-1, 0, 7]], 4),
    "monoclinic centred": ([[5, 2, 1], [2, 5, 1], [1, 1, 9]], 4),
    "orthorhombic": ([[2, 0, 0], [0, 3, 0], [0, 0, 5]], 8),
    "orthorhombic centred": ([[5, -1, 0], [-1, 5, 0], [0, 0, 3]], 8),
    "orthorhombic face-centred": ([[8, 5, 3], [5, 7, 2], [3, 2, 5]], 8),
    "orthorhombic body-centred": ([[9, -1, -3], [-1, 9, -5], [-3, -5, 9]], 8),
    "tetragonal": ([[2, 0, 0], [0, 2, 0], [0, 0, 3]], 16),
    "tetragonal body-centred": ([[7, -1, -3], [-1, 7, -3], [-3, -3, 7]], 16),
    "rhombohedral": ([[5, 1, 1], [1, 5, 1], [1, 1, 5]], 12),
    "hexagonal": ([[2, -1, 0], [-1, 2, 0], [0, 0, 5]], 24),
    "cubic": ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], 48),
    "cubic face-centred": ([[2, 1, 1], [1, 2, 1], [1, 1, 2]], 48),
    "cubic body-centred": ([[3, -1, -1], [-1, 3, -1], [-1, -1, 3]], 48),
}

#: Basis vectors of a primitive cell, as rows, in the axes of the conventional cell with that centring.
PRIMITIVE = {
    "P": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "A": [["1", "0", "0"], ["0", "1/2", "-1/2"], ["0", "1/2", "1/2"]],
    "C": [["1/2", "1/2", "0"], ["-1/2", "1/2", "0"], ["0", "0", "1"]],
    "F": [["0", "1/2", "1/2"], ["1/2", "0", "1/2"], ["1/2", "1/2", "0"]],
    "I": [["-1/2", "1/2", "1/2"], ["1/2", "-1/2", "1/2"], ["1/2", "1/2", "-1/2"]],
    "R": [["2/3", "1/3", "1/3"], ["-1/3", "1/3", "1/3"], ["-1/3", "-2/3", "1/3"]],
}


def exact(matrix):
    """Matrix of Fractions."""
    return np.array([[Fraction(v) for v in row] for row in np.asarray(matrix, dtype=object).tolist()], dtype=object)


@st.composite
def unimodular(draw, shears=4):
    """Draw a product of shears: cells as skew as files have them, and more."""
    u = np.eye(3, dtype=np.int64)
    for _ in range(draw(st.integers(0, shears))):
        i, j = draw(st.permutations(range(3)))[:2]
        shear = np.eye(3, dtype=np.int64)
        shear[i, j] = draw(st.integers(-2, 2))
        u = shear @ u
    return u


def isometries(metric):
    """Integer matrices W with entries of -1, 0, 1 and W metric Wᵀ = metric; all there are for the metrics above."""
    rows = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    alike = [rows[np.einsum("ni,ij,nj->n", rows, metric, rows) == metric[i][i]] for i in range(3)]
    found = np.array([(a, b, c) for a in alike[0] for b in alike[1] for c in alike[2]])
    return found[(found @ metric @ found.transpose(0, 2, 1) == metric).all(axis=(1, 2))]


def generic_metric(name, seed):
    """Metric of a lattice of the Bravais type in which only isometries make two lengths equal."""
    metric = np.array(BRAVAIS[name][0])
    w = isometries(metric)
    change = np.random.default_rng(seed).uniform(-0.3, 0.3, (3, 3))
    return metric + (w @ (change + change.T) @ w.transpose(0, 2, 1)).mean(axis=0)


def shortest_members(metric, shape):
    """Every shortest member of every class h + N Z³, with the number of members that share its class.

    All h in a box that surely holds them are compared, class by class. `metric` is that of the direct cell.
    """
    reciprocal = np.linalg.inv(metric)
    # no class is farther from the origin than half the sum of the lattice vectors
    longest = 0.5 * np.sum(np.array(shape) * np.sqrt(np.diag(reciprocal)))
    reach = np.floor(longest * np.sqrt(np.diag(metric)) + 1e-9).astype(int)
    h = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    size = np.einsum("ni,ij,nj->n", h, reciprocal, h)
    group = np.ravel_multi_index(tuple((h % shape).T), shape)
    least = np.full(np.prod(shape), np.inf)
    np.minimum.at(least, group, size)
    short = size <= least[group] + 1e-9 * longest**2
    count = np.bincount(group[short], minlength=int(np.prod(shape)))
    return {tuple(v): int(n) for v, n in zip(h[short].tolist(), count[group[short]])}


def interpolated(rho, metric, cell, origin, shape):
    """Density in another cell: Σ_G c_G exp(2πi G'·(x' - p)) over the G that are shortest in both grids."""
    t = exact(cell)
    coefficients = np.fft.fftn(rho) / rho.size
    numbers = t.astype(float)
    allowed = shortest_members(numbers @ metric @ numbers.T, shape)
    x = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1) - np.array(
        origin, dtype=float
    )
    total = np.zeros(shape, dtype=complex)
    for h, count in shortest_members(metric, rho.shape).items():
        moved = tuple(t @ np.array(h))
        if all(v.denominator == 1 for v in moved) and moved in allowed:
            at = tuple(np.mod(h, rho.shape))
            total += coefficients[at] / count * np.exp(2j * np.pi * x @ np.array(moved, dtype=float))
    assert np.abs(total.imag).max() < 1e-12
    return total.real


def primitive_cell(group):
    """Cell matrix T that takes a primitive cell to the group's own, and the group in the primitive cell."""
    from symfft import SpaceGroup

    basis = exact(PRIMITIVE[group.symbol[0]])
    t = exact(np.rint(np.linalg.inv(basis.astype(float))).astype(int))
    w = np.array([t.T @ r @ basis.T for r in group.rotations.astype(object)]).astype(int)
    translations = (group.translations @ t) % 1
    rows = {(tuple(r.ravel()), tuple(v)) for r, v in zip(w, translations)}
    ops = sorted(rows)
    return t, SpaceGroup.from_operators(
        np.array([r for r, _ in ops]).reshape(-1, 3, 3), np.array([v for _, v in ops], dtype=object)
    )


def lattice_of(group, seed):
    """Basis vectors (rows, about 5 Å) with a random metric that the group allows."""
    a = np.random.default_rng(seed).uniform(-1, 1, (3, 3))
    w = group.rotations
    return 5 * np.linalg.cholesky(np.einsum("gki,kl,glj->ij", w, np.eye(3) + 0.3 * a @ a.T, w) / len(w))
