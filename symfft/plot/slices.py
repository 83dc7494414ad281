"""Pictures of a density: planes of the cell, and layers of the asymmetric unit, true to scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft.au import AsymmetricUnit, asymmetric_unit
from symfft.crystal.space_group import SpaceGroup
from symfft.density import Density
from symfft.errors import ShapeError
from symfft.plot.colours import Colours, Quantity, colours_of, draw_colour_bar, grid_of, require_matplotlib
from symfft.plot.layout import (
    MARGIN,
    PLANES,
    SLACK,
    TITLE,
    brick_layer,
    in_plane,
    layer_axes,
    layers,
    layout,
    parallelogram,
    short,
)
from symfft.plot.legend import MARKER, draw_legend, hexadecimal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: Atoms up to this far from a plane, in Å, are marked in it.
ATOM_DISTANCE = 0.25

BRICK_COLOUR = "#ff7f0e"

AXES = "abc"


def plot_slices(
    density: Density | ArrayLike,
    space_group: SpaceGroup | int | str | None = None,
    *,
    lattice: ArrayLike | None = None,
    quantity: Quantity = "values",
    at: Sequence[float] | None = None,
    log: bool = False,
    isolines: int = 0,
    limits: tuple[float, float] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw three planes of the cell, with the brick of the asymmetric unit, and the layers of the asymmetric unit.

    Planes are spanned by two lattice vectors and drawn in Å at their true angle. Dots mark the points of the grid that
    make up the asymmetric unit, the outline is the brick around it. Atoms within 0.25 Å of a plane are marked.

    Parameters
    ----------
    density : Density, or (Nx, Ny, Nz) array
        What to draw.
    space_group : SpaceGroup, int or str, optional
        Group whose asymmetric unit is shown; without it only the planes are drawn.
    lattice : (3, 3) float, optional
        Basis vectors as rows in Å, for an array; the unit cube by default.
    quantity : {"values", "magnetization", "spin_down"}
        Which grid of the density; of a non-collinear magnetization its length.
    at : (3,) float, optional
        Fractional coordinates of the point in which the planes meet, moved to the nearest grid point. Default: the
        largest value, at the point of the asymmetric unit where it is found.
    log : bool
        Logarithmic colours over five decades, or down to 0.01 e/Å³; values that fall below are grey. Quantities of
        both signs get a scale that is linear around zero.
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
        Not bound to any window: ``figure.savefig("slices.png")``.

    Raises
    ------
    IncompatibleGridError, SpaceGroupError
        If the grid does not fit the group, or the group is unknown.
    ShapeError
        If the density lacks the quantity, or `at` or `isolines` is unusable.
    SymfftError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import symmetrize
    >>> rho = symmetrize(np.random.default_rng(0).random((8, 8, 8)), 225)
    >>> figure = plot_slices(rho, 225, lattice=4 * np.eye(3))
    >>> [ax.get_title() for ax in figure.axes[:4]]
    ['ab plane at c = 0', 'ac plane at b = 0', 'bc plane at a = 0', 'b = 0']
    """
    figure_class = require_matplotlib()
    crystal = density if isinstance(density, Density) else _as_density(density, lattice)
    rho = grid_of(crystal, quantity)
    au = None if space_group is None else asymmetric_unit(space_group, crystal.shape)
    point = _meeting_point(rho, au, at)
    colours = colours_of(crystal, rho, quantity, log, isolines, limits)

    frames, bar, size = layout(crystal, au)
    figure = figure_class(figsize=size, dpi=130)
    boxes = [figure.add_axes((x / size[0], y / size[1], w / size[0], h / size[1])) for x, y, w, h in (*frames, bar)]
    for ax, plane in zip(boxes, PLANES, strict=False):
        image = _draw_plane(ax, crystal, colours, plane, point)
        if au is not None:
            _draw_unit_in_plane(figure, ax, crystal, au, plane, point[plane[2]])
    if au is not None:
        _draw_layers(boxes[3:-1], crystal, au, colours)
        top = max(y + h for _, y, _, h in frames[3:])
        figure.text(MARGIN / size[0], (top + TITLE) / size[1], _caption(au), va="bottom", fontsize=11)
    draw_colour_bar(figure, boxes[-1], image, colours)
    draw_legend(figure, crystal.numbers)
    if title is not None:
        figure.suptitle(title, x=MARGIN / size[0], y=1 - 0.12 / size[1], ha="left", va="top", fontsize=13)
    return figure


# ---- inside ---------------------------------------------------------------------------------------------------------


def _as_density(rho: ArrayLike, lattice: ArrayLike | None) -> Density:
    cell = np.eye(3) if lattice is None else np.asarray(lattice, dtype=np.float64)
    return Density(np.asarray(rho, dtype=np.float64), cell, np.empty((0, 3)), np.empty(0, dtype=np.int64))


def _meeting_point(
    rho: NDArray[np.float64], au: AsymmetricUnit | None, at: Sequence[float] | None
) -> tuple[int, int, int]:
    shape = np.array(rho.shape)
    if at is not None:
        x = np.asarray(at, dtype=np.float64)
        if x.shape != (3,) or not np.isfinite(x).all():
            raise ShapeError(f"the point {at!r} is not usable: give three fractional coordinates")
        i, j, k = (np.rint(x * shape).astype(np.int64) % shape).tolist()
    elif au is not None:
        i, j, k = au.indices[int(np.argmax(np.abs(rho.reshape(-1)[au.points])))].tolist()
    else:
        i, j, k = (int(n) for n in np.unravel_index(int(np.argmax(np.abs(rho))), rho.shape))
    return i, j, k


def _frame(ax: Axes, vectors: NDArray[np.float64], low: ArrayLike, high: ArrayLike, **style: Any) -> Any:
    """Fit the axes to the parallelogram between fractional coordinates; return its outline."""
    from matplotlib.patches import Polygon

    corners = parallelogram(vectors, low, high)
    outline = ax.add_patch(Polygon(corners, closed=True, fill=False, zorder=3, **style))
    middle, half = (corners.max(axis=0) + corners.min(axis=0)) / 2, np.ptp(corners, axis=0) * SLACK / 2
    ax.set_xlim(middle[0] - half[0], middle[0] + half[0])
    ax.set_ylim(middle[1] - half[1], middle[1] + half[1])
    ax.set_aspect("equal")
    ax.spines[:].set_visible(False)
    return outline


def _draw_image(
    ax: Axes, values: NDArray[Any], first: Sequence[int], steps: NDArray[np.float64], colours: Colours, smooth: bool
) -> Any:
    """Draw values at the grid points from `first` on; `steps` leads from one to the next (rows, in Å)."""
    from matplotlib.transforms import Affine2D

    (i, j), (m, n) = first, values.shape
    shear = Affine2D.from_values(steps[0, 0], steps[0, 1], steps[1, 0], steps[1, 1], 0.0, 0.0)
    return ax.imshow(
        values.T,
        origin="lower",
        extent=(i - 0.5, i + m - 0.5, j - 0.5, j + n - 0.5),
        transform=shear + ax.transData,
        norm=colours.norm,
        cmap=colours.map,
        interpolation="bilinear" if smooth else "nearest",
    )


def _draw_plane(
    ax: Axes, density: Density, colours: Colours, plane: tuple[int, int, int], point: tuple[int, int, int]
) -> Any:
    p, q, fixed = plane
    n, m = density.shape[p], density.shape[q]
    vectors = in_plane(density, p, q)
    steps = vectors / np.array([[n], [m]])
    layer = np.take(colours.values, point[fixed], axis=fixed)
    wrapped = layer[np.ix_(np.arange(-1, n + 2) % n, np.arange(-1, m + 2) % m)]
    image = _draw_image(ax, wrapped, (-1, -1), steps, colours, smooth=True)
    image.set_clip_path(_frame(ax, vectors, (0, 0), (1, 1), edgecolor="0.25", linewidth=0.8))
    closed = wrapped[1:-1, 1:-1]
    levels = colours.levels[(colours.levels > closed.min()) & (colours.levels < closed.max())]
    if len(levels):
        x, y = np.moveaxis(np.moveaxis(np.indices((n + 1, m + 1)), 0, -1) @ steps, -1, 0)
        ax.contour(x, y, closed, levels=levels, colors="black", linewidths=0.5, alpha=0.65, negative_linestyles="-")
    height = point[fixed] / density.shape[fixed]
    _draw_atoms(ax, density, plane, height)
    ax.set_title(f"{AXES[p]}{AXES[q]} plane at {AXES[fixed]} = {short(height)}", fontsize=11)
    ax.set_xlabel(f"along {AXES[p]} (Å)")
    ax.set_ylabel(f"across {AXES[p]} (Å)")
    return image


def _draw_atoms(ax: Axes, density: Density, plane: tuple[int, int, int], height: float) -> None:
    p, q, fixed = plane
    vectors = in_plane(density, p, q)
    spacing = density.volume / float(np.linalg.norm(np.cross(density.lattice[p], density.lattice[q])))
    x = density.positions - np.floor(density.positions + 1e-6)
    apart = x[:, fixed] - height
    near = np.abs(apart - np.rint(apart)) * spacing <= max(ATOM_DISTANCE, 0.51 * spacing / density.shape[fixed])
    moved = [x[near][:, [p, q]] + shift for shift in ((0, 0), (1, 0), (0, 1), (1, 1))]
    places, numbers = np.concatenate(moved), np.tile(density.numbers[near], 4)
    inside = (places <= 1 + 1e-6).all(axis=1)
    for number in dict.fromkeys(numbers[inside].tolist()):
        ax.plot(
            *(places[inside & (numbers == number)] @ vectors).T,
            **MARKER,
            markerfacecolor=hexadecimal(number),
            clip_on=False,
            zorder=6,
        )


def _draw_unit_in_plane(
    figure: Figure, ax: Axes, density: Density, au: AsymmetricUnit, plane: tuple[int, int, int], height: int
) -> None:
    """Dot the points of the asymmetric unit in a plane of the cell, and outline the brick where the plane cuts it."""
    from matplotlib.patches import Polygon

    p, q, fixed = plane
    n = np.array([au.shape[p], au.shape[q]])
    vectors = in_plane(density, p, q)
    here = au.indices[au.indices[:, fixed] == height][:, [p, q]] / n
    inches_per_angstrom = ax.get_position().width * figure.get_figwidth() / float(np.ptp(ax.get_xlim()))
    apart = float((np.linalg.norm(vectors, axis=1) / n).min()) * 72 * inches_per_angstrom
    diameter = min(0.5 * apart, 4.5)
    ax.plot(
        *(here @ vectors).T,
        linestyle="none",
        marker="o",
        markersize=diameter,
        color="white",
        markeredgecolor="black",
        markeredgewidth=0.3 if diameter > 2 else 0,
        clip_on=False,
        zorder=4,
    )
    size = np.array([au.brick_shape[p], au.brick_shape[q]])
    if (height - au.brick_origin[fixed]) % au.shape[fixed] >= au.brick_shape[fixed]:
        return
    cell = Polygon(parallelogram(vectors, -0.7 / n, 1 + 0.7 / n), transform=ax.transData)
    for i in (-1, 0):
        for j in (-1, 0):
            first = np.array([au.brick_origin[p], au.brick_origin[q]]) + n * (i, j)
            # a copy is drawn where the brick wraps around, so that some of its points are those of the cell
            if ((first + size > 0) & (first < n)).all():
                corners = parallelogram(vectors, (first - 0.5) / n, (first + size - 0.5) / n)
                outline = ax.add_patch(Polygon(corners, fill=False, edgecolor=BRICK_COLOUR, linewidth=1.8, zorder=5))
                outline.set_clip_path(cell)


def _draw_layers(boxes: Sequence[Axes], density: Density, au: AsymmetricUnit, colours: Colours) -> None:
    p, q, fixed = layer_axes(au)
    vectors, low, high = brick_layer(density, au)
    steps = vectors / np.array([[au.shape[p]], [au.shape[q]]])
    sides = zip(au.brick_origin, au.brick_shape, au.shape, strict=True)
    brick = colours.values[np.ix_(*((o + np.arange(b)) % n for o, b, n in sides))]
    unit = np.ma.masked_where(~au.brick_mask, brick)
    for ax, layer in zip(boxes, layers(au), strict=True):
        values = np.take(unit, layer, axis=fixed)
        _draw_image(ax, values, (au.brick_origin[p], au.brick_origin[q]), steps, colours, smooth=False)
        _frame(ax, vectors, low, high, edgecolor=BRICK_COLOUR, linewidth=1.2)
        height = (au.brick_origin[fixed] + layer) % au.shape[fixed] / au.shape[fixed]
        ax.set_title(f"{AXES[fixed]} = {short(height)}", fontsize=9, pad=2)
        ax.set_xticks([])
        ax.set_yticks([])


def _caption(au: AsymmetricUnit) -> str:
    points, brick = au.labels.size, " × ".join(map(str, au.brick_shape))
    return f"asymmetric unit of {au.space_group.symbol}: {au.size:,} of {points:,} points, in a brick of {brick}"
