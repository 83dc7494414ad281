"""The grids of a page: which there are, their units and first levels, and how they travel."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.density import Density
from symfft.errors import ShapeError
from symfft.kinds import UNITS
from symfft.resampling.densities import resample

#: Points beyond which a grid is interpolated to fewer: what a browser draws without delay.
MOST_POINTS = 2_000_000
#: Largest difference of two cells that are taken for the same, relative to the longest vector.
SAME_CELL = 1e-3

NAMES = {
    "charge": "electron density",
    "potential": "potential",
    "elf": "ELF",
    "kinetic_energy": "kinetic energy",
    "other": "value",
}


def comparable(density: Density, other: Density) -> Density:
    """Return the other density on the grid of the first.

    Raises
    ------
    ShapeError
        If they are not the same kind of quantity, or not in the same cell.
    """
    if density.kind != other.kind:
        raise ShapeError(f"a {density.kind} and a {other.kind} have no difference: give two densities of one kind")
    apart = float(np.abs(density.lattice - other.lattice).max())
    if apart > SAME_CELL * float(np.linalg.norm(density.lattice, axis=1).max()):
        raise ShapeError(
            f"the lattice vectors differ by up to {apart:.4g} Å: densities are compared in the same cell; bring both "
            "to one, for instance with symfft convert --standardize"
        )
    if density.shape == other.shape:
        return other
    return resample(other, density.shape)


def grids_of(density: Density, other: Density | None, names: tuple[str, str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the grids of a page, ready for JSON, and notes on what was done to them.

    Each has ``name``, ``unit``, ``shape``, ``data`` (compressed float32, in the order of C) or ``difference`` (the
    places of two other grids), ``signed``, ``low`` and ``high`` (range of the levels), ``level`` and ``scale`` (last
    value of the colours).
    """
    shown, notes = [density] + ([] if other is None else [other]), []
    if density.values.size > MOST_POINTS:
        factor = (MOST_POINTS / density.values.size) ** (1 / 3)
        shape = tuple(max(1, int(n * factor)) for n in density.shape)
        shown = [resample(one, shape) for one in shown]
        notes.append(f"interpolated from {_shape(density.shape)} to {_shape(shape)} points")
    grids: list[dict[str, Any]] = []
    by_quantity = [_quantities(one) for one in shown]
    for quantity, unit, values in by_quantity[0]:
        here = [values] + [v for one in by_quantity[1:] for name, _, v in one if name == quantity]
        first = len(grids)
        for name, grid in zip(names, here, strict=False):
            label = quantity if other is None else f"{name}: {quantity}"
            grids.append(_grid(label, unit, grid, density) | {"data": _packed(grid)})
        if len(here) == 2:
            label = f"difference: {quantity}, {names[0]} − {names[1]}"
            grids.append(_grid(label, unit, here[0] - here[1], density) | {"difference": [first, first + 1]})
    return grids, notes


def _quantities(density: Density) -> list[tuple[str, str, NDArray[np.float64]]]:
    name, unit = NAMES[density.kind], UNITS[density.kind]
    if density.spin_down is not None:
        return [(f"{name}, spin up", unit, density.values), (f"{name}, spin down", unit, density.spin_down)]
    grids = [(name, unit, density.values)]
    if density.magnetization is not None:
        m = density.magnetization
        label = "magnetization" if m.ndim == 3 else "length of the magnetization"
        grids.append((label, "μB/Å³", m if m.ndim == 3 else np.linalg.norm(m, axis=0)))
    return grids


def _grid(name: str, unit: str, values: NDArray[np.float64], density: Density) -> dict[str, Any]:
    low, high = float(values.min()), float(values.max())
    size = max(abs(low), abs(high))
    # an electron density that a pseudopotential lets dip below zero is still not drawn as one of both signs
    signed = low < 0 < high and -low > 0.05 * high
    magnitude = np.abs(values) if signed else values
    logarithmic = signed or (low >= -0.05 * high and high > 0)
    floor = 0.0 if logarithmic else low
    scale = float(np.quantile(magnitude, 0.995))
    return {
        "name": name,
        "unit": unit,
        "shape": list(values.shape),
        "signed": signed,
        "logarithmic": logarithmic,
        "low": 1e-4 * size if logarithmic else low,
        "high": size if signed else high,
        "level": _holding_half(magnitude),
        "scale": scale if scale > floor else floor + (size or 1.0),
        "floor": floor,
        "volume": density.volume,
    }


def _holding_half(values: NDArray[np.float64]) -> float:
    """Return the level above which half of the sum over the cell lies."""
    ordered = np.sort(values, axis=None)[::-1]
    running = np.cumsum(np.maximum(ordered, 0.0))
    if not running[-1] > 0:
        return float(np.median(values))
    return float(ordered[int(np.searchsorted(running, 0.5 * running[-1]))])


def _packed(values: NDArray[np.float64]) -> str:
    return base64.b64encode(zlib.compress(values.astype("<f4").tobytes(), 6)).decode("ascii")


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
