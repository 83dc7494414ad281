"""The electrostatic potential of a charge density, on its asymmetric unit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._arrays import as_real, check_values
from symfft.analysis.frequencies import unique_frequencies
from symfft.au import AsymmetricUnit
from symfft.constants import COULOMB
from symfft.transforms.dft import au_dft, au_idft


def au_hartree_potential(values: ArrayLike, au: AsymmetricUnit, lattice: ArrayLike) -> NDArray[Any]:
    r"""Return the potential energy of an electron in the field of an electron density, on its asymmetric unit.

    .. math:: V(r) = \frac{e^2}{4\pi\varepsilon_0} \sum_{G \ne 0}
        \frac{4\pi}{(2\pi |G|)^2}\, c_G\, e^{2\pi i G \cdot r}

    in the sign of VASP's LOCPOT: positive where there are electrons. Its mean over the cell is zero, since the
    potential of a periodic crystal is defined up to a constant. Exact for the Fourier series of the density.

    Parameters
    ----------
    values : (..., n) array
        Electron density on the asymmetric unit, in e/Å³.
    au : AsymmetricUnit
        The plan.
    lattice : (3, 3) float
        Basis vectors as rows, in Å.

    Returns
    -------
    (..., n) float64
        In eV.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or the lattice does not fit the group.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit
    >>> from symfft.analysis import au_hartree_potential, au_laplacian
    >>> au = asymmetric_unit("P m -3 m", (8, 8, 8))
    >>> rho = np.cos(2 * np.pi * au.indices / 8).sum(axis=1)
    >>> potential = au_hartree_potential(rho, au, 4 * np.eye(3))
    >>> bool(np.allclose(au_laplacian(potential, au, 4 * np.eye(3)), -4 * np.pi * 14.39964548 * rho))
    True
    """
    check_values(values, au.size)
    rho = as_real(values).astype(np.float64, copy=False)
    squared = unique_frequencies(au, lattice).squared
    kernel = np.divide(COULOMB / math.pi, squared, out=np.zeros_like(squared), where=squared > 0)
    return np.asarray(au_idft(au_dft(rho, au) * kernel, au))
