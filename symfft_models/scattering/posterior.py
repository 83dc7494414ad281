r"""A density as a few numbers beside its crystal: what the prediction lacks, where it is most uncertain.

The structure factors of a crystal, weighted so that squares sum to those of the density, are normal with the prediction
as mean and a covariance :math:`\Sigma` that the model gives, of densities with the right number of electrons. Its
eigenvectors of the largest eigenvalues span what a few numbers can tell best (Karhunen and Loève), so the latents are
:math:`z_i = u_i \cdot (F - \bar F) / \sqrt{\lambda_i} \sim N(0, 1)`. Without z, or with z = 0, the density is the
predicted one; with a random z it is a draw from the distribution of densities; the first few of many are the best few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpstrf

from symfft import ShapeError
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.geometry import scattering
from symfft_models.scattering.model import Coefficients, DensityModel
from symfft_models.scattering.radial import radial_by_degree

#: Reflections that latents describe: the shortest ones.
CANDIDATES = 1500
#: What no pseudoatoms describe: its standard deviation at 1/d = 0 in units of the model's noise, and its range in 1/Å.
SMOOTH, RANGE = 0.1, 0.7
#: Decrease of that variance from the first component to the last: no two eigenvalues are equal by symmetry.
DECREASE = 1e-3
#: Components with a smaller part than this of the largest variance are zero by symmetry.
ZERO = 1e-12
#: Rows of a covariance, for each eigenvector, that its largest eigenvectors are computed of.
PIVOTS = 2.5
#: Squares that are this small beside the largest one are those of rounding; and the smallest that is divided by.
ROUNDING, TINY = 1e-28, 1e-300
#: Terms whose contributions are held at a time.
TERMS = 32


@dataclass(frozen=True, eq=False)
class Latents:
    """How latent numbers and the structure factors of one crystal belong together.

    Attributes
    ----------
    mean : (n,) complex128
        Predicted structure factors, electrons per cell; the first one, F(0), is the number of electrons and is kept.
    weight : (n,) float64
        Square root of the multiplicity of the reflections.
    basis : (2 n, m) float64
        Change of all weighted components, real parts then imaginary parts, for each latent: orthogonal columns, the
        longest first.
    """

    mean: ComplexArray
    weight: FloatArray
    basis: FloatArray

    @classmethod
    def of(
        cls,
        model: DensityModel,
        crystal: Crystal,
        found: Coefficients,
        hkl: IntArray,
        multiplicity: IntArray,
        most: int,
    ) -> Latents:
        """Find the directions in which a crystal's structure factors are most uncertain, at most `most` of them.

        Parameters
        ----------
        found : Coefficients
            What the model says of the crystal.
        hkl : (n, 3) int64
            Unique reflections, the first of them (0, 0, 0).
        multiplicity : (n,) int64
            Reflections that each stands for.
        """
        weight = np.sqrt(multiplicity)
        length = np.linalg.norm(hkl @ np.linalg.inv(crystal.lattice).T, axis=1)
        factors = _real(scattering(crystal, found.terms, hkl) * weight)
        squares = np.einsum("kh,kh->h", factors, factors)
        rows = np.flatnonzero(squares > ROUNDING * squares.max())  # F(0) first; symmetry makes half of the others zero
        reflection = rows % len(hkl)
        mean, covariance = _moments(found, factors[:, rows], radial_by_degree(length[reflection]))
        variance = covariance.diagonal()
        allowed = np.flatnonzero(variance > ZERO * variance.max(initial=0))
        expected, basis = np.zeros(2 * len(hkl)), np.zeros((2 * len(hkl), 0))
        expected[rows] = mean
        if len(allowed) and most:
            if len(allowed) < len(variance):
                covariance = covariance[np.ix_(allowed, allowed)]
            rows = rows[1:][allowed]
            level = SMOOTH * model.noise * np.sqrt(model.electrons(crystal)) * np.exp(-((length / RANGE) ** 2) / 2)
            smooth = level[rows % len(hkl)] ** 2 * (1 - DECREASE * np.arange(len(rows)) / len(rows))
            covariance[np.diag_indices_from(covariance)] += smooth
            squares, vectors = leading(covariance, smooth, most)
            basis = np.zeros((len(expected), len(squares)))
            # rounding makes the smallest lower than what is added to all of them
            basis[rows] = vectors * np.sqrt(np.maximum(squares, smooth.min()))
        side = np.cos(np.arange(len(basis))) @ basis  # an eigenvector's sign is arbitrary: this one is positive
        return cls(_complex(expected) / weight, weight, basis * np.where(side < 0, -1, 1))

    def encode(self, factors: ComplexArray) -> FloatArray:
        """Return the latents (m,) of structure factors (n,): the distribution they are normal in is N(0, 1).

        Raises
        ------
        ShapeError
            If there is not one structure factor for each reflection.
        """
        if factors.shape != self.mean.shape:
            raise ShapeError(f"{factors.shape} structure factors for {len(self.mean)} reflections: give one for each")
        along = _real((factors - self.mean) * self.weight) @ self.basis
        squares = (self.basis**2).sum(axis=0)
        return np.asarray(along / np.where(squares > 0, squares, 1))

    def decode(self, latents: FloatArray) -> ComplexArray:
        """Return the most likely structure factors (n,) of latents: the first few, or all, of :meth:`encode`."""
        return np.asarray(self.mean + _complex(self.basis[:, : len(latents)] @ latents) / self.weight)


def _real(values: ComplexArray) -> FloatArray:
    """Return values (..., n) as their real and imaginary parts (..., 2 n)."""
    return np.concatenate([values.real, values.imag], axis=-1)


def _complex(parts: FloatArray) -> ComplexArray:
    half = len(parts) // 2
    return np.asarray(parts[:half] + 1j * parts[half:])


def _moments(found: Coefficients, factors: FloatArray, radial: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means (n,) of components of structure factors, and the covariance (n - 1, n - 1) of all but the first.

    The first one, F(0), is known: the covariance is that of densities with that number of electrons.

    Parameters
    ----------
    factors : (k, n) float64
        What each term contributes to each component.
    radial : (DEGREE + 1, n, RADIAL) float64
        Radial functions of their reflections.
    """
    degree, draws = found.terms.degree, len(found.draws)
    own = radial @ np.linalg.cholesky(found.spread + 1e-12 * np.eye(found.spread.shape[-1]))
    size = factors.shape[1]
    shared, electrons, covariance = np.zeros((size, 1 + draws)), np.zeros(size), np.zeros((size - 1, size - 1))
    both = np.concatenate([found.mean[None], found.draws])
    for start in range(0, len(degree), TERMS):
        part = slice(start, start + TERMS)
        shared += _times(factors[part], radial[degree[part]]) @ both[:, part].reshape(len(both), -1).T
        root = _times(factors[part], own[degree[part]])
        electrons += root @ root[0]
        covariance += root[1:] @ root[1:].T
    drawn = shared[:, 1:] / np.sqrt(max(draws, 1))
    electrons += drawn @ drawn[0]
    electrons /= np.sqrt(max(electrons[0], TINY))
    left, right = (np.column_stack([drawn, sign * electrons])[1:] for sign in (1, -1))
    covariance += left @ right.T
    return shared[:, 0], covariance


def _times(factors: FloatArray, radial: FloatArray) -> FloatArray:
    """Return the products (n, k r) of factors (k, n) and radial functions (k, n, r)."""
    return np.ascontiguousarray((factors[:, :, None] * radial).transpose(1, 0, 2)).reshape(factors.shape[1], -1)


def leading(covariance: FloatArray, smooth: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Return the largest eigenvalues, descending, and eigenvectors (n, count) of a covariance (n, n), at most `count`.

    Where many more rows than that are given, what is taken is ``L Lᵀ``, L the columns for `PIVOTS` `count` rows that a
    pivoted Cholesky factorisation takes first, each of them the one that the rows before leave most uncertain; its
    eigenvectors are those of ``Lᵀ L``, times L. For crystals of the set the last of 256 vectors lies in the span of the
    exact ones but for 1e-7, and figures of reconstruction change by less than 1e-3 of themselves.

    Parameters
    ----------
    covariance : (n, n) float64
        Overwritten.
    smooth : (n,) float64
        Variance that is in the covariance for each row alone: no row that is left is less uncertain, so that the
        factorisation stops where the largest of them is below what the last row that is wanted has.
    """
    pivots = round(PIVOTS * count)
    if len(covariance) <= pivots:
        squares, vectors = np.linalg.eigh(covariance)
        return squares[: -count - 1 : -1], vectors[:, : -count - 1 : -1]
    least = np.partition(smooth, -pivots)[-pivots] / 2
    factor, order, rank, _ = dpstrf(covariance.T, lower=1, tol=least, overwrite_a=1)
    root = np.tril(factor[:, : min(pivots, rank)])
    squares, vectors = np.linalg.eigh(root.T @ root)
    squares = squares[: -count - 1 : -1]
    result = np.empty((len(covariance), len(squares)))
    result[order - 1] = root @ vectors[:, : -count - 1 : -1] / np.sqrt(squares)
    return squares, result
