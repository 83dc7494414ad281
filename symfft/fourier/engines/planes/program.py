"""The plane stage written down as tables of numbers for the compiled loops.

The stage is the number of kinds of plane, and for each of them a head and its steps, whose fields
:mod:`symfft.fourier.engines.planes.opcodes` names. FFT plans, places of rows and codes of values are kept in the same
table of integers; real coefficients, and numbers of orbits that do not follow one another, in two others. The *memory*
that the steps work on is divided by :class:`Memory`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft.fourier.engines.planes._fft import fft_tables
from symfft.fourier.engines.planes._radices import HALF, ROW
from symfft.fourier.engines.planes.opcodes import (
    ANYHOW,
    DECIMATION,
    DOWNWARDS,
    HALVING,
    MATRIX,
    STEP,
    TRANSFORM,
    UPWARDS,
    Decimation,
    Halving,
    Matrix,
    Place,
    Transform,
)
from symfft.fourier.engines.planes.plane import (
    Node,
    Rows,
    grid_of,
    half_phase,
    half_turn,
    rows_of,
    two_fold,
    unique_vectors,
)


@dataclass
class Tables:
    """Integers and reals that grow while a plan is written."""

    ints: list[IntArray] = field(default_factory=list)
    reals: list[NDArray[np.float64]] = field(default_factory=list)
    labels: list[NDArray[np.int32]] = field(default_factory=list)
    n_ints: int = 0
    n_reals: int = 0
    n_labels: int = 0
    fft_plans: dict[int, int] = field(default_factory=dict)

    def put_ints(self, values: IntArray) -> int:
        """Append integers, and return where they begin."""
        here = self.n_ints
        self.ints.append(np.asarray(values, dtype=np.int64).reshape(-1))
        self.n_ints += self.ints[-1].size
        return here

    def put_reals(self, values: NDArray[np.float64]) -> int:
        """Append reals, and return where they begin."""
        here = self.n_reals
        self.reals.append(np.asarray(values, dtype=np.float64).reshape(-1))
        self.n_reals += self.reals[-1].size
        return here

    def put_complex(self, values: NDArray[np.complex128]) -> int:
        """Append complex numbers as pairs of reals."""
        return self.put_reals(np.ascontiguousarray(values, dtype=np.complex128).view(np.float64))

    def put_labels(self, labels: NDArray[np.int32], size: int) -> int:
        """Append numbers of orbits, eight to a code, and return where the codes begin among the integers.

        Eight successive numbers are written as ``4 start + UPWARDS`` or ``4 start + DOWNWARDS`` with the lowest of
        them, any others as ``4 place + ANYHOW`` with their place in `labels`. Lanes of -1, at the end of eight, may
        have any value.
        """
        eights = labels.reshape(-1, HALF)
        free = eights < 0
        first = np.maximum(eights[:, 0], 0)
        steps = np.arange(HALF)
        up = ((eights == first[:, None] + steps) | free).all(axis=1) & (first + HALF <= size)
        down = ((eights == first[:, None] - steps) | free).all(axis=1) & (first >= HALF - 1) & ~up
        anyhow = ~(up | down)
        codes = np.where(up, 4 * first.astype(np.int64) + UPWARDS, 4 * (first.astype(np.int64) - HALF + 1) + DOWNWARDS)
        codes[anyhow] = 4 * (self.n_labels + HALF * np.arange(anyhow.sum())) + ANYHOW
        self.labels.append(np.maximum(eights[anyhow], 0).reshape(-1))
        self.n_labels += self.labels[-1].size
        return self.put_ints(codes)

    def fft(self, n: int) -> int:
        """Return where the plan of a transform of length n is."""
        if n not in self.fft_plans:
            ints: list[int] = []
            reals: list[float] = []
            fft_tables(n, ints, reals, self.n_reals)
            self.fft_plans[n] = self.put_ints(np.array(ints))
            self.put_reals(np.array(reals))
        return self.fft_plans[n]


@dataclass
class Memory:
    """Addresses of the work space: scratch for transforms, rows of the planes, rows of the lines."""

    size: int = 0

    def reserve(self, numbers: int) -> int:
        """Return the address of so many numbers."""
        here = self.size
        self.size += -(-numbers // ROW) * ROW
        return here


class Located(NamedTuple):
    """Rows of a node, and where they are in memory."""

    place: Place
    rows: Rows


@dataclass
class Writer:
    """Writes the steps of one kind of plane."""

    tables: Tables
    memory: Memory
    scratch: int
    #: number of orbits
    size: int
    #: orbit number of the points (x0, x1) of the chunks' planes
    labels_at: Callable[[IntArray], NDArray[np.int32]]
    steps: list[list[int]] = field(default_factory=list)

    def write(self, node: Node, place: Located | None = None) -> Located:
        """Write the steps of a node, rows into the given place or a new one."""
        place = place or self._new_place(node)
        if node.kind == "decimation":
            start = self.memory.size
            rooms = [self._new_place(child) for child in node.children]
            end = self.memory.size
            children = [self.write(child, room) for child, room in zip(node.children, rooms, strict=True)]
            self._decimation(node, place, children, start, end)
        else:
            (self._transform if node.kind == "transform" else self._matrix)(node, place)
        return place

    def _new_place(self, node: Node) -> Located:
        rows = rows_of(node)
        parts = 1 if rows.real else 2
        return Located(Place(self.memory.reserve(rows.number * parts * ROW), parts * ROW, ROW, 0), rows)

    def _step(self, kind: int, to: Located, step: tuple[int, ...]) -> None:
        written = [kind, *to.place, *step]
        self.steps.append(written + [0] * (STEP - len(written)))

    def _put_labels(self, points: IntArray) -> int:
        return self.tables.put_labels(self.labels_at(points), self.size)

    def _transform(self, node: Node, place: Located) -> None:
        n0, n1 = node.shape
        n = np.array(node.shape)[:, None]
        s = d = np.zeros(2, dtype=np.int64)
        axis = two_fold(node.operators)
        rows, phases = n0, 0
        if axis is not None:
            s, d = half_turn(axis, node.shape)
            rows = n0 // 2 + 1
            columns = n1 // 2 + 1
            h = np.stack(np.meshgrid(np.arange(n0), np.arange(columns))).reshape(2, -1)
            period = 2 * math.lcm(n0, n1)
            strip = np.exp(2j * np.pi * (half_phase(h, d, node.shape) % period) / period)
            mates = np.exp(-2j * np.pi * (np.arange(n1) * d[1] % n1) / n1)
            phases = self.tables.put_complex(np.concatenate([mates, strip]))
        x = np.stack(np.meshgrid(np.arange(rows), np.arange(n1), indexing="ij")).reshape(2, -1)
        points = node.origin[:, None] + node.step * ((x + s[:, None]) % n)
        # an odd number of cache lines apart, so that a column's rows do not compete for the same place in the cache
        line = (n1 + (n1 + 1) % 2) * ROW
        grid = self.memory.reserve(rows * line)
        step = Transform(
            n0=n0,
            n1=n1,
            rows=rows,
            centred=int(axis is not None),
            d0=int(d[0]),
            grid=grid,
            line=line,
            scratch=self.scratch,
            plan0=self.tables.fft(n0),
            plan1=self.tables.fft(n1),
            labels=self._put_labels(points),
            phases=phases,
        )
        self._step(TRANSFORM, place, step)

    def _matrix(self, node: Node, place: Located) -> None:
        n0, n1 = node.shape
        x = grid_of(node.shape)
        images = [
            np.ravel_multi_index(tuple((o.rotation @ x + o.translation[:, None]) % np.array([[n0], [n1]])), node.shape)
            for o in node.operators
        ]
        orbits, orbit = np.unique(np.min(images, axis=0), return_inverse=True)
        _, unique, _, _ = unique_vectors(node.shape, node.operators)
        h = np.stack(np.unravel_index(unique, node.shape))
        period = math.lcm(n0, n1)
        turns = ((period // n0) * np.outer(h[0], x[0]) + (period // n1) * np.outer(h[1], x[1])) % period
        waves = np.exp(-2j * np.pi * turns / period)
        sums = np.zeros((len(unique), len(orbits)), dtype=np.complex128)
        np.add.at(sums.T, orbit.reshape(-1), waves.T)
        axis = two_fold(node.operators)
        if axis is not None:
            strip = np.exp(2j * np.pi * (half_phase(h, axis.translation, node.shape) % (2 * period)) / (2 * period))
            matrix = (sums * strip[:, None]).real
        else:
            matrix = np.ascontiguousarray(sums).view(np.float64).reshape(len(unique), -1, 2)
            matrix = matrix.transpose(0, 2, 1).reshape(2 * len(unique), -1)
        outputs, points = matrix.shape
        where = np.stack(np.unravel_index(orbits, node.shape))
        room = self.memory.reserve((points + outputs + 16) * ROW)
        step = Matrix(
            points=points,
            outputs=outputs,
            parts=1 if place.rows.real else 2,
            labels=self._put_labels(node.origin[:, None] + node.step * where),
            room=room,
            matrix=self._put_matrix(matrix),
            transposed=self._put_matrix(matrix.T),
        )
        self._step(MATRIX, place, step)

    def _put_matrix(self, matrix: NDArray[np.float64]) -> int:
        """Store a matrix by eights of its rows, the last ones zero."""
        m, n = matrix.shape
        padded = np.zeros((-(-m // 8) * 8, n))
        padded[:m] = matrix
        return self.tables.put_reals(padded.reshape(-1, 8, n).transpose(0, 2, 1))

    def _decimation(self, node: Node, place: Located, children: list[Located], start: int, end: int) -> None:
        p = node.prime
        n = node.shape[0]
        small = (n // p, n // p)
        _, unique, _, _ = unique_vectors(small, node.operators)
        h = np.stack(np.unravel_index(unique, small))
        s = grid_of((p, p))
        axis = two_fold(node.operators)
        y_all = np.array([y for _, _, y in node.members])
        # e(-s·y/p), times e(s·t/2p) where r is kept instead of P
        turns = -2 * (s.T @ y_all.T)
        if axis is not None:
            turns = turns + (s.T @ axis.translation)[:, None]
        roots = np.exp(2j * np.pi * (turns % (2 * p)) / (2 * p))
        addresses = np.zeros((len(unique), p * p), dtype=np.int64)
        factors = np.zeros((len(unique), p * p, 4))
        gaps = []
        imaginary = 0.0
        for i, (child, o, y) in enumerate(node.members):
            source = children[child]
            k = (o.transposed @ h) % (n // p)
            rows = source.rows
            addresses[:, i] = source.place.start + source.place.row_step * rows.row[k[0], k[1]]
            phase = -2 * (h[0] * y[0] + h[1] * y[1]) + p * rows.phase[k[0], k[1]]
            if axis is not None:
                phase = phase + half_phase(h, axis.translation, node.shape)
            c = np.exp(2j * np.pi * (phase % (2 * n)) / (2 * n))
            sign = np.where(rows.conjugate[k[0], k[1]], -1.0, 1.0)
            if rows.real:
                factors[:, i] = np.stack([c.real, 0 * sign, c.imag, 0 * sign], axis=-1)
            else:
                factors[:, i] = np.stack([c.real, -sign * c.imag, c.imag, sign * c.real], axis=-1)
            gaps.append(0 if rows.real else source.place.part_step)
            imaginary = max(imaginary, float(np.abs(factors[:, i, 2]).max()) if rows.real else 1.0)
        if p == 2 and (not place.rows.real or imaginary < 1e-12):
            places = np.stack([addresses, np.broadcast_to(gaps, addresses.shape)], axis=-1)
            halving = Halving(
                number=len(unique),
                real=int(place.rows.real),
                sources=self.tables.put_ints(places),
                factors=self.tables.put_reals(factors),
                signs=self.tables.put_reals(roots[:, 0].real),
                start=start,
                end=end,
            )
            self._step(HALVING, place, halving)
        else:
            decimation = Decimation(
                number=len(unique),
                classes=p * p,
                real=int(place.rows.real),
                sources=self.tables.put_ints(addresses),
                factors=self.tables.put_reals(factors),
                roots=self.tables.put_complex(roots),
                room=self.memory.reserve(2 * p * p * ROW),
                gaps=self.tables.put_ints(np.array(gaps)),
                start=start,
                end=end,
            )
            self._step(DECIMATION, place, decimation)
