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
from scipy.linalg import eigh

from symfft import ShapeError
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.geometry import Terms, scattering
from symfft_models.scattering.model import DensityModel
from symfft_models.scattering.radial import radial_functions

#: Reflections that latents describe: the shortest ones.
CANDIDATES = 1500
#: What no pseudoatoms describe: its standard deviation at 1/d = 0 in units of the model's noise, and its range in 1/Å.
SMOOTH, RANGE = 0.1, 0.7
#: Decrease of that variance from the first component to the last: no two eigenvalues are equal by symmetry.
DECREASE = 1e-3
#: Components with a smaller part than this of the largest variance are zero by symmetry.
ZERO = 1e-12
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
    def of(cls, model: DensityModel, crystal: Crystal, hkl: IntArray, multiplicity: IntArray, most: int) -> Latents:
        """Find the directions in which a crystal's structure factors are most uncertain, at most `most` of them.

        Parameters
        ----------
        hkl : (n, 3) int64
            Unique reflections, the first of them (0, 0, 0).
        multiplicity : (n,) int64
            Reflections that each stands for.
        """
        found = model.coefficients(crystal)
        weight = np.sqrt(multiplicity)
        length = np.linalg.norm(hkl @ np.linalg.inv(crystal.lattice).T, axis=1)
        own = np.linalg.cholesky(found.spread + 1e-12 * np.eye(found.spread.shape[-1]))
        covariance = np.zeros((2 * len(hkl), 2 * len(hkl)))
        shared = np.zeros((2 * len(hkl), len(found.draws)))
        mean = np.zeros(len(hkl), dtype=np.complex128)
        for start in range(0, len(found.terms), TERMS):
            part = slice(start, start + TERMS)
            terms = Terms(found.terms.orbit[part], found.terms.degree[part], found.terms.invariant[part])
            design = scattering(crystal, terms, hkl)[:, :, None] * radial_functions(length, terms.degree)
            mean += np.einsum("khn,kn->h", design, found.mean[part], optimize=True)
            shared += _real(np.einsum("khn,skn->hs", design, found.draws[:, part], optimize=True) * weight[:, None])
            independent = np.einsum("khn,knm->hkm", design, own[terms.degree], optimize=True) * weight[:, None, None]
            root = _real(independent.reshape(len(hkl), -1))
            covariance += root @ root.T
        covariance += shared @ shared.T / max(len(found.draws), 1)
        electrons = covariance[0]
        covariance = covariance - np.outer(electrons, electrons) / electrons[0] if electrons[0] > 0 else covariance
        variance = covariance.diagonal()
        allowed = np.flatnonzero(variance > ZERO * variance.max())
        allowed = allowed[allowed % len(hkl) != 0]
        level = SMOOTH * model.noise * np.sqrt(model.electrons(crystal)) * np.exp(-((length / RANGE) ** 2) / 2)
        unequal = 1 - DECREASE * np.arange(len(allowed)) / max(len(allowed), 1)
        chosen = covariance[np.ix_(allowed, allowed)]
        chosen[np.diag_indices_from(chosen)] += np.tile(level, 2)[allowed] ** 2 * unequal
        count = min(most, len(allowed))
        basis = np.zeros((2 * len(hkl), count))
        if not count:
            return cls(mean, weight, basis)
        squares, vectors = eigh(chosen, subset_by_index=[len(allowed) - count, len(allowed) - 1])
        basis[allowed] = (vectors * np.sqrt(np.maximum(squares, 0)))[:, ::-1]
        side = np.cos(np.arange(2 * len(hkl))) @ basis  # an eigenvector's sign is arbitrary: this one is positive
        return cls(mean, weight, basis * np.where(side < 0, -1, 1))

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
        change = self.basis[:, : len(latents)] @ latents
        half = len(self.mean)
        return np.asarray(self.mean + (change[:half] + 1j * change[half:]) / self.weight)


def _real(values: ComplexArray) -> FloatArray:
    return np.concatenate([values.real, values.imag])
