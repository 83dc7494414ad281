"""Planes by columns, then lines: forward, inverse, and where the rows are in between.

Rows are written over: in the results of the forward transform each block of lines finds its rows where its structure
factors go, in those of the inverse each plane finds its rows where its values go.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier._lanes import LANES
from symfft.fourier.planes._column_line_kernels import column_lines_adjoint, column_lines_forward
from symfft.fourier.planes._columns_adjoint import columns_adjoint
from symfft.fourier.planes._columns_forward import columns_forward
from symfft.fourier.planes._radices import ROW
from symfft.fourier.planes.column_lines import write_column_lines
from symfft.fourier.planes.columns import Runs, runs_of, slots_of, write_columns
from symfft.fourier.planes.frame import Frame
from symfft.fourier.planes.layers import Kind
from symfft.fourier.planes.plane import Operator, fft_cost, half_turn
from symfft.fourier.planes.program import Memory, Tables
from symfft.fourier.planes.work import Work, aligned
from symfft.fourier.reciprocal import centred

if TYPE_CHECKING:
    from symfft.crystal.operators import IntArray
    from symfft.grid.orbits import GridOrbits


#: Rows that begin with a cache line are written and read twice as fast.
CACHE_LINE = 64

#: Bytes of results from which on rows are written past the caches, which then read no line only to write it over.
CACHE = 3_000_000


class ColumnsTransform:
    """The transform of one asymmetric unit.

    Attributes
    ----------
    hkl : (n_h, 3) int64
        One reflection of each class that is not absent, components in (-N/2, N/2].
    cost : float
        Modelled time of a transform, in ns.
    """

    def __init__(self, au: GridOrbits, frame: Frame, kind: Kind, axis: Operator | None) -> None:
        tables, memory = Tables(), Memory()
        slots = slots_of(frame, axis is not None)
        runs = runs_of(_labels(au, frame, kind, axis), au.size)
        fields = write_columns(frame, axis, slots, runs, tables, memory)
        planes = len(kind.planes)
        # the last unit's rows are in the work space both ways
        last = memory.reserve(planes * ROW)
        places, needed = _places(runs, slots.units, last, memory.size)
        at_places = tables.put_ints(places)
        lines = write_column_lines(
            frame,
            kind,
            axis,
            slots,
            tables,
            memory,
            (at_places, needed),
            last,
            1 / (math.prod(au.shape) * au.space_group.order),
        )
        fields[17:19] = tables.put_ints(lines.addresses), at_places
        fields[30] = tables.put_ints(lines.steps)
        self._columns, self._lines = tables.put_ints(np.array(fields)), lines.at
        self.hkl: IntArray = centred(lines.hkl, au.shape)
        n0, n1, _ = frame.shape
        sixteens = -(-(n1 if axis is None else n1 // 2 + 1) // ROW)
        each = sixteens * (fft_cost(n0) + 6 * n0) + fields[14] * (fft_cost(n1) + 7 * n1)
        scattered = 30 * len(runs.labels) / LANES
        self.cost = planes * each + lines.cost + scattered + 0.8 * (au.size + 2 * len(lines.hkl))
        self._ints = np.concatenate(tables.ints)
        self.work = Work(np.concatenate(tables.reals), memory.size)
        self._labels, self._shared, self._n = runs.labels, runs.shared, au.size
        self._special = np.flatnonzero(au.repetition_count > 1)
        self._repetition_count = au.repetition_count[self._special]

    def forward(self, values: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return F at `hkl`, (b, n_h) complex, of values (b, n)."""
        if out is None:
            complex_dtype = np.result_type(values.dtype, np.complex64)
            out = aligned(len(values) * len(self.hkl), complex_dtype).reshape(len(values), len(self.hkl))
        precision = self.work.of(values.dtype)
        memory = precision.take()
        for one, result in zip(values, out.view(values.dtype), strict=True):
            rows = result[-result.ctypes.data % CACHE_LINE // result.itemsize :]
            columns_forward(
                one, rows, rows.nbytes > CACHE, memory, self._ints, self._columns, self._labels, precision.reals
            )
            column_lines_forward(memory, rows, result, self._ints, self._lines, precision.reals)
        precision.free.append(memory)
        return out

    def inverse(self, coefficients: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the values, (b, n), of coefficients (b, n_h) at `hkl`."""
        given = np.ascontiguousarray(coefficients).view(coefficients.real.dtype)
        values = aligned(len(given) * self._n, given.dtype).reshape(len(given), self._n) if out is None else out
        values[:, self._shared] = 0
        precision = self.work.of(given.dtype)
        memory = precision.take()
        for one, result in zip(given, values, strict=True):
            column_lines_adjoint(result, memory, one, self._ints, self._lines, precision.reals)
            columns_adjoint(result, memory, self._ints, self._columns, self._labels, precision.reals)
        precision.free.append(memory)
        values[:, self._special] *= self._repetition_count.astype(values.dtype)
        return values


def _places(runs: Runs, units: int, last: int, base: int) -> tuple[IntArray, int]:
    """Place the rows of the inverse: in values that the plane alone meets, or in the work space from `base` on.

    Returns
    -------
    places : (planes, units) int64
        Addresses in the values, or complements of addresses in the work space.
    needed : int
        Numbers in the work space.
    """
    places = np.empty((len(runs.codes), units), dtype=np.int64)
    needed = 0
    for plane, spare in enumerate(runs.spare):
        inside = min(len(spare), units - 1)
        outside = units - 1 - inside
        # a line's rows would compete for the same place in the caches if they were as far apart as the planes
        places[plane, :inside] = np.roll(spare[:inside], -plane)
        places[plane, inside:-1] = ~(base + needed + ROW * np.arange(outside))
        places[plane, -1] = ~(last + ROW * plane)
        needed += ROW * outside
    return places, needed


def _labels(au: GridOrbits, frame: Frame, kind: Kind, axis: Operator | None) -> NDArray[np.int32]:
    """Return the orbits of the points that are read, (planes, n0, columns); -1 in columns that fill up sixteen."""
    n0, n1, _ = frame.shape
    s = np.zeros(2, dtype=np.int64) if axis is None else half_turn(axis, (n0, n1))[0]
    used = n1 if axis is None else n1 // 2 + 1
    x = np.ix_((np.arange(n0) + s[0]) % n0, (np.arange(used) + s[1]) % n1)
    labels = np.full((len(kind.planes), n0, -(-used // ROW) * ROW), -1, dtype=np.int32)
    z = kind.planes[:, None, None]
    m = [(b[0] * x[0] + b[1] * x[1] + b[2] * z) % n for b, n in zip(frame.basis, au.shape, strict=True)]
    labels[:, :, :used] = au.labels[m[0], m[1], m[2]]
    return labels
