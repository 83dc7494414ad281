"""The transform of a plane under its plane group, planned: decimation over orbits, down to small or asymmetric grids.

On an n0 × n1 grid with operators x -> Rx + t, and e(a) = exp(2πi a),

    P(H) = Σ_x ρ(x) e(-H·x/n),        P(H) = e(-H·t/n) P(RᵀH),        P(-H) = conj P(H).

A grid is planned as the cheapest of

*matrix*
    one value for each orbit of points times a matrix, rows for the H that are unique under the group and ±;
*transform*
    row-column FFTs of the whole grid, two planes as real and imaginary part of one; with a 2-fold axis half the rows
    and half the columns;
*decimation* by a prime p
    the p² classes of points modulo p are permuted by the group. Each orbit of classes has one representative x,
    whose points form a grid of n/p with the stabilizer of the class as its group, transformed as Y. For H' unique on
    the smaller grid and s in [0, p)²

        T_y = e(-H'·y/n) Y(RᵀH'),    y = Rx + t, one for each class,        P(H' + s n/p) = Σ_y e(-s·y/p) T_y.

With a 2-fold axis -x + t, P is real but for a phase, P(H) = e(-H·t/2n) r(H), and r is what is kept.

Sources: G. Bricogne, International Tables for Crystallography B (2010), section 1.3.4; M. Rowicka, A. Kudlicki,
Z. Otwinowski, Acta Cryst. A59 (2003) 172–192.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft.fourier.engines.planes._fft import pass_cost, radices

#: Classes of decimation that are worth a table.
PRIMES = (2, 3, 5, 7)
#: Largest number of coefficients of a matrix.
LARGEST_MATRIX = 8192
#: Points of sixteen planes that stay in a cache of 1 MB.
LARGEST_CACHED_GRID = 8000


class Operator(NamedTuple):
    """x -> R x + t on a grid; Rᵀ acting on H."""

    rotation: IntArray
    transposed: IntArray
    translation: IntArray


class Rows(NamedTuple):
    """Where P(H) is found, for each H of an n0 × n1 grid: e(phase / period) · (row, or its conjugate)."""

    #: (n0, n1) number of the row
    row: IntArray
    #: (n0, n1)
    phase: IntArray
    period: int
    #: (n0, n1) bool
    conjugate: NDArray[np.bool_]
    #: rows hold r(H), or real and imaginary parts
    real: bool
    #: number of rows
    number: int


@dataclass
class Node:
    """One grid of the decimation: the points ``origin + step x`` of the plane."""

    shape: tuple[int, int]
    operators: list[Operator]
    origin: IntArray
    step: int
    kind: str
    cost: float
    prime: int = 0
    #: for each class that represents an orbit: its node
    children: list[Node] = field(default_factory=list)
    #: for each class of the p²: (child, operator, image y of the child's class)
    members: list[tuple[int, Operator, IntArray]] = field(default_factory=list)

    def moved(self, origin: IntArray, step: int) -> Node:
        """Return the node, and those below it, for a grid that lies on another one."""
        origin, step = origin + step * self.origin, step * self.step
        children = [child.moved(origin, step) for child in self.children]
        return replace(self, origin=origin, step=step, children=children)


def plan_plane(shape: tuple[int, int], operators: list[Operator]) -> Node:
    """Plan the transform of a plane at the least modelled cost."""
    return _cheapest(shape, _distinct(operators, shape), {}).moved(np.zeros(2, dtype=np.int64), 1)


def two_fold(operators: list[Operator]) -> Operator | None:
    """Return the first operator -x + t."""
    return next((o for o in operators if np.array_equal(o.rotation, -np.eye(2))), None)


def fft_cost(n: int) -> float:
    """Model of the time of one transform of eight sequences, in ns."""
    return n * sum(map(pass_cost, radices(n))) + 30


def _distinct(operators: list[Operator], shape: tuple[int, int]) -> list[Operator]:
    seen: dict[tuple[bytes, bytes], Operator] = {}
    for o in operators:
        t = o.translation % np.array(shape)
        seen.setdefault((o.rotation.tobytes(), t.tobytes()), Operator(o.rotation, o.transposed, t))
    return list(seen.values())


Known = dict[tuple[Any, ...], Node]


def _cheapest(shape: tuple[int, int], operators: list[Operator], known: Known) -> Node:
    """Return the node of a grid by itself, and keep it among those that are known; costs are for sixteen planes, in ns.

    The same grids with the same operators are met again and again, in other places.
    """
    key = (shape, *((o.rotation.tobytes(), o.translation.tobytes()) for o in operators))
    if key not in known:
        known[key] = _planned(shape, operators, known)
    return known[key]


def _planned(shape: tuple[int, int], operators: list[Operator], known: Known) -> Node:
    n0, n1 = shape
    zero = np.zeros(2, dtype=np.int64)
    centred = two_fold(operators) is not None
    rows = n0 // 2 + 1 if centred else n0
    columns = n1 // 2 + 1
    # a grid that the second-level cache does not hold costs more
    traffic = (3 if centred else 6) * (1 if n0 * n1 < LARGEST_CACHED_GRID else 2.5)
    transform = 150 + n0 * n1 * traffic + rows * fft_cost(n1) + (columns if centred else 2 * columns - 1) * fft_cost(n0)
    best = Node(shape, operators, zero, 1, "transform", transform)
    order = len(operators)
    points = n0 * n1 / order + 0.25 * (n0 + n1) * (order > 1)
    matrix = 150 + points * (0.6 * points + 12)
    if matrix < best.cost and points**2 < LARGEST_MATRIX:
        best = Node(shape, operators, zero, 1, "matrix", matrix)
    if n0 == n1 and order > 1 + centred:
        for p in PRIMES:
            if n0 % p == 0 and n0 > p:
                node = _decimated(shape, operators, p, known)
                if node.cost < best.cost:
                    best = node
                break
    return best


def _decimated(shape: tuple[int, int], operators: list[Operator], p: int, known: Known) -> Node:
    n = shape[0]
    classes: dict[tuple[int, ...], tuple[int, Operator, IntArray]] = {}
    children: list[Node] = []
    for x in sorted(itertools.product(range(p), repeat=2), key=lambda x: (x[0] != x[1], x)):
        if x in classes:
            continue
        stabilizer = []
        for o in operators:
            y = o.rotation @ np.array(x) + o.translation
            if tuple(y % p) == x:
                stabilizer.append(Operator(o.rotation, o.transposed, (y - np.array(x)) // p))
            classes.setdefault(tuple(int(i) for i in y % p), (len(children), o, y))
        small = (n // p, n // p)
        child = _cheapest(small, _distinct(stabilizer, small), known)
        children.append(replace(child, origin=np.array(x), step=p))
    order = len(operators) * (1 if two_fold(operators) else 2)
    outputs = n * n / order + n
    own = 150 + outputs * (12 if p == 2 else 6 * p * p)
    return Node(
        shape,
        operators,
        np.zeros(2, dtype=np.int64),
        1,
        "decimation",
        own + sum(c.cost for c in children),
        p,
        children,
        [classes[x] for x in itertools.product(range(p), repeat=2)],
    )


# ---- what a node's rows hold ----


def grid_of(shape: tuple[int, int]) -> IntArray:
    """Return all (h, k), (2, n0 n1), in C order."""
    return np.indices(shape).reshape(2, -1).astype(np.int64)


def turns(vectors: IntArray, t: IntArray, shape: tuple[int, int]) -> tuple[IntArray, int]:
    """Return ``H·t / n`` for (2, m) vectors, as integers over twice the common period of the grid."""
    period = int(np.lcm(shape[0], shape[1]))
    return 2 * ((vectors[0] * (t[0] * (period // shape[0])) + vectors[1] * (t[1] * (period // shape[1]))) % period), (
        2 * period
    )


def unique_vectors(
    shape: tuple[int, int], operators: list[Operator]
) -> tuple[IntArray, IntArray, IntArray, NDArray[np.bool_]]:
    """Find the H that are unique under the operators and ±.

    Returns
    -------
    first : (n0 n1,)
        Number of the unique one of every H's class.
    unique : (m,)
        The unique ones as points of the grid, increasing.
    which : (n0 n1,)
        Operator with ±RᵀH = the unique one.
    conjugate : (n0 n1,) bool
        Whether the sign is minus.
    """
    h = grid_of(shape)
    n = np.array(shape)[:, None]
    best = h[0] * shape[1] + h[1]
    which = np.zeros(best.shape, dtype=np.int64)
    conjugate = np.zeros(best.shape, dtype=bool)
    which[:] = next(
        i for i, o in enumerate(operators) if np.array_equal(o.rotation, np.eye(2)) and not o.translation.any()
    )
    seen: set[bytes] = set()
    for i, o in enumerate(operators):
        if o.transposed.tobytes() in seen:
            continue
        seen.add(o.transposed.tobytes())
        image = o.transposed @ h
        for sign in (1, -1):
            k = (sign * image) % n
            flat = k[0] * shape[1] + k[1]
            better = flat < best
            best[better], which[better], conjugate[better] = flat[better], i, sign < 0
    unique, first = np.unique(best, return_inverse=True)
    return first.reshape(-1), unique, which, conjugate


def half_turn(axis: Operator, shape: tuple[int, int]) -> tuple[IntArray, IntArray]:
    """Write the centre of a 2-fold axis, t = 2 s + d, with d zero wherever the grid allows it."""
    n = np.array(shape)
    t = axis.translation % n
    t = np.where((t % 2 == 1) & (n % 2 == 1), t + n, t)
    return t // 2, t % 2


def rows_of(node: Node) -> Rows:
    """Return where each P(H) of a node is found; the counterpart of what the kernels write."""
    if node.kind == "transform":
        return _rows_of_transform(node)
    period = 2 * int(np.lcm(*node.shape))
    axis = two_fold(node.operators)
    if node.kind == "matrix":
        first, unique, which, conjugate = unique_vectors(node.shape, node.operators)
        vectors = np.stack(np.unravel_index(unique, node.shape))
        row, count = first, len(unique)
        kept = vectors[:, first]
    else:
        p = node.prime
        small = (node.shape[0] // p, node.shape[1] // p)
        first, unique, which, conjugate = unique_vectors(small, node.operators)
        h = grid_of(node.shape)
        at = (h[0] % small[0]) * small[1] + h[1] % small[1]
        which, conjugate = which[at], conjugate[at]
        transposed = np.array([o.transposed for o in node.operators])
        kept = (
            np.where(conjugate, -1, 1) * np.einsum("nij,jn->in", transposed[which], h) % np.array(node.shape)[:, None]
        )
        s = kept // np.array(small)[:, None]
        row, count = (first[at] * p + s[0]) * p + s[1], len(unique) * p * p
    h = grid_of(node.shape)
    phase = np.zeros(h.shape[1], dtype=np.int64)
    for i in np.unique(which):
        here = which == i
        phase[here] = -turns(h[:, here], node.operators[i].translation, node.shape)[0]
    if axis is not None:
        # r of the kept vector, with its own half phase
        half = -half_phase(kept, axis.translation, node.shape)
        phase += np.where(conjugate, -half, half)
    return Rows(
        row.reshape(node.shape),
        (phase % period).reshape(node.shape),
        period,
        conjugate.reshape(node.shape),
        axis is not None,
        count,
    )


def half_phase(vectors: IntArray, t: IntArray, shape: tuple[int, int]) -> IntArray:
    """Return ``H·t / 2n`` over twice the common period; H and t as they stand, not modulo n."""
    period = int(np.lcm(shape[0], shape[1]))
    return np.asarray(vectors[0] * (t[0] * (period // shape[0])) + vectors[1] * (t[1] * (period // shape[1])))


def _rows_of_transform(node: Node) -> Rows:
    n0, n1 = node.shape
    columns = n1 // 2 + 1
    h = grid_of(node.shape)
    conjugate = h[1] >= columns
    kept = np.where(conjugate, -h, h) % np.array(node.shape)[:, None]
    period = 2 * int(np.lcm(n0, n1))
    phase = np.zeros(h.shape[1], dtype=np.int64)
    axis = two_fold(node.operators)
    if axis is not None:
        s, d = half_turn(axis, node.shape)
        phase = -turns(kept, s, node.shape)[0] - half_phase(kept, d, node.shape)
        phase = np.where(conjugate, -phase, phase)
    return Rows(
        (kept[1] * n0 + kept[0]).reshape(node.shape),
        (phase % period).reshape(node.shape),
        period,
        conjugate.reshape(node.shape),
        axis is not None,
        n0 * columns,
    )
