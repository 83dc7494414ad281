"""Real spherical harmonics, and the matrices that turn them."""

from __future__ import annotations

import numpy as np
from scipy.integrate import lebedev_rule
from scipy.special import sph_harm_y

from symfft_models.scattering.harmonics import DEGREE, DEGREES, harmonics, turned


def directions(count):
    return np.random.default_rng(0).standard_normal((count, 3))


def test_they_are_real_and_imaginary_parts_of_those_of_scipy():
    points = directions(20)
    x, y, z = (points / np.linalg.norm(points, axis=1)[:, None]).T
    found = harmonics(points)
    for degree in range(DEGREE + 1):
        centre = degree * (degree + 1)
        for order in range(degree + 1):
            complex_one = sph_harm_y(degree, order, np.arccos(z), np.arctan2(y, x)) * (-1) ** order
            scale = np.sqrt(2) if order else 1
            np.testing.assert_allclose(found[:, centre + order], scale * complex_one.real, atol=1e-13)
            if order:
                np.testing.assert_allclose(found[:, centre - order], scale * complex_one.imag, atol=1e-13)


def test_turned_harmonics_are_those_of_turned_directions():
    some = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 3, 3)))[0]
    rotations = np.concatenate([some, -some])  # improper ones among them
    points, matrices = directions(30), turned(rotations)
    for rotation, matrix in zip(rotations, matrices, strict=True):
        np.testing.assert_allclose(harmonics(points @ rotation.T), harmonics(points) @ matrix.T, atol=1e-12)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(DEGREES)), atol=1e-12)
        assert not matrix[DEGREES[:, None] != DEGREES].round(12).any()


def test_the_integrals_are_those_of_lebedevs_rule():
    rotation = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
    points, weights = lebedev_rule(2 * DEGREE + 1)
    expected = (weights[:, None] * harmonics(points.T @ rotation.T)).T @ harmonics(points.T)
    np.testing.assert_allclose(turned(rotation[None])[0], expected, atol=1e-13)
