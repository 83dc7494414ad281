r"""The linear path under the network: an optimal linear code for few densities.

PCA knows only the directions its training densities span, the lowest-\|G\| stars know nothing about crystals. Between
them lies a covariance shrunk towards what is known beforehand,

.. math:: C = (1 - \alpha)\, S + \alpha \big[ \beta A + (1 - \beta) P \big],

with S the sample covariance; A that of atoms: independent Gaussians of several widths on the Wyckoff positions that
the training structures occupy; P that of a stationary random field: symmetric plane-wave sums with the training
densities' power spectrum, which falls with \|G\|. All three have the trace of S. The code is made of the leading
eigenvectors of C, and cross-validation over compounds chooses :math:`\alpha` and :math:`\beta`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from symfft import AsymmetricUnit, SpaceGroup
from symfft_models.baselines import LinearCode, star_functions, weights

Array = NDArray[np.float64]

SHRINKAGES = (0.01, 0.1, 0.5)
ATOM_SHARES = (0.9, 0.99, 0.999)
# Standard deviations of the atoms' Gaussians in units of the cell edge: from a hard 2p shell in a large cell to a
# diffuse s shell in a small one.
WIDTHS = np.geomspace(0.02, 0.2, 10)


@dataclass(frozen=True)
class LinearFit:
    """A linear code, how it was chosen, and what it leaves over on densities it has not seen.

    `scale` (k,) is the standard deviation of each coefficient and `psnr` the cross-validated mean PSNR of each
    (shrinkage, share of atoms) tried. `fold` (m,) says which of the `held_out` codes was fitted without a training
    density; these codes are turned within their spans so that their coefficients mean what those of `code` do.
    `residual` (m, n) is the error that they make.
    """

    code: LinearCode
    scale: Array
    psnr: dict[tuple[float, float], float]
    fold: NDArray[np.int64]
    held_out: list[LinearCode]
    residual: Array

    @property
    def chosen(self) -> tuple[float, float]:
        """Shrinkage and share of atoms with the best cross-validated PSNR."""
        return max(self.psnr, key=lambda pair: self.psnr[pair])


def fit_linear(
    values: Array,
    unit: AsymmetricUnit,
    count: int,
    compound: NDArray[np.int64],
    positions: Iterable[ArrayLike],
    folds: int = 4,
) -> LinearFit:
    """Fit the linear code.

    Parameters
    ----------
    values
        (m, n) densities normalised to mean one.
    unit
        Their asymmetric unit, n points.
    count
        Floats of the code.
    compound
        (m,) number of the compound; one compound is never in two folds.
    positions
        Fractional coordinates of atoms, one of each orbit, of all training structures.
    folds
        Parts of the cross-validation.
    """
    weight = weights(unit)
    root = np.sqrt(weight)
    stars = star_functions(unit, 4 * count) * root
    atoms = atom_functions(unit, positions)
    atoms = (atoms - (atoms @ weight)[:, None]) * root
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    # Everything below happens in the span of stars, atoms and data, which is smaller than the asymmetric unit.
    frame = orthonormal_rows(np.concatenate([stars, atoms, (values - 1.0) * root]))
    data, stars, atoms = ((values - 1.0) * root) @ frame.T, stars @ frame.T, atoms @ frame.T
    peak = values.max(1)
    numbers = np.unique(compound, return_inverse=True)[1]
    folds = min(folds, int(numbers.max()) + 1)
    fold = numbers % folds

    def without(part: int, shrinkage: float, atom_share: float) -> tuple[Array, Array]:
        kept = fold != part if folds > 1 else fold == part
        return shrunk_components(data[kept], peak[kept], stars, atoms, count, shrinkage, atom_share)

    def held_out_error(codes: list[tuple[Array, Array]]) -> Array:
        error = np.empty_like(data)
        for part, (mean, basis) in enumerate(codes):
            deviation = data[fold == part] - mean
            error[fold == part] = deviation - deviation @ basis.T @ basis
        return error

    psnr = {}
    for pair in product(SHRINKAGES, ATOM_SHARES):
        mean_square = (held_out_error([without(part, *pair) for part in range(folds)]) ** 2).sum(1)
        psnr[pair] = float(np.mean(10 * np.log10(peak**2 / np.maximum(mean_square, 1e-300))))
    best = max(psnr, key=lambda pair: psnr[pair])
    mean, basis = shrunk_components(data, peak, stars, atoms, count, *best)
    scale = np.sqrt(np.mean(((data - mean) @ basis.T) ** 2, axis=0))
    parts = [(middle, turned_towards(rows, basis)) for middle, rows in (without(part, *best) for part in range(folds))]

    def code(mean: Array, basis: Array) -> LinearCode:
        return LinearCode(1.0 + mean @ frame / root, basis @ frame / root, weight)

    return LinearFit(
        code(mean, basis),
        np.maximum(scale, 1e-2 * scale.max()),
        psnr,
        fold,
        [code(*part) for part in parts],
        held_out_error(parts) @ frame / root,
    )


def turned_towards(basis: Array, target: Array) -> Array:
    """Rotate an orthonormal basis within its span to come closest to another (orthogonal Procrustes problem)."""
    left, _, right = np.linalg.svd(target @ basis.T)
    return np.asarray(left @ right @ basis)


def shrunk_components(
    data: Array, peak: Array, stars: Array, atoms: Array, count: int, shrinkage: float, atom_share: float
) -> tuple[Array, Array]:
    """Return the mean and the leading `count` eigenvectors of the shrunk covariance, in the frame of the data.

    Densities weigh 1 / max(rho)², so that the code minimises the mean of MSE / peak², the quantity behind PSNR.
    """
    share = peak**-2.0 / np.sum(peak**-2.0)
    mean = share @ data
    scaled = np.sqrt(share)[:, None] * (data - mean)
    trace = (scaled**2).sum()
    power = falling_spectrum(((scaled @ stars.T) ** 2).sum(0))
    field = np.sqrt(trace * power / power.sum())[:, None] * stars
    known = np.sqrt(trace / len(atoms)) * atoms
    covariance = (
        (1 - shrinkage) * scaled.T @ scaled
        + shrinkage * (1 - atom_share) * field.T @ field
        + shrinkage * atom_share * known.T @ known
    )
    size = len(covariance)
    _, vectors = scipy.linalg.eigh(covariance, subset_by_index=[max(size - count, 0), size - 1])
    return mean, vectors[:, ::-1].T


def atom_functions(unit: AsymmetricUnit, positions: Iterable[ArrayLike]) -> Array:
    """Return Gaussians of all `WIDTHS` on every distinct orbit of `positions`, on the AU, (k, n)."""
    points = unit.indices / np.array(unit.shape)
    functions = []
    for orbit in distinct_orbits(unit.space_group, positions):
        offset = points[:, None, :] - orbit
        distance = ((offset - np.round(offset)) ** 2).sum(-1)
        functions += [np.exp(-distance / (2 * width**2)).sum(1) for width in WIDTHS]
    return np.stack(functions)


def distinct_orbits(group: SpaceGroup, positions: Iterable[ArrayLike]) -> list[Array]:
    """Return the orbit, (multiplicity, 3), of each position; positions of one orbit to within 0.005 give one."""
    rotations, translations = np.asarray(group.rotations), np.asarray(group.translations).astype(np.float64)
    orbits: dict[tuple[int, ...], Array] = {}
    for position in positions:
        images = (rotations @ np.asarray(position, dtype=np.float64) + translations) % 1.0
        images = np.unique(np.round(images, 6) % 1.0, axis=0)
        cells = np.unique(np.round(images * 200).astype(np.int64) % 200, axis=0)
        orbits.setdefault((len(images), *cells[0]), images)
    return list(orbits.values())


def orthonormal_rows(rows: Array) -> Array:
    """Return an orthonormal basis of the span of some rows."""
    _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
    return directions[sizes > 1e-10 * sizes[0]]


def falling_spectrum(power: Array) -> Array:
    """Smooth a power spectrum, ordered by |G|, to the nearest one (in its logarithm) that never rises."""
    logarithm = isotonic_regression(np.log(power + 1e-14 * power.max()), increasing=False).x
    # Equal steps would leave the order of stars within them to rounding.
    return np.asarray(np.exp(logarithm - 1e-6 * np.arange(len(power))))
