"""Where to draw latents from: a Gaussian for each prototype, fitted to the training posteriors.

At the small KL weights that reconstruction needs, N(0, 1) is not where the crystals are. One point u is the posterior
mean z of a density together with ln(lattice constant) and ln(mean density), so that these are drawn jointly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from symfft import ShapeError
from symfft_models.table import DensityTable
from symfft_models.vae import DensityVAE

Array = NDArray[np.float64]

# A prototype with this many training densities trusts its own covariance and the group's pooled one equally.
POOLING = 5.0


@dataclass(frozen=True)
class Draw:
    """A drawn point, the prototype it was drawn from, and the nearest training density of that prototype (a row)."""

    point: Array
    prototype: str
    neighbour: int


@dataclass(frozen=True)
class LatentPrior:
    r"""Mixture over the prototypes of one space group.

    Component p has weight n_p / n, mean :math:`\bar u_p`, and covariance
    :math:`\frac{n_p S_p + \nu S}{n_p + \nu}`, where :math:`S_p` is the prototype's own sample covariance, S the pooled
    one within prototypes, and :math:`\nu` is `POOLING` (regularised discriminant analysis, Friedman 1989).

    Attributes
    ----------
    points
        (m, d) training points.
    rows
        (m,) their rows in the training table.
    prototypes
        Prototype of each.
    """

    points: Array
    rows: tuple[int, ...]
    prototypes: tuple[str, ...]

    def draw(self, rng: np.random.Generator, temperature: float = 1.0) -> Draw:
        """Draw one point; `temperature` multiplies the standard deviation."""
        names = np.array(self.prototypes)
        chosen = str(rng.choice(names))
        own = self.points[names == chosen]
        deviations = np.concatenate(
            [self.points[names == n] - self.points[names == n].mean(0) for n in np.unique(names)]
        )
        freedom = max(len(names) - len(np.unique(names)), 1)
        pooled = rng.standard_normal(len(deviations)) @ deviations / np.sqrt(freedom)
        private = rng.standard_normal(len(own)) @ (own - own.mean(0)) / np.sqrt(max(len(own) - 1, 1))
        trust = len(own) / (len(own) + POOLING)
        point = own.mean(0) + temperature * (np.sqrt(trust) * private + np.sqrt(1 - trust) * pooled)
        spread = np.sqrt((deviations**2).sum(0) / freedom) + 1e-6
        distance = (((own - point) / spread) ** 2).sum(1)
        neighbour = self.rows[int(np.flatnonzero(names == chosen)[np.argmin(distance)])]
        return Draw(point, chosen, neighbour)


@torch.no_grad()
def fit_prior(model: DensityVAE, train: DensityTable, index: int) -> LatentPrior:
    """Encode the training densities of one space group of the model."""
    rows = torch.nonzero(train.group_m == index)[:, 0]
    if not len(rows):
        raise ShapeError(f"space group {model.representation.groups[index]} has no training density to draw near to")
    condition = train.condition_mp[rows]
    z = model.encode(train.values_mn[rows], train.group_m[rows], condition).mean
    points = torch.cat([z, condition], dim=1).double().numpy()
    return LatentPrior(points, tuple(rows.tolist()), tuple(train.entries[row].prototype for row in rows.tolist()))


def active_floats(prior: LatentPrior, threshold: float = 0.01) -> int:
    """Count latent floats whose posterior mean has a variance above `threshold` over the training densities.

    The measure of active units of Burda, Grosse and Salakhutdinov 2016.
    """
    return int((prior.points[:, :-2].var(0) > threshold).sum())


def active_units(model: DensityVAE, train: DensityTable) -> dict[str, int]:
    """Count active latent floats for each space group."""
    groups = model.representation.groups
    return {str(number): active_floats(fit_prior(model, train, index)) for index, number in enumerate(groups)}
