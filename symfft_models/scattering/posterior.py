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

from symfft import ShapeError
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.geometry import Terms, scattering
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
#: Squares that are this small beside the largest one are those of rounding; and the smallest that is divided by.
ROUNDING, TINY = 1e-28, 1e-300
#: Terms whose scattering is held at a time.
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
        own = np.linalg.cholesky(found.spread + 1e-12 * np.eye(found.spread.shape[-1]))
        radial = radial_by_degree(length)
        shapes = radial @ own
        size = 2 * len(hkl)
        covariance = np.zeros((size, size))
        shared = np.zeros((size, len(found.draws)))
        mean = np.zeros(size)
        for start in range(0, len(found.terms), TERMS):
            part = slice(start, start + TERMS)
            terms = Terms(found.terms.orbit[part], found.terms.degree[part], found.terms.invariant[part])
            factors = _real(scattering(crystal, terms, hkl) * weight)
            design = _times(factors, radial[terms.degree])
            mean += design @ found.mean[part].reshape(-1)
            shared += design @ found.draws[:, part].reshape(len(found.draws), -1).T
            root = _times(factors, shapes[terms.degree])
            if part.stop >= len(found.terms):
                root = np.concatenate([root, shared / np.sqrt(max(len(found.draws), 1))], axis=1)
            _add_products(covariance, root)
        variance, electrons = covariance.diagonal().copy(), covariance[0] / np.sqrt(max(covariance[0, 0], TINY))
        variance -= electrons**2
        allowed = np.flatnonzero(variance > ZERO * variance.max())
        allowed = allowed[allowed % len(hkl) != 0]
        level = SMOOTH * model.noise * np.sqrt(model.electrons(crystal)) * np.exp(-((length / RANGE) ** 2) / 2)
        unequal = 1 - DECREASE * np.arange(len(allowed)) / max(len(allowed), 1)
        chosen = covariance[np.ix_(allowed, allowed)] - np.outer(electrons[allowed], electrons[allowed])
        smooth = np.tile(level, 2)[allowed] ** 2 * unequal
        chosen[np.diag_indices_from(chosen)] += smooth
        count = min(most, len(allowed))
        basis = np.zeros((size, count))
        expected = _complex(mean) / weight
        if not count:
            return cls(expected, weight, basis)
        squares, vectors = np.linalg.eigh(chosen)
        # rounding makes the smallest lower than what is added to all of them
        basis[allowed] = (vectors * np.sqrt(np.maximum(squares, smooth.min())))[:, : -count - 1 : -1]
        side = np.cos(np.arange(2 * len(hkl))) @ basis  # an eigenvector's sign is arbitrary: this one is positive
        return cls(expected, weight, basis * np.where(side < 0, -1, 1))

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


def _times(factors: FloatArray, radial: FloatArray) -> FloatArray:
    """Return the products (2 h, k n) of real and imaginary parts (k, 2 h) of factors and radial functions (k, h, n)."""
    product = factors.reshape(len(factors), 2, -1, 1) * radial[:, None]
    return np.asarray(product.transpose(1, 2, 0, 3).reshape(factors.shape[1], -1))


def _add_products(covariance: FloatArray, root: FloatArray) -> None:
    """Add the products of all pairs of rows; rows that are zero but for rounding, as symmetry makes half of them, are
    left out.
    """
    squares = np.einsum("ij,ij->i", root, root)
    rows = np.flatnonzero(squares > ROUNDING * squares.max(initial=0))
    covariance[np.ix_(rows, rows)] += root[rows] @ root[rows].T
