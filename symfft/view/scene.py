"""The crystal in a page: cell, atoms and where one looks from; surfaces and planes get their values later."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.density import Density
from symfft.errors import SymfftError
from symfft.palette import colour_of, name_of

#: Colours of the edges a, b and c.
AXES = (0xC62828, 0x2E7D32, 0x1565C0)
POSITIVE, NEGATIVE = 0xF2B01E, 0x2F7FD1
FIELD_OF_VIEW = 22.0


def scene_of(density: Density) -> tuple[Any, dict[str, int], dict[str, Any]]:
    """Return a k3d plot of the crystal, the numbers of its objects by name, and what the page says about it.

    Raises
    ------
    SymfftError
        If k3d is not installed.
    """
    try:
        import k3d
    except ModuleNotFoundError as error:
        raise SymfftError('interactive pages need k3d: pip install "symfft[view]"') from error
    lattice = density.lattice
    positions, numbers = atoms_to_draw(density)
    colours, elements = colours_of(numbers)
    plot = k3d.plot(
        menu_visibility=False,
        grid_visible=False,
        axes_helper=0,
        camera_auto_fit=False,
        camera_fov=FIELD_OF_VIEW,
        background_color=0xFFFFFF,
        colorbar_object_id=0,
    )
    nothing = np.zeros((2, 2, 2), dtype=np.float32)
    surface = {"level": 1.0, "flat_shading": False, "opacity": 0.75, "visible": False}
    corners = np.array(list(product((0, 1), repeat=3)), dtype=np.float64)
    edges = [(i, j) for i in range(8) for j in range(i) if np.abs(corners[i] - corners[j]).sum() == 1]
    objects = {
        "cell": k3d.lines(
            corners @ lattice, edges, indices_type="segment", color=0x404040, width=0.02, shader="simple"
        ),
        "positive": k3d.marching_cubes(nothing, color=POSITIVE, **surface),
        "negative": k3d.marching_cubes(nothing, color=NEGATIVE, **surface),
        "plane": k3d.mesh(
            np.zeros((3, 3), dtype=np.float32),
            [[0, 1, 2]],
            attribute=[0.0, 0.0, 0.0],
            color_map=k3d.matplotlib_color_maps.Viridis,
            color_range=[0.0, 1.0],
            side="double",
            flat_shading=True,
            visible=False,
        ),
    }
    if len(numbers):
        size = 0.22 * nearest_distance(density)
        objects["atoms"] = k3d.points(
            (positions @ lattice).astype(np.float32), colors=colours, point_size=size, shader="mesh", mesh_detail=3
        )
    for axis, (name, colour) in enumerate(zip("abc", AXES, strict=True)):
        ends = np.array([np.zeros(3), lattice[axis]], dtype=np.float32)
        radius = 0.006 * float(np.linalg.norm(lattice, axis=1).max())
        objects[name] = k3d.line(ends, color=colour, width=radius, shader="mesh")
    for one in objects.values():
        plot += one
    plot.camera = camera_of(lattice)
    maps = {
        "plain": np.asarray(k3d.matplotlib_color_maps.Viridis, dtype=float).tolist(),
        "signed": np.asarray(k3d.matplotlib_color_maps.Coolwarm, dtype=float).tolist(),
    }
    description = {
        "composition": composition(density.numbers),
        "axes": [f"#{colour:06x}" for colour in AXES],
        "elements": elements,
        "lattice": lattice.tolist(),
        "reciprocal": np.linalg.inv(lattice).tolist(),
        "maps": maps,
    }
    return plot, {name: one.id for name, one in objects.items()}, description


def atoms_to_draw(density: Density) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return fractional coordinates and numbers of the atoms in the closed cell: on faces, all that lie there."""
    inside = density.positions - np.floor(density.positions + 1e-4)
    moved = [inside + shift for shift in product((0, 1), repeat=3)]
    positions, numbers = np.concatenate(moved), np.tile(density.numbers, 8)
    kept = (positions <= 1 + 1e-4).all(axis=1)
    return positions[kept], numbers[kept]


def nearest_distance(density: Density) -> float:
    """Return the distance of the two nearest atoms in Å, periodic images included; 2 Å to 4 Å at most."""
    shifts = np.array(list(product((-1, 0, 1), repeat=3)), dtype=np.float64)
    x = density.positions[:200]
    apart = ((x[:, None] - x[None])[:, :, None] + shifts) @ density.lattice
    lengths = np.linalg.norm(apart, axis=-1)
    return float(np.clip(lengths[lengths > 0.5].min(initial=4.0), 2.0, 4.0))


def colours_of(numbers: NDArray[np.int64]) -> tuple[list[int], list[dict[str, str]]]:
    """Return a colour for each atom, and the legend."""
    legend = {number: colour_of(number) for number in dict.fromkeys(numbers.tolist())}
    entries = [{"symbol": name_of(number), "colour": f"#{colour:06x}"} for number, colour in legend.items()]
    return [legend[number] for number in numbers.tolist()], entries


def composition(numbers: NDArray[np.int64]) -> str:
    """Return elements and their number in the cell."""
    counts = {name_of(n): int((numbers == n).sum()) for n in dict.fromkeys(numbers.tolist())}
    return " ".join(name + (str(count) if count > 1 else "") for name, count in counts.items()) or "density"


def camera_of(lattice: NDArray[np.float64]) -> list[float]:
    """Return place, target and upward direction of the camera: along a, from a little to the right and above."""
    centre, up = 0.5 * lattice.sum(axis=0), lattice[2] / np.linalg.norm(lattice[2])
    forward = np.cross(lattice[1], lattice[2])
    forward = forward * np.sign(forward @ lattice[0]) / np.linalg.norm(forward)
    right = np.cross(up, forward)
    direction = forward + 0.45 * right + 0.35 * up
    corners = np.array(list(product((0, 1), repeat=3))) @ lattice
    radius = 1.1 * float(np.linalg.norm(corners - centre, axis=1).max())
    distance = radius / np.sin(np.radians(FIELD_OF_VIEW / 2))
    place = centre + distance * direction / np.linalg.norm(direction)
    return [*place.tolist(), *centre.tolist(), *up.tolist()]
