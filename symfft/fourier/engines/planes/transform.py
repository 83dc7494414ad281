"""The two stages put together: work space, forward, inverse."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier.engines.planes._line_kernels import lines_adjoint, lines_forward
from symfft.fourier.engines.planes._planes_adjoint import planes_adjoint
from symfft.fourier.engines.planes._planes_forward import planes_forward
from symfft.fourier.engines.planes._radices import HALF, ROW
from symfft.fourier.engines.planes.frame import Frame, frames
from symfft.fourier.engines.planes.layers import Kind, kinds_of_planes
from symfft.fourier.engines.planes.lines import plan_lines
from symfft.fourier.engines.planes.plane import Node, plan_plane, rows_of
from symfft.fourier.engines.planes.program import Memory, Place, Tables, Writer
from symfft.fourier.engines.planes.work import Work, aligned
from symfft.fourier.reflections import centred

if TYPE_CHECKING:
    from symfft.crystal.operators import IntArray
    from symfft.grid.orbits import GridOrbits


def cost_of_planes(kinds: list[Kind], nodes: list[Node]) -> float:
    """Sixteen planes cost a node's cost, eight more than half of it."""
    eights = [-(-len(kind.planes) // HALF) for kind in kinds]
    return sum((m // 2 + 0.6 * (m % 2)) * node.cost for m, node in zip(eights, nodes, strict=True))


def along_cheapest_axis(au: GridOrbits) -> PlanesTransform | None:
    """Return the transform along the unique axis whose planes cost least, None where no axis is unique."""
    choices = []
    for frame in frames(au):
        kinds = kinds_of_planes(frame)
        choices.append((frame, kinds, [plan_plane(frame.shape[:2], kind.operators) for kind in kinds]))
    if not choices:
        return None
    return PlanesTransform(au, *min(choices, key=lambda choice: cost_of_planes(*choice[1:])))


#: Time of a transform over the time that the stages count.
MEASURED_PER_COUNTED = 1.02


class PlanesTransform:
    """The transform of one asymmetric unit.

    Attributes
    ----------
    hkl : (n_h, 3) int64
        One reflection of each class that is not absent, components in (-N/2, N/2].
    cost : float
        Modelled time of a transform, in ns.
    """

    def __init__(self, au: GridOrbits, frame: Frame, kinds: list[Kind], nodes: list[Node]) -> None:
        tables, memory = Tables(), Memory()
        longest = max(frame.shape[:2])
        scratch = memory.reserve(4 * longest * ROW)
        steps: list[int] = [len(kinds)]
        places = []
        start = memory.size
        for kind, node in zip(kinds, nodes, strict=True):
            rows = rows_of(node)
            parts = 1 if rows.real else 2
            wide = -(-len(kind.planes) // HALF) * HALF
            places.append(Place(memory.reserve(rows.number * parts * wide), parts * wide, wide, ROW, rows))
        self._rows = slice(start, memory.size)
        for kind, node, place in zip(kinds, nodes, places, strict=True):
            writer = Writer(tables, memory, scratch, au.size, _labels_at(au, frame, kind))
            writer.write(node, place)
            steps += [-(-len(kind.planes) // ROW), len(writer.steps), len(kind.planes)]
            steps += [number for step in writer.steps for number in step]
        self._steps = tables.put_ints(np.array(steps))
        self._lines, hkl, lines_cost = plan_lines(
            frame, kinds, places, tables, memory, 1 / (math.prod(au.shape) * au.space_group.order)
        )
        self.hkl: IntArray = centred(hkl, au.shape)
        # structure factors leave the caches, and so do rows beyond 2 MB
        traffic = 3 * len(hkl) + 0.2 * max(0, 8 * (self._rows.stop - self._rows.start) - 2e6)
        self.cost = MEASURED_PER_COUNTED * (cost_of_planes(kinds, nodes) + lines_cost + traffic)
        self._ints = np.concatenate(tables.ints)
        self.work = Work(np.concatenate(tables.reals), memory.size)
        self._labels = np.concatenate(tables.labels)
        self._n = au.size
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
            planes_forward(one, memory, self._ints, self._steps, self._labels, precision.reals)
            lines_forward(memory, result, self._ints, self._lines, precision.reals)
        precision.free.append(memory)
        return out

    def inverse(self, coefficients: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the values, (b, n), of coefficients (b, n_h) at `hkl`."""
        given = np.ascontiguousarray(coefficients).view(coefficients.real.dtype)
        values = np.empty((len(given), self._n), dtype=given.dtype) if out is None else out
        values[:] = 0
        precision = self.work.of(given.dtype)
        memory = precision.take()
        for one, result in zip(given, values, strict=True):
            memory[self._rows] = 0
            lines_adjoint(memory, one, self._ints, self._lines, precision.reals)
            planes_adjoint(result, memory, self._ints, self._steps, self._labels, precision.reals)
        precision.free.append(memory)
        values[:, self._special] *= self._repetition_count.astype(values.dtype)
        return values


def _labels_at(au: GridOrbits, frame: Frame, kind: Kind) -> Any:
    """Return the function that numbers the orbits of points x in the chunks' planes, (chunks, points, 16)."""
    chunks = -(-len(kind.planes) // ROW)
    lane = np.minimum(np.arange(chunks * ROW), len(kind.planes) - 1)
    z, c = kind.planes[lane], kind.centres[lane]
    n = np.array(frame.shape)

    def labels_at(x: IntArray) -> NDArray[np.int32]:
        place = [(x[i][None, :, None] + c[:, i].reshape(chunks, 1, ROW)) % n[i] for i in range(2)]
        place.append(np.broadcast_to(z.reshape(chunks, 1, ROW), place[0].shape))
        m = [
            sum(int(b) * p for b, p in zip(row, place, strict=True) if b) % k
            for row, k in zip(frame.basis, au.shape, strict=True)
        ]
        labels = au.labels[m[0], m[1], m[2]]
        labels[-1, :, len(kind.planes) - ROW * (chunks - 1) :] = -1
        return np.asarray(labels)

    return labels_at
