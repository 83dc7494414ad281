"""Atoms in pictures: one kind of dot, its colour by element, and a legend in the place of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symfft.palette import colour_of, name_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKER: dict[str, Any] = {"marker": "o", "markersize": 7, "markeredgecolor": "black", "linestyle": "none"}


def hexadecimal(number: int) -> str:
    """Return the colour of an element as ``#rrggbb``."""
    return f"#{colour_of(number):06x}"


def draw_legend(figure: Figure, numbers: NDArray[np.int64]) -> None:
    """Name the elements in the upper right corner of the figure."""
    from matplotlib.lines import Line2D

    kinds = list(dict.fromkeys(numbers.tolist()))
    handles = [Line2D([], [], **MARKER, markerfacecolor=hexadecimal(n), label=name_of(n)) for n in kinds]
    if handles:
        figure.legend(
            handles=handles, loc="upper right", ncols=len(handles), frameon=False, fontsize=10, handletextpad=0.1,
            columnspacing=1.0, borderaxespad=0.2,
        )  # fmt: skip
