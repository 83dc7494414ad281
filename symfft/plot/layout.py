"""Where the panels of a picture of slices go: planes of the cell and layers of the brick, true to scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft.au import AsymmetricUnit
from symfft.density import Density

Box = tuple[float, float, float, float]

#: Planes of the cell: the two axes drawn (the first one to the right), and the one that is held fixed.
PLANES = ((0, 1, 2), (0, 2, 1), (1, 2, 0))
#: Layers of the asymmetric unit shown at most.
MOST_LAYERS = 12
# Measures of the figure, in inches.
WIDTH, TALLEST, MARGIN, HEADING, TITLE, TICKS, AXIS_LABEL, BAR_ROOM = 12.0, 3.6, 0.15, 0.45, 0.3, 0.6, 0.65, 1.3
#: The axes are this much larger than what they hold.
SLACK = 1.04


def layout(density: Density, au: AsymmetricUnit | None) -> tuple[list[Box], Box, tuple[float, float]]:
    """Return the boxes of planes and layers, that of the colour bar, and the size of the figure, all in inches.

    All planes share one scale, and so do all layers.
    """
    room = WIDTH - BAR_ROOM - MARGIN
    spans = [np.ptp(parallelogram(in_plane(density, p, q), (0, 0), (1, 1)), axis=0) * SLACK for p, q, _ in PLANES]
    scale = min((room - 3 * TICKS) / sum(s[0] for s in spans), TALLEST / max(s[1] for s in spans))
    plane_height = scale * max(s[1] for s in spans)
    gap = (room - 3 * TICKS - scale * sum(s[0] for s in spans)) / 3

    panels, layers_height = ([], 0.0) if au is None else _layer_boxes(density, au, room)
    bottom = MARGIN + layers_height + AXIS_LABEL
    x = MARGIN
    planes: list[Box] = []
    for across, up in spans:
        x += TICKS + gap / 2
        planes.append((x, bottom + (plane_height - scale * up) / 2, scale * across, scale * up))
        x += scale * across + gap / 2
    height = bottom + plane_height + TITLE + HEADING
    bar = (WIDTH - BAR_ROOM + 0.25, MARGIN + 0.1, 0.18, height - MARGIN - HEADING - 0.3)
    return planes + panels, bar, (WIDTH, height)


def _layer_boxes(density: Density, au: AsymmetricUnit, room: float) -> tuple[list[Box], float]:
    """Return the boxes of the layers, in as many columns as make them largest, and the height that they take."""
    count = len(layers(au))
    across, up = np.ptp(parallelogram(*brick_layer(density, au)), axis=0) * SLACK

    def scale_of(columns: int) -> float:
        rows = -(-count // columns)
        return float(min(room / columns / (1.12 * across), (TALLEST / rows - TITLE) / up))

    columns = max(range(1, count + 1), key=scale_of)
    rows, pitch = -(-count // columns), room / columns
    width, height = scale_of(columns) * across, scale_of(columns) * up
    boxes = [
        (
            MARGIN + (i % columns) * pitch + (pitch - width) / 2,
            MARGIN + (rows - 1 - i // columns) * (height + TITLE),
            width,
            height,
        )
        for i in range(count)
    ]
    return boxes, rows * (height + TITLE) + 0.25


def in_plane(density: Density, p: int, q: int) -> NDArray[np.float64]:
    """Return the two lattice vectors of a plane in its own coordinates, as rows: the first one lies to the right."""
    a, b = density.lattice[p], density.lattice[q]
    length = float(np.linalg.norm(a))
    return np.array([[length, 0.0], [a @ b / length, np.linalg.norm(np.cross(a, b)) / length]])


def parallelogram(vectors: NDArray[np.float64], low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """Return the corners of a parallelogram between fractional coordinates, in Å."""
    (x0, y0), (x1, y1) = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) @ vectors


def layers(au: AsymmetricUnit) -> list[int]:
    """Choose layers of the brick across its shortest axis, the first and the last among them."""
    thickness = min(au.brick_shape)
    return [round(x) for x in np.linspace(0, thickness - 1, min(thickness, MOST_LAYERS)).tolist()]


def brick_layer(
    density: Density, au: AsymmetricUnit
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the lattice vectors of a layer of the brick in its plane, and where it begins and ends (fractional)."""
    p, q = layer_axes(au)[:2]
    n = np.array([au.shape[p], au.shape[q]])
    low = (np.array([au.brick_origin[p], au.brick_origin[q]]) - 0.5) / n
    return in_plane(density, p, q), low, low + np.array([au.brick_shape[p], au.brick_shape[q]]) / n


def layer_axes(au: AsymmetricUnit) -> tuple[int, int, int]:
    """Return the two axes of the layers, and the shortest axis of the brick, which they are stacked along."""
    return PLANES[2 - int(np.argmin(au.brick_shape))]


def short(x: float) -> str:
    """Return a fractional coordinate with at most three digits."""
    return f"{x:.3f}".rstrip("0").rstrip(".")
