"""Lattice planes of a density, through atoms and bonds unless others are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import FloatArray
from symfft.density import Density
from symfft.errors import ShapeError
from symfft.plot.colours import Colours, Quantity, colours_of, draw_colour_bar, grid_of, require_matplotlib
from symfft.plot.lattice_planes import LatticePlane, basis_of, bonds_of, lattice_plane, planes_with_bonds, spacing_of
from symfft.plot.legend import MARKER, draw_legend, hexadecimal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: Atoms up to this far from a plane, in Å, are marked in it.
ATOM_DISTANCE = 0.25
#: Points along the longer side of a picture.
PIXELS = 300
#: Sides of a picture, in Å.
SMALLEST, LARGEST = 6.0, 16.0
# Measures of the figure, in inches.
HEIGHT, WIDEST, MARGIN, TITLE, TICKS, AXIS_LABEL, BAR_ROOM, HEADING = 4.0, 6.0, 0.2, 0.35, 0.6, 0.6, 1.3, 0.5


def plot_planes(
    density: Density,
    planes: Sequence[Sequence[float]] | None = None,
    *,
    quantity: Quantity = "values",
    log: bool = False,
    isolines: int = 0,
    limits: tuple[float, float] | None = None,
    title: str | None = None,
) -> Figure:
    r"""Draw lattice planes with atoms and bonds; by default two planes that hold most bonds for their area.

    A plane (hkl) at d holds the points with :math:`hx + ky + lz = d`. It is drawn in Å, with its lattice cell dashed;
    values are interpolated by cubic splines between grid points. Dots are atoms up to 0.25 Å from the plane, lines join
    nearest neighbours that both lie in it.

    Parameters
    ----------
    density : Density
        What to draw.
    planes : sequence of (h, k, l) or (h, k, l, d), optional
        Planes to draw; without `d` through the atom nearest to the origin in this direction.
    quantity : {"values", "magnetization", "spin_down"}
        Which grid of the density; of a non-collinear magnetization its length.
    log : bool
        Logarithmic colours over five decades, or down to 0.01 e/Å³.
    isolines : int
        Number of contour lines, evenly spaced on the scale of the colours; rounded up to an even number where zero is
        in its middle, so that none is at zero.
    limits : (float, float), optional
        Values of the first and the last colour; by default the smallest and the largest value of the density.
    title : str, optional
        Title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Not bound to any window: ``figure.savefig("planes.png")``.

    Raises
    ------
    ShapeError
        If indices, limits or the number of contour lines are unusable, or the density lacks the quantity.
    SymfftError
        If matplotlib is not installed.

    Examples
    --------
    In rock salt the cube's face holds most bonds:

    >>> import numpy as np
    >>> from symfft import Density
    >>> sites = [[0, 0, 0], [0, .5, .5], [.5, 0, .5], [.5, .5, 0], [.5, .5, .5], [.5, 0, 0], [0, .5, 0], [0, 0, .5]]
    >>> x, y, z = np.meshgrid(*[2 * np.pi * np.arange(12) / 12] * 3, indexing="ij")
    >>> density = Density(2 + np.cos(x) * np.cos(y) * np.cos(z), 5.6 * np.eye(3), sites, [11] * 4 + [17] * 4)
    >>> [ax.get_title() for ax in plot_planes(density).axes[:1]]
    ['(100) at 0']
    """
    figure_class = require_matplotlib()
    drawn = planes_with_bonds(density) if planes is None else [_plane(density, one) for one in planes]
    if not drawn:
        raise ShapeError("there are no planes to draw: give at least one")
    colours = colours_of(density, grid_of(density, quantity), quantity, log, isolines, limits)
    windows = [_window(density, plane) for plane in drawn]
    scale = min(HEIGHT / max(up for _, up in windows), WIDEST / max(across for across, _ in windows))
    width = MARGIN + sum(TICKS + scale * across + MARGIN for across, _ in windows) + BAR_ROOM
    height = AXIS_LABEL + scale * max(up for _, up in windows) + TITLE + HEADING
    figure = figure_class(figsize=(width, height), dpi=130)
    left = MARGIN
    for plane, (across, up) in zip(drawn, windows, strict=True):
        left += TICKS
        box = (left / width, AXIS_LABEL / height, scale * across / width, scale * up / height)
        image = _draw(figure.add_axes(box), density, colours, plane, (across, up))
        left += scale * across + MARGIN
    bar = figure.add_axes(
        (1 - (BAR_ROOM - 0.25) / width, AXIS_LABEL / height, 0.18 / width, 1 - (AXIS_LABEL + TITLE + HEADING) / height)
    )
    draw_colour_bar(figure, bar, image, colours)
    draw_legend(figure, density.numbers)
    if title is not None:
        figure.suptitle(title, x=MARGIN / width, y=1 - 0.12 / height, ha="left", va="top", fontsize=13)
    return figure


# ---- inside ---------------------------------------------------------------------------------------------------------


def _plane(density: Density, wanted: Sequence[float]) -> LatticePlane:
    if len(wanted) not in (3, 4):
        raise ShapeError(f"{tuple(wanted)!r} is not a plane: give (h, k, l) or (h, k, l, d)")
    plane = lattice_plane(wanted[:3], wanted[3] if len(wanted) == 4 else 0.0)
    if len(wanted) == 4 or not len(density.numbers):
        return plane
    heights = density.positions @ plane.hkl
    heights -= np.rint(heights)
    return LatticePlane(plane.hkl, float(heights[np.argmin(np.abs(heights))]))


def _frame(density: Density, plane: LatticePlane) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return origin (fractional), orthonormal axes in Å (rows) and the lattice cell of the plane in Å (rows)."""
    lattice = density.lattice
    cell = basis_of(plane, lattice) @ lattice
    first = cell[0] / np.linalg.norm(cell[0])
    second = cell[1] - (cell[1] @ first) * first
    axes = np.array([first, second / np.linalg.norm(second)])
    reciprocal = np.linalg.inv(lattice) @ plane.hkl
    foot = plane.at * reciprocal / (reciprocal @ reciprocal) @ np.linalg.inv(lattice)
    heights = density.positions @ plane.hkl - plane.at
    inside = np.abs(heights - np.rint(heights)) * spacing_of(plane, lattice) < ATOM_DISTANCE
    if not inside.any():
        return foot, axes, cell
    # an atom of the plane, moved into it by a lattice vector of the right height
    i = int(np.flatnonzero(inside)[0])
    steps = np.array(np.meshgrid(*[np.arange(-3, 4)] * 3, indexing="ij")).reshape(3, -1).T
    right = steps[steps @ plane.hkl == -int(np.rint(heights[i]))]
    if not len(right):
        return foot, axes, cell
    moved = density.positions[i] + right
    return np.asarray(moved[np.argmin(np.linalg.norm(moved @ lattice, axis=1))]), axes, cell


def _window(density: Density, plane: LatticePlane) -> tuple[float, float]:
    """Return the sides of the picture in Å: the plane's lattice cell, repeated to a size that shows something."""
    _, axes, cell = _frame(density, plane)
    sides = np.abs(cell @ axes.T).max(axis=0)
    across, up = np.clip(sides * np.maximum(1, np.ceil(SMALLEST / sides)), SMALLEST, LARGEST)
    return float(across) * 1.06, float(up) * 1.06


def _draw(ax: Axes, density: Density, colours: Colours, plane: LatticePlane, size: tuple[float, float]) -> Any:
    from matplotlib.patches import Polygon
    from scipy.ndimage import map_coordinates

    origin, axes, cell = _frame(density, plane)
    low = np.array(size) * -0.03 / 1.06
    high = low + size
    counts = np.maximum(2, np.rint(PIXELS * np.array(size) / max(size))).astype(int)
    across, up = (np.linspace(a, b, n) for a, b, n in zip(low, high, counts, strict=True))
    points = np.stack(np.meshgrid(across, up, indexing="ij"), axis=-1) @ axes
    x = origin + points @ np.linalg.inv(density.lattice)
    places = np.moveaxis(x * density.shape, -1, 0)
    values = map_coordinates(colours.values, places, order=3 if min(density.shape) > 3 else 1, mode="grid-wrap")
    values = colours.within(values)
    image = ax.imshow(
        values.T, origin="lower", extent=(low[0], high[0], low[1], high[1]), norm=colours.norm, cmap=colours.map,
        interpolation="bilinear",
    )  # fmt: skip
    levels = colours.levels[(colours.levels > values.min()) & (colours.levels < values.max())]
    if len(levels):
        ax.contour(
            across, up, values.T, levels=levels, colors="black", linewidths=0.5, alpha=0.65, negative_linestyles="-"
        )
    corners = np.array([np.zeros(3), cell[0], cell[0] + cell[1], cell[1]])
    ax.add_patch(
        Polygon(corners @ axes.T, fill=False, edgecolor=colours.lines, linestyle="--", linewidth=0.9, zorder=3)
    )
    _draw_atoms(ax, density, colours.lines, origin, axes, low, high)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="Å", ylabel="Å")
    ax.set_title(plane.name, fontsize=11)
    return image


def _draw_atoms(
    ax: Axes, density: Density, line: str, origin: FloatArray, axes: FloatArray, low: FloatArray, high: FloatArray
) -> None:
    lattice = density.lattice
    normal = np.cross(axes[0], axes[1])
    # every image that can lie in the window
    reach = np.abs(np.array([low, high])).max() * 1.5 + float(np.linalg.norm(origin @ lattice))
    steps = np.ceil(reach * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int) + 1
    shifts = np.array(np.meshgrid(*[np.arange(-n, n + 1) for n in steps], indexing="ij")).reshape(3, -1).T

    def images(positions: FloatArray) -> FloatArray:
        return np.asarray(((positions[:, None] + shifts) - origin) @ lattice)

    def seen(places: FloatArray, distance: float) -> NDArray[np.bool_]:
        flat = places @ axes.T
        return (np.abs(places @ normal) <= distance) & ((flat >= low) & (flat <= high)).all(axis=-1)

    places = images(density.positions)
    starts, vectors = bonds_of(density)
    inside = np.abs(vectors @ lattice @ normal) < ATOM_DISTANCE
    for i, vector in zip(starts[inside], vectors[inside], strict=True):
        begins = places[i][seen(places[i], ATOM_DISTANCE)]
        for begin in begins:
            ends = np.array([begin, begin + vector @ lattice]) @ axes.T
            ax.plot(*ends.T, color=line, linewidth=1.2, alpha=0.8, zorder=4)
    for number in dict.fromkeys(density.numbers.tolist()):
        of_kind = places[density.numbers == number]
        flat = of_kind[seen(of_kind, ATOM_DISTANCE)] @ axes.T
        if len(flat):
            ax.plot(*flat.T, **MARKER, markerfacecolor=hexadecimal(number), zorder=6)
