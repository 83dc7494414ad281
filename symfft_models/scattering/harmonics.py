"""Real spherical harmonics up to degree ``DEGREE``, and how they turn."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Largest degree l of an atom's expansion.
DEGREE = 4
#: Degree l of each of the (DEGREE + 1)² components.
DEGREES = np.repeat(np.arange(DEGREE + 1), 2 * np.arange(DEGREE + 1) + 1)


def harmonics(vectors: FloatArray) -> FloatArray:
    """Return the real spherical harmonics of directions, (..., 3) to (..., 25), with ``Σ_m Y_lm² = (2 l + 1) / 4π``.

    ``Y_lm = N_lm P_l^(m)(z) Re or Im (x + i y)^m`` of the unit vector, P_l^(m) the m-th derivative of Legendre's
    polynomial; ordered by l, then m = -l … l. The zero vector has Y_00 alone.
    """
    length = np.linalg.norm(vectors, axis=-1)
    x, y, z = np.moveaxis(vectors / np.where(length > 0, length, 1)[..., None], -1, 0)
    planar = np.cumprod(np.repeat((x + 1j * y)[..., None], DEGREE, axis=-1), axis=-1)
    angular = np.concatenate([planar.imag[..., ::-1], np.ones((*length.shape, 1)), planar.real], axis=-1)
    orders, polynomials = _legendre()
    result = (np.polynomial.polynomial.polyvander(z, DEGREE) @ polynomials) * angular[..., orders + DEGREE]
    result[length == 0, 1:] = 0
    return np.asarray(result)


@cache
def _legendre() -> tuple[IntArray, FloatArray]:
    """Orders m (25,), and coefficients (DEGREE + 1, 25) in powers of z of N_lm times the m-th derivatives of P_l."""
    orders = np.concatenate([np.arange(-degree, degree + 1) for degree in range(DEGREE + 1)])
    coefficients = np.zeros((DEGREE + 1, len(DEGREES)))
    for place, (degree, order) in enumerate(zip(DEGREES.tolist(), np.abs(orders).tolist(), strict=True)):
        polynomial = np.polynomial.legendre.leg2poly([0] * degree + [1])
        norm = (2 * degree + 1) / (4 * np.pi) * math.factorial(degree - order) / math.factorial(degree + order)
        derivative = np.polynomial.polynomial.polyder(polynomial, order)
        coefficients[: len(derivative), place] = derivative * math.sqrt(norm * (2 if order else 1))
    return orders, coefficients


def turned(rotations: FloatArray) -> FloatArray:
    """Return D (g, 25, 25) with ``Y(R v) = D Y(v)`` for rotations R (g, 3, 3), improper ones included."""
    points, weights = _sphere()
    values = harmonics(points)
    return np.swapaxes(harmonics(points @ np.swapaxes(rotations, 1, 2)), 1, 2) @ (weights[:, None] * values)


@cache
def _sphere() -> tuple[FloatArray, FloatArray]:
    """Points (45, 3) and weights (45,) that integrate products of two harmonics exactly: Gauss in z, even in angle."""
    z, weight = np.polynomial.legendre.leggauss(DEGREE + 1)
    angle = 2 * np.pi * np.arange(2 * DEGREE + 1) / (2 * DEGREE + 1)
    planar = np.sqrt(1 - z**2)[:, None]
    points = np.stack(
        [planar * np.cos(angle), planar * np.sin(angle), np.broadcast_to(z[:, None], (len(z), len(angle)))]
    )
    return points.reshape(3, -1).T, np.repeat(weight * (2 * np.pi / len(angle)), len(angle))
