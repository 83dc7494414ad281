"""How values become colours: scales, limits, contour lines and their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from symfft.density import Density
from symfft.errors import ShapeError, SymfftError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Quantity = Literal["values", "magnetization", "spin_down"]
QUANTITIES: tuple[Quantity, ...] = ("values", "magnetization", "spin_down")

#: A logarithmic scale of colours spans at most this many decades, and more where the cores of all-electron densities
#: need it to reach down to what binds atoms, in e/Å³.
DECADES, VALENCE = 5, 0.01

BELOW_COLOUR = "#d9d9d9"

_LABELS = {
    "charge": "electron density (e/Å³)",
    "potential": "potential (eV)",
    "elf": "electron localization function",
    "kinetic_energy": "kinetic-energy density (eV/Å³)",
    "other": "value",
}


def require_matplotlib() -> type[Figure]:
    """Return matplotlib's class of figures that no window shows.

    Raises
    ------
    SymfftError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise SymfftError('pictures need matplotlib: pip install "symfft[plot]"') from error
    return Figure


@dataclass(frozen=True)
class Colours:
    """The values drawn, how they become colours, and where contour lines run."""

    values: NDArray[np.float64]
    norm: Any
    map: Any
    levels: NDArray[np.float64]
    extend: str
    label: str
    lines: str  # colour of bonds and cells, which must stand out from most of the picture

    def within(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return interpolated values no lower than the scale can show; of a logarithmic one a little below its end."""
        return np.maximum(values, float(self.values.min()))


def grid_of(density: Density, quantity: Quantity) -> NDArray[np.float64]:
    """Return a grid of a density; of a non-collinear magnetization its length.

    Raises
    ------
    ShapeError
        If the density has no such grid.
    """
    if quantity not in QUANTITIES:
        raise ShapeError(f"quantity {quantity!r} is unknown: choose {', '.join(QUANTITIES)}")
    grid = getattr(density, quantity)
    if grid is None:
        raise ShapeError(f"the density has no {quantity}: draw its values")
    return np.asarray(grid if grid.ndim == 3 else np.linalg.norm(grid, axis=0))


def colours_of(
    density: Density,
    rho: NDArray[np.float64],
    quantity: Quantity,
    log: bool,
    isolines: int,
    limits: tuple[float, float] | None = None,
) -> Colours:
    """Return the scale of colours: linear, logarithmic, or with zero in the middle.

    Raises
    ------
    ShapeError
        If the limits or the number of contour lines are unusable.
    """
    import matplotlib
    from matplotlib import colors

    if isolines < 0:
        raise ShapeError(f"{isolines} contour lines cannot be drawn: give a number from 0 on")
    lowest, highest = float(rho.min()), float(rho.max())
    low, high = (lowest, highest) if limits is None else limits
    if not (np.isfinite([low, high]).all() and (low < high or limits is None)):
        raise ShapeError(f"colours cannot run from {low} to {high}: give two numbers, the smaller one first")
    if log and limits is not None and low <= 0 < high and lowest >= 0:
        raise ShapeError(f"logarithmic colours cannot begin at {low}: give limits above zero")
    size = max(abs(low), abs(high)) or 1.0
    norm: Any
    name, lines = "viridis", "white"
    if low < 0 < high and (quantity == "magnetization" or density.kind == "potential"):
        # symmetric, so that the middle of the colours is zero
        norm = (
            colors.SymLogNorm(size / 10.0 ** (DECADES - 2), vmin=-size, vmax=size)
            if log
            else colors.Normalize(-size, size)
        )
        name, lines = "coolwarm", "0.3"
        isolines += isolines % 2  # none at zero, where rounding errors would draw it
    elif log and high > 0:
        floor = high / 10.0**DECADES if limits is None else low
        floor = min(floor, VALENCE) if density.kind == "charge" and limits is None else floor
        bottom = max(float(rho[rho > 0].min()), floor) if limits is None else low
        bottom = bottom if bottom < high else high / 10
        norm = colors.LogNorm(bottom, high)
        rho = np.maximum(rho, bottom / 1.001)
    else:
        norm = colors.Normalize(low, high if high > low else low + size)
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[
        lowest < norm.vmin, highest > norm.vmax
    ]
    levels = np.asarray(norm.inverse(np.arange(1, isolines + 1) / (isolines + 1)), dtype=np.float64)
    colour_map = matplotlib.colormaps[name].with_extremes(bad=(1, 1, 1, 0), under=BELOW_COLOUR)
    return Colours(rho, norm, colour_map, levels, extend, _label(density, quantity), lines)


def _label(density: Density, quantity: Quantity) -> str:
    if quantity == "magnetization":
        collinear = density.magnetization is not None and density.magnetization.ndim == 3
        return "magnetization (μB/Å³)" if collinear else "length of the magnetization (μB/Å³)"
    spin = ", spin down" if quantity == "spin_down" else ", spin up" if density.spin_down is not None else ""
    return _LABELS.get(density.kind, density.kind.replace("_", " ")) + spin


def draw_colour_bar(figure: Figure, box: Axes, image: Any, colours: Colours) -> None:
    """Draw the scale of colours, with marks at the contour lines."""
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    bar = figure.colorbar(image, cax=box, extend=colours.extend)
    bar.outline.set_visible(False)
    bar.set_label(colours.label, fontsize=11)
    if isinstance(colours.norm, LogNorm) and colours.norm.inverse(1.0) < 100 * colours.norm.inverse(0.0):
        bar.set_ticks(LogLocator(subs=(1, 2, 5)))
        bar.ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        bar.ax.yaxis.set_minor_formatter(NullFormatter())
    for level in colours.levels:
        bar.ax.axhline(level, color="black", linewidth=0.5, alpha=0.65)
