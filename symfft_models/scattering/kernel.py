r"""How alike two pseudoatoms are expected to be, from their elements and their neighbours.

Every atom has neighbour densities :math:`A_{c,lm} = \sum_b \psi_c(Z_b, r_b) Y_{lm}(\hat r_b)`; projected on a term
of its site they are invariant, :math:`A_{ck}`. Two terms of one degree have the covariance

.. math:: k = k_E(Z, Z') \left[\alpha_l\, A_k \cdot A'_{k'} + \beta_l\, g(A_0, A'_0) \right] \quad (l = 0), \qquad
          k = k_E(Z, Z')\, A_k \cdot A'_{k'} \left[ \alpha_l + \beta_l\, g(A_0, A'_0) \right] \quad (l > 0)

with :math:`g` a Gaussian of the difference of the neighbour densities of degree 0: pairs, and more bodies. It is the
kernel of the λ-SOAP family (A. Grisafi et al., Phys. Rev. Lett. 120, 036002, 2018) for densities that keep their site's
symmetry.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Self

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from symfft_models._array_types import FloatArray, IntArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.elements import LAST, coordinates, covalent_radii
from symfft_models.scattering.geometry import Terms, shells, site_terms
from symfft_models.setting import ConfigError, check, setting


@dataclass(frozen=True)
class KernelSettings:
    """Ranges and weights of the kernel."""

    cutoff: float = setting(6.0, "Å; neighbours farther away do not count", above=0, most=20)
    element_range: float = setting(1.5, "distance in the space of elements over which atoms are alike", above=0)
    own_share: float = setting(0.04, "part of an element's variance that no other element shares", above=0, most=1)
    neighbour_range: float = setting(2.0, "the distance over which neighbours are alike", above=0)
    channels: int = setting(8, "chemical channels of the neighbour densities", least=1, most=LAST)
    knots: int = setting(6, "radial channels of the neighbour densities", least=2)
    pair: float = setting(1.0, "variance of the pair term", least=0)
    many: float = setting(0.5, "variance of the many-body term of degree 0", least=0)
    many_aspherical: float = setting(0.5, "variance of the many-body term of the other degrees", least=0)
    environment_range: float = setting(1.0, "range of the Gaussian g, in root mean squares of its argument", above=0)

    def __post_init__(self) -> None:
        check(self)
        if not (self.pair + self.many > 0 and self.pair + self.many_aspherical > 0):
            raise ConfigError("pair is 0, and many or many_aspherical too: a degree would have no variance")


def element_kernel(element_range: float, own_share: float) -> FloatArray:
    """Return the covariance (LAST, LAST) of the elements from hydrogen on; its diagonal is one."""
    points = coordinates()
    squared = ((points[:, None] - points) ** 2).sum(axis=-1)
    return (1 - own_share) * np.exp(-squared / (2 * element_range**2)) + own_share * np.eye(LAST)


@cache
def neighbour_channels(neighbour_range: float, channels: int) -> FloatArray:
    """Return vectors (LAST, channels) of the elements whose products are nearly their covariance."""
    size, vectors = np.linalg.eigh(element_kernel(neighbour_range, 0.3))
    largest = np.argsort(-size)[:channels]
    return vectors[:, largest] * np.sqrt(size[largest])


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Terms of one degree with what the kernel needs of each.

    Attributes
    ----------
    number : (k,) int64
        Atomic number.
    along : (k, c) float64
        Neighbour densities projected on the term.
    around : (k, c) float64
        Those of degree 0 of the same atom.
    """

    number: IntArray
    along: FloatArray
    around: FloatArray

    def take(self, rows: IntArray) -> Self:
        """Return some of the terms."""
        return type(self)(self.number[rows], self.along[rows], self.around[rows])

    def rounded(self) -> Self:
        """Return the terms with the nearest numbers of float16, as float64."""
        return type(self)(self.number, *(array.astype(np.float16).astype(float) for array in (self.along, self.around)))

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Return the terms of several crystals together."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("number", "along", "around")))


@dataclass(frozen=True, eq=False)
class Pseudoatoms:
    """What the model sees of a crystal: the terms of its sites, and what surrounds each of them."""

    crystal: Crystal
    terms: Terms
    around: Surroundings

    @staticmethod
    @lru_cache(maxsize=4)
    def of(crystal: Crystal, settings: KernelSettings) -> Pseudoatoms:
        """Describe a crystal; the last few are cached."""
        terms = site_terms(crystal)
        return Pseudoatoms(crystal, terms, surroundings(crystal, terms, settings))


def surroundings(crystal: Crystal, terms: Terms, settings: KernelSettings) -> Surroundings:
    """Return the terms of a crystal with their neighbour densities, in units that :class:`Kernel` scales."""
    near, radii = shells(crystal, settings.cutoff), covalent_radii()
    own, other = crystal.numbers[near.centre], crystal.numbers[near.neighbour]
    fade = 0.5 * (np.cos(np.pi * near.distance / settings.cutoff) + 1)
    scaled = near.distance / (radii[own - 1] + radii[other - 1])
    knots = np.linspace(0.8, 2.6, settings.knots)
    radial = np.exp(-(((scaled[:, None] - knots) / (knots[1] - knots[0])) ** 2)) * fade[:, None]
    chemical = neighbour_channels(settings.neighbour_range, settings.channels)[other - 1]
    channels = (chemical[:, :, None] * radial[:, None]).reshape(len(near.centre), settings.channels * settings.knots)
    densities = np.zeros((len(crystal.numbers), channels.shape[1], near.harmonics.shape[1]))
    np.add.at(densities, near.centre, channels[:, :, None] * near.harmonics[:, None])
    along = np.einsum("kci,ki->kc", densities[terms.orbit], terms.invariant, optimize=True)
    return Surroundings(crystal.numbers[terms.orbit], along, densities[terms.orbit, :, 0])


@dataclass(frozen=True, eq=False)
class Kernel:
    """The covariance of terms of one degree; `scale` and `centre`, `spread` come from the training set."""

    settings: KernelSettings
    degree: int
    scale: float
    centre: FloatArray
    spread: float

    @classmethod
    def of(cls, settings: KernelSettings, degree: int, terms: Surroundings) -> Self:
        """Scale the kernel so that its terms have neighbour densities of length one on average."""
        centre = terms.around.mean(axis=0)
        scale = float(np.sqrt((terms.along**2).sum(axis=1).mean()))
        spread = float(np.sqrt(((terms.around - centre) ** 2).sum(axis=1).mean()))
        return cls(settings, degree, max(scale, 1e-12), centre, max(spread, 1e-12))

    def __call__(self, left: Surroundings, right: Surroundings) -> FloatArray:
        """Return the covariances (k, k') of terms."""
        return self.of_scaled(self.scaled(left), self.scaled(right))

    def scaled(self, terms: Surroundings) -> Surroundings:
        """Return terms with their neighbour densities in the units of :meth:`of_scaled`."""
        return Surroundings(terms.number, terms.along / self.scale, (terms.around - self.centre) / self.spread)

    def of_scaled(self, left: Surroundings, right: Surroundings) -> FloatArray:
        """Return the covariances (k, k') of terms that :meth:`scaled` has returned."""
        s = self.settings
        alike = element_kernel_cached(s.element_range, s.own_share)[np.ix_(left.number - 1, right.number - 1)]
        pair = left.along @ right.along.T
        lengths = (np.einsum("kc,kc->k", terms.around, terms.around) for terms in (left, right))
        squared = np.maximum(np.add.outer(*lengths) - 2 * left.around @ right.around.T, 0)
        around = np.exp(-squared / (2 * s.environment_range**2))
        if self.degree == 0:
            return alike * (s.pair * pair + s.many * around)
        return alike * pair * (s.pair + s.many_aspherical * around)

    def diagonal(self, terms: Surroundings) -> FloatArray:
        """Return the variances (k,) of terms."""
        s = self.settings
        pair = ((terms.along / self.scale) ** 2).sum(axis=1)
        return s.pair * pair + s.many if self.degree == 0 else pair * (s.pair + s.many_aspherical)


element_kernel_cached = cache(element_kernel)


@dataclass(frozen=True, eq=False)
class Features:
    """Vectors of terms whose products are their covariances: a partial Cholesky factor through some landmarks."""

    kernel: Kernel
    landmarks: Surroundings

    def __len__(self) -> int:
        return len(self.landmarks.number)

    def __call__(self, terms: Surroundings) -> FloatArray:
        """Return the vectors (k, q)."""
        return solve_triangular(self._factor, self.covariances(terms).T, lower=True).T

    def covariances(self, terms: Surroundings) -> FloatArray:
        """Return the covariances (k, q) of terms and landmarks."""
        return self.kernel.of_scaled(self.kernel.scaled(terms), self._scaled)

    def along_landmarks(self, weights: FloatArray) -> FloatArray:
        """Return numbers (q, m) whose products with covariances are those of the vectors with weights (q, m)."""
        return np.asarray(solve_triangular(self._factor, weights, trans="T", lower=True))

    @cached_property
    def _scaled(self) -> Surroundings:
        return self.kernel.scaled(self.landmarks)

    @cached_property
    def _factor(self) -> FloatArray:
        """Cholesky factor of the landmarks' covariances."""
        own = self.covariances(self.landmarks)
        own[np.diag_indices_from(own)] += 1e-9 * own.diagonal().max()
        return np.asarray(cholesky(own, lower=True))
