"""Surfaces of constant density, as triangles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import FloatArray
from symfft.errors import ShapeError, SymfftError


@dataclass(frozen=True, eq=False, repr=False)
class Mesh:
    """Triangles of a surface.

    Attributes
    ----------
    vertices : (v, 3) float64
        Cartesian coordinates, in Å.
    faces : (t, 3) int64
        Vertices of each triangle, counter-clockwise seen from where the density is lower.
    """

    vertices: FloatArray
    faces: NDArray[np.int64]

    def __repr__(self) -> str:
        return f"<Mesh: {len(self.vertices)} vertices, {len(self.faces)} triangles, {self.area:.6g} Å²>"

    @property
    def normals(self) -> FloatArray:
        """Normal of each triangle, as long as twice its area, (t, 3)."""
        a, b, c = np.moveaxis(self.vertices[self.faces], 1, 0)
        return np.cross(b - a, c - a)

    @property
    def area(self) -> float:
        """Area of the surface, in Å²."""
        return float(np.linalg.norm(self.normals, axis=1).sum() / 2)

    def to_ply(self) -> str:
        """Return the mesh as the text of a PLY file (Stanford polygon format, ASCII)."""
        head = (
            "ply\nformat ascii 1.0\ncomment symfft, coordinates in Angstrom\n"
            f"element vertex {len(self.vertices)}\nproperty double x\nproperty double y\nproperty double z\n"
            f"element face {len(self.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
        )
        corners = "".join("{:.9g} {:.9g} {:.9g}\n".format(*v) for v in self.vertices.tolist())
        return head + corners + "".join("3 {} {} {}\n".format(*f) for f in self.faces.tolist())

    def to_obj(self) -> str:
        """Return the mesh as the text of a Wavefront OBJ file."""
        corners = "".join("v {:.9g} {:.9g} {:.9g}\n".format(*v) for v in self.vertices.tolist())
        return (
            "# symfft, coordinates in Angstrom\n"
            + corners
            + "".join("f {} {} {}\n".format(*f) for f in (self.faces + 1).tolist())
        )


def isosurface(rho: NDArray[Any], lattice: NDArray[np.float64], level: float) -> Mesh:
    """Return the surface in one cell where a periodic density crosses a level; open at the faces of the cell.

    Marching cubes of scikit-image (Lewiner's variant, without holes or ambiguous cases) on the grid and its first
    points repeated at the end. Vertices are interpolated linearly between grid points, so that they are off by the
    square of the spacing.

    Parameters
    ----------
    rho : (Nx, Ny, Nz) float
        Density on the full grid.
    lattice : (3, 3) float64
        Basis vectors as rows, in Å.
    level : float
        Density on the surface.

    Raises
    ------
    SymfftError
        If scikit-image is missing.
    ShapeError
        If the density does not cross the level.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(24) / 24 - 0.5
    >>> r = np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2)
    >>> sphere = isosurface(-r, 4 * np.eye(3), -0.25)
    >>> bool(abs(sphere.area - 4 * np.pi) < 0.2)  # radius 1 Å
    True
    """
    try:
        from skimage import measure
    except ModuleNotFoundError as error:
        raise SymfftError('surfaces need scikit-image: pip install "symfft[surface]"') from error
    low, high = float(rho.min()), float(rho.max())
    if not (math.isfinite(level) and low < level < high):
        raise ShapeError(f"the density, from {low:.6g} to {high:.6g}, does not cross the level {level!r}")
    wrapped = np.pad(np.asarray(rho, dtype=np.float64), (0, 1), mode="wrap")
    search: Any = measure.marching_cubes
    corners, faces, _, _ = search(wrapped, level, gradient_direction="ascent", allow_degenerate=False)
    vertices = corners.astype(np.float64) / rho.shape @ lattice
    triangles = faces.astype(np.int64)
    if np.linalg.det(lattice) < 0:  # a left-handed cell turns the triangles around
        triangles = triangles[:, ::-1]
    return Mesh(vertices, np.ascontiguousarray(triangles))
