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
from scipy.linalg.blas import dsyr, dsyrk
from scipy.linalg.lapack import dpstrf

from symfft import ShapeError
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.geometry import scattering
from symfft_models.scattering.model import Coefficients, DensityModel
from symfft_models.scattering.radial import radial_by_degree
from symfft_models.scattering.synthesis import superposition

#: Reflections that latents describe: the shortest ones.
CANDIDATES = 1500
#: What no pseudoatoms describe: its standard deviation at 1/d = 0 in units of the model's noise, and its range in 1/Å.
SMOOTH, RANGE = 0.1, 0.7
#: Decrease of that variance from the first component to the last: no two eigenvalues are equal by symmetry.
DECREASE = 1e-3
#: Components with a smaller part than this of the largest variance are zero by symmetry.
ZERO = 1e-12
#: Rounding, as a part of a variance, that does not end a factorisation too early.
MARGIN = 1e-6
#: Rows of a covariance that its largest eigenvectors are computed of: at most so many for each of these; so many more;
#: and further ones unless their variance alone is below this part of the one of the last that is wanted.
PIVOTS, SPARE, FAINT = 2.5, 128, 1e-3
#: All rows, where more than this part of them would be taken.
MANY = 0.8
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
                covariance = covariance.T[np.ix_(allowed, allowed)].T
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

    The first one, F(0), is known: the covariance is that of densities with that number of electrons. What is above its
    diagonal is left out.

    Parameters
    ----------
    factors : (k, n) float64
        What each term contributes to each component.
    radial : (DEGREE + 1, n, RADIAL) float64
        Radial functions of their reflections.
    """
    degree, draws = found.terms.degree, len(found.draws)
    both = superposition(np.concatenate([found.mean[None], found.draws]), factors, radial, degree)
    own = (radial @ np.linalg.cholesky(found.spread + 1e-12 * np.eye(found.spread.shape[-1]))).transpose(0, 2, 1)
    drawn, size = both[1:] / np.sqrt(max(draws, 1)), factors.shape[1]
    electrons, covariance = np.zeros(size), np.zeros((size - 1, size - 1), order="F")
    for start in range(0, len(degree), TERMS):
        part = slice(start, start + TERMS)
        root = (own[degree[part]] * factors[part, None]).reshape(-1, size)
        if not start:
            root = np.concatenate([drawn, root])
        electrons += root[:, 0] @ root
        if size > 1:
            rest = np.ascontiguousarray(root[:, 1:]).T
            covariance = dsyrk(1, rest, beta=1, c=covariance, lower=1, overwrite_c=1)
    electrons /= np.sqrt(max(electrons[0], TINY))
    if size > 1:
        covariance = dsyr(-1, electrons[1:], a=covariance, lower=1, overwrite_a=1)
    return both[0], covariance


def leading(covariance: FloatArray, smooth: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Return the largest eigenvalues, descending, and eigenvectors (n, count) of a covariance (n, n), at most `count`.

    Where many more rows than that are given, what is taken is ``L Lᵀ``, L the columns for the rows that a pivoted
    Cholesky factorisation takes first, each of them the one that the rows before leave most uncertain; its eigenvectors
    are those of ``Lᵀ L``, times L. There are as many as have a variance alone that is not `FAINT` beside that of the
    last one wanted, `SPARE` more than are wanted at least, and at most `PIVOTS` times as many. Figures of the set's
    crystals change by less than 1e-3 of themselves.

    Parameters
    ----------
    covariance : (n, n) float64
        What is above its diagonal does not count; overwritten.
    smooth : (n,) float64
        Variance that is in the covariance for each row alone: no row that is left is less uncertain, so that the
        factorisation stops where the largest of them is below what the last row that is wanted has.
    """
    if len(covariance) <= count:
        return _all(covariance, count)
    alone = -np.sort(-smooth)
    seen = int(np.count_nonzero(smooth > FAINT * alone[count - 1]))
    pivots = min(max(seen, count + SPARE), round(PIVOTS * count))
    if pivots > MANY * len(covariance):
        return _all(covariance, count)
    factor, order, _, _ = dpstrf(covariance, lower=1, tol=alone[pivots - 1] * (1 - MARGIN), overwrite_a=1)
    root = np.tril(factor[:, :pivots])
    squares, vectors = np.linalg.eigh(root.T @ root)
    squares = squares[: -count - 1 : -1]
    result = np.empty((len(covariance), len(squares)))
    result[order - 1] = root @ vectors[:, : -count - 1 : -1] / np.sqrt(squares)
    return squares, result


def _all(covariance: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    squares, vectors = np.linalg.eigh(covariance)
    return squares[: -count - 1 : -1], vectors[:, : -count - 1 : -1]
