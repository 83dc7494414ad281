"""Surfaces of balls, whose area, volume and topology are known."""

from __future__ import annotations

import numpy as np
import pytest

from symfft_models.evaluation.isosurface import enclosing_level, isosurface, normals


def ball(n=32, radius=0.3, centre=(0.5, 0.5, 0.5)):
    points = np.stack(np.meshgrid(*[np.arange(n) / n] * 3, indexing="ij"), axis=-1)
    offset = points - np.array(centre)
    return radius - np.linalg.norm(offset - np.round(offset), axis=-1)


def test_area_volume_and_topology_of_a_ball():
    triangles = isosurface(ball(), 0.0)
    area = np.linalg.norm(normals(triangles), axis=1).sum() / 2
    assert area == pytest.approx(4 * np.pi * 0.3**2, rel=0.01)
    # Gauss: with normals pointing out, the flux of r / 3 is the volume; its sign is their direction
    volume = np.einsum("ti,ti->", triangles.mean(1) - 0.5, normals(triangles)) / 6
    assert volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.01)
    corners, index = np.unique(np.round(triangles.reshape(-1, 3), 9), axis=0, return_inverse=True)
    faces = index.reshape(-1, 3)
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    distinct, times = np.unique(edges, axis=0, return_counts=True)
    assert set(times) == {2}
    assert len(np.unique(faces)) - len(distinct) + len(faces) == 2
    assert len(corners) == len(np.unique(faces))


def test_a_ball_at_the_corner_is_cut_at_the_faces_and_whole_in_area():
    triangles = isosurface(ball(centre=(0, 0, 0)), 0.0)
    assert triangles.min() >= 0
    assert triangles.max() <= 1
    assert np.linalg.norm(normals(triangles), axis=1).sum() / 2 == pytest.approx(4 * np.pi * 0.09, rel=0.01)


def test_no_surface_above_the_maximum():
    assert len(isosurface(ball(8), 1.0)) == 0


def test_a_level_encloses_its_share_of_the_electrons():
    rho = np.random.default_rng(0).random((6, 6, 6)) ** 3
    for share in (0.1, 0.5, 0.9):
        level = enclosing_level(rho, share)
        assert rho[rho > level].sum() <= share * rho.sum() <= rho[rho >= level].sum()
