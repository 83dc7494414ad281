"""Surfaces of balls, whose area, volume and topology are known."""

from __future__ import annotations

import numpy as np
import pytest

from symfft import ShapeError
from symfft.analysis import isosurface

pytest.importorskip("skimage")

#: A left-handed cell.
SKEW = np.array([[3.0, 0.2, 0.1], [0.4, -2.5, 0.3], [0.2, 0.1, 4.0]])


def ball(n=32, radius=0.3, centre=(0.5, 0.5, 0.5)):
    points = np.stack(np.meshgrid(*[np.arange(n) / n] * 3, indexing="ij"), axis=-1)
    offset = points - np.array(centre)
    return radius - np.linalg.norm(offset - np.round(offset), axis=-1)


@pytest.mark.parametrize("skew", [False, True])
def test_area_volume_and_topology_of_a_ball(skew):
    mesh = isosurface(ball(), SKEW if skew else np.eye(3), 0.0)
    triangles = mesh.vertices[mesh.faces]
    stretch = np.linalg.det(SKEW) if skew else 1.0
    centre = np.full(3, 0.5) @ (SKEW if skew else np.eye(3))
    if not skew:
        assert mesh.area == pytest.approx(4 * np.pi * 0.3**2, rel=0.01)
    # Gauss: with normals pointing out, the flux of r / 3 is the volume; its sign is their direction
    volume = np.einsum("ti,ti->", triangles.mean(1) - centre, mesh.normals) / 6
    assert volume == pytest.approx(4 / 3 * np.pi * 0.3**3 * abs(stretch), rel=0.01)
    corners, index = np.unique(np.round(triangles.reshape(-1, 3), 9), axis=0, return_inverse=True)
    faces = index.reshape(-1, 3)
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    distinct, times = np.unique(edges, axis=0, return_counts=True)
    assert set(times) == {2}
    assert len(np.unique(faces)) - len(distinct) + len(faces) == 2
    assert len(corners) == len(np.unique(faces))


def test_a_ball_at_the_corner_is_cut_at_the_faces_and_whole_in_area():
    mesh = isosurface(ball(centre=(0, 0, 0)), np.eye(3), 0.0)
    assert mesh.vertices.min() >= 0
    assert mesh.vertices.max() <= 1
    assert mesh.area == pytest.approx(4 * np.pi * 0.09, rel=0.01)


@pytest.mark.parametrize("level", [1.0, -1.0, float("nan")])
def test_levels_that_are_not_crossed_are_refused(level):
    with pytest.raises(ShapeError, match="does not cross"):
        isosurface(ball(8), np.eye(3), level)


def test_files_of_a_mesh_hold_it():
    mesh = isosurface(ball(12), 3 * np.eye(3), 0.0)
    assert repr(mesh).startswith(f"<Mesh: {len(mesh.vertices)} vertices")
    ply = mesh.to_ply().splitlines()
    start = ply.index("end_header") + 1
    vertices = np.array([line.split() for line in ply[start : start + len(mesh.vertices)]], dtype=float)
    faces = np.array([line.split() for line in ply[start + len(mesh.vertices) :]], dtype=int)
    np.testing.assert_allclose(vertices, mesh.vertices, rtol=1e-8)
    np.testing.assert_array_equal(faces[:, 1:], mesh.faces)
    assert f"element face {len(mesh.faces)}" in ply
    obj = [line.split() for line in mesh.to_obj().splitlines()]
    np.testing.assert_allclose([list(map(float, w[1:])) for w in obj if w[0] == "v"], mesh.vertices, rtol=1e-8)
    np.testing.assert_array_equal([list(map(int, w[1:])) for w in obj if w[0] == "f"], mesh.faces + 1)
