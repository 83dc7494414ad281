r"""A density as a few numbers beside its crystal: what the prediction lacks, where it is most uncertain.

The structure factors of a crystal are normal with the prediction as mean and a covariance :math:`\Sigma` that the model
gives. Of all their real components the pivoted Cholesky factor picks, one by one, the component whose variance those
before leave largest; the latent z is what those components deviate, in units of what was to be expected.
All other components follow from their covariance with those: :math:`z = L^{-1} (F - \bar F) \sim N(0, 1)`. Without
z, or with z = 0, the density is the predicted one; with a random z it is a draw from the distribution of densities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from symfft import ShapeError
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.geometry import scattering
from symfft_models.scattering.model import DensityModel
from symfft_models.scattering.observation import multiplicities
from symfft_models.scattering.radial import radial_functions


@dataclass(frozen=True, eq=False)
class Latents:
    """How latent numbers and the structure factors of one crystal belong together.

    Attributes
    ----------
    hkl : (n, 3) int64
        Reflections.
    mean : (n,) complex128
        Predicted structure factors, electrons per cell.
    weight : (n,) float64
        Square root of their multiplicity.
    picked : (m,) int64
        Real components, of real parts then imaginary parts, that the latents determine.
    factor : (2 n, m) float64
        How all weighted components depend on the latents; its rows `picked` are lower triangular.
    """

    hkl: IntArray
    mean: ComplexArray
    weight: FloatArray
    picked: IntArray
    factor: FloatArray

    @classmethod
    def of(cls, model: DensityModel, crystal: Crystal, hkl: IntArray, most: int) -> Latents:
        """Choose the components of a crystal's structure factors that tell most, at most `most` of them."""
        found = model.coefficients(crystal)
        terms = found.terms
        radial = radial_functions(np.linalg.norm(hkl @ np.linalg.inv(crystal.lattice).T, axis=1), terms.degree)
        design = scattering(crystal, terms, hkl)[:, :, None] * radial
        weight = np.sqrt(multiplicities(crystal.group, hkl))
        own = np.linalg.cholesky(found.spread + 1e-12 * np.eye(found.spread.shape[-1]))
        independent = np.einsum("khn,knm->hkm", design, own[terms.degree], optimize=True).reshape(len(hkl), -1)
        shared = np.einsum("khn,skn->hs", design, found.draws, optimize=True) / np.sqrt(max(len(found.draws), 1))
        root = np.concatenate([independent, shared], axis=1) * weight[:, None]
        root = np.concatenate([root.real, root.imag])
        level = model.noise * np.sqrt(model.electrons(crystal))
        rest = (root**2).sum(axis=1)
        largest = rest.max()
        rest = np.where(rest > 1e-12 * largest, rest + level**2, 0)
        forbidden = (hkl == 0).all(axis=1)
        rest[np.concatenate([forbidden, forbidden])] = 0
        factor, picked = np.zeros((len(rest), most)), []
        for column in range(most):
            pivot = int(np.argmax(rest))
            if rest[pivot] <= 0:
                break
            picked.append(pivot)
            covariance = root @ root[pivot]
            covariance[pivot] += level**2
            covariance -= factor[:, :column] @ factor[pivot, :column]
            factor[:, column] = covariance / np.sqrt(rest[pivot])
            rest = np.maximum(rest - factor[:, column] ** 2, 0)
            rest[picked] = 0
            factor[picked[:-1], column] = 0
        mean = np.einsum("khn,kn->h", design, found.mean, optimize=True)
        return cls(hkl, mean, weight, np.array(picked, dtype=np.int64), factor[:, : len(picked)])

    def encode(self, factors: ComplexArray) -> FloatArray:
        """Return the latents (m,) of structure factors (n,): the distribution they are normal in is N(0, 1).

        Raises
        ------
        ShapeError
            If there is not one structure factor for each reflection.
        """
        if factors.shape != self.mean.shape:
            raise ShapeError(f"{factors.shape} structure factors for {len(self.mean)} reflections: give one for each")
        missing = (factors - self.mean) * self.weight
        chosen = np.concatenate([missing.real, missing.imag])[self.picked]
        return np.asarray(solve_triangular(self.factor[self.picked], chosen, lower=True))

    def decode(self, latents: FloatArray) -> ComplexArray:
        """Return the most likely structure factors (n,) of latents: the first few, or all, of :meth:`encode`."""
        change = self.factor[:, : len(latents)] @ latents
        half = len(self.hkl)
        return self.mean + (change[:half] + 1j * change[half:]) / self.weight
