"""The two stages put together: work space, forward, inverse."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier.engines.engine import Engine
from symfft.fourier.engines.planes._radices import HALF, ROW
from symfft.fourier.engines.planes._transform_kernels import adjoint, forward
from symfft.fourier.engines.planes.frame import Frame, frames
from symfft.fourier.engines.planes.layers import Kind, kinds_of_planes
from symfft.fourier.engines.planes.lines import plan_lines
from symfft.fourier.engines.planes.opcodes import Head, Place, Stages
from symfft.fourier.engines.planes.plane import Node, plan_plane, rows_of
from symfft.fourier.engines.planes.program import Located, Memory, Tables, Writer
from symfft.fourier.reflections import centred
from symfft.fourier.sharing import Loop, in_stages, parts_of, whole

if TYPE_CHECKING:
    from symfft._array_types import IntArray
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


class PlanesTransform(Engine):
    """The transform of one asymmetric unit along a unique axis."""

    def __init__(self, au: GridOrbits, frame: Frame, kinds: list[Kind], nodes: list[Node]) -> None:
        tables, memory = Tables(), Memory()
        places = []
        for kind, node in zip(kinds, nodes, strict=True):
            rows = rows_of(node)
            parts = 1 if rows.real else 2
            wide = -(-len(kind.planes) // HALF) * HALF
            places.append(Located(Place(memory.reserve(rows.number * parts * wide), parts * wide, wide, ROW), rows))
        # rows of all planes are shared by threads, what follows is not
        self._rows = memory.size
        scratch = memory.reserve(4 * max(frame.shape[:2]) * ROW)
        steps: list[int] = [len(kinds)]
        for kind, node, place in zip(kinds, nodes, places, strict=True):
            writer = Writer(tables, memory, scratch, au.size, _labels_at(au, frame, kind))
            writer.write(node, place)
            steps += Head(-(-len(kind.planes) // ROW), len(kind.planes), len(writer.steps))
            steps += [number for step in writer.steps for number in step]
        planes = tables.put_ints(np.array(steps))
        chunks = sum(-(-len(kind.planes) // ROW) for kind in kinds)
        weight = 1 / (math.prod(au.shape) * au.space_group.order)
        lines, hkl, blocks = plan_lines(frame, kinds, places, tables, memory, weight)
        super().__init__(centred(hkl, au.shape), au.size)
        stages = np.array(Stages(planes, chunks, lines, blocks, self._rows))
        self._tables = np.concatenate(tables.ints), stages, np.concatenate(tables.labels)
        self._reals = {"d": np.concatenate(tables.reals)}
        self._size = memory.size
        self._loops: dict[tuple[str, str, int], Loop] = {}
        self._spaces: dict[tuple[str, int], list[NDArray[Any]]] = {}
        self._special = np.flatnonzero(au.repetition_count > 1)
        self._repetition_count = au.repetition_count[self._special]

    def _forward(self, values: NDArray[Any], out: NDArray[Any], threads: int) -> None:
        self._loop("forward", values, threads)(values, out.view(values.dtype), threads)

    def _inverse(self, coefficients: NDArray[Any], out: NDArray[Any], threads: int) -> None:
        self._loop("inverse", out, threads)(coefficients.view(out.dtype), out, threads)
        out[:, self._special] *= self._repetition_count.astype(out.dtype)

    def _loop(self, direction: str, batch: NDArray[Any], threads: int) -> Loop:
        """Return the loop of a direction for so many rows of real numbers, in their precision."""
        dtype, parts = batch.dtype, parts_of(batch, threads)
        key = direction, dtype.char, parts
        if key not in self._loops:
            if dtype.char not in self._reals:
                self._reals[dtype.char] = self._reals["d"].astype(dtype)
            kernel, stages = (forward, 2) if direction == "forward" else (adjoint, 3)
            run = partial(kernel, *self._tables, self._reals[dtype.char])
            items = whole(stages) if parts == 1 else in_stages([[(s, s + 1, True)] for s in range(stages)], parts)
            common = 0 if parts == 1 else self._rows
            self._loops[key] = Loop(run, items, common, self._size - common, dtype, self._spaces)
        return self._loops[key]


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
