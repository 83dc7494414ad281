"""The exact transform as an orthonormal change of basis: real vector in, real vector of the same length out."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._arrays import TensorT, as_real, check_values, is_tensor
from symfft.au import AsymmetricUnit
from symfft.errors import ShapeError
from symfft.transforms.arrays import real_dft, real_idft
from symfft.transforms.packing import RealBasis, Rows, layout_of


@overload
def au_real_dft(
    values: TensorT, au: AsymmetricUnit, *, lattice: ArrayLike | None = ..., workers: int | None = ...
) -> TensorT: ...
@overload
def au_real_dft(
    values: ArrayLike, au: AsymmetricUnit, *, lattice: ArrayLike | None = ..., workers: int | None = ...
) -> NDArray[np.floating]: ...
def au_real_dft(
    values: Any, au: AsymmetricUnit, *, lattice: ArrayLike | None = None, workers: int | None = None
) -> Any:
    r"""Transform a density on the asymmetric unit into an orthonormal real vector, ordered by \|h\|.

    .. math::
        c = \sqrt{\tfrac{m_h}{N}} \operatorname{Re} F(h), \quad
        \sqrt{\tfrac{m_h}{N}} \operatorname{Im} F(h), \quad \text{or} \quad
        \sqrt{\tfrac{m_h}{N}} \, e^{-i\varphi_h} F(h)

    for one reflection h of each star, m_h reflections in it; the last form where the star is centric and its phase
    is :math:`\varphi_h` or :math:`\varphi_h + \pi`. As many entries as values, none redundant, and
    :math:`\sum c^2 = \sum_m \text{multiplicity}_m \, \rho_m^2`, the norm over the full cell. The first k entries are a
    low-pass; the order depends on group, grid and lattice alone.

    Parameters
    ----------
    values : (..., n) array or tensor
        Density on the asymmetric unit; float32 or float64.
    au : AsymmetricUnit
        The plan.
    lattice : (3, 3) float, optional
        Basis vectors as rows, in Å, to order by the crystal's own \|G\|. Without it the steps of the grid count as
        equally long: the order is then the same for every crystal on this grid.
    workers : int, optional
        As in :func:`au_dft`.

    Returns
    -------
    (..., n) array or tensor
        Same kind, dtype and device as `values`; gradients pass through. :func:`real_basis` lists what the entries are.

    Raises
    ------
    ShapeError
        If `values` does not match `au.size`, or the lattice does not fit the group.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit, au_real_dft, expand_from_au
    >>> au = asymmetric_unit(198, (8, 8, 8))
    >>> values = np.random.default_rng(0).random(au.size)
    >>> c = au_real_dft(values, au)
    >>> c.shape == values.shape, np.allclose(np.linalg.norm(c), np.linalg.norm(expand_from_au(values, au)))
    (True, True)
    """
    check_values(values, au.size)
    rows = _rows(lattice)
    if is_tensor(values):
        from symfft.transforms import tensors

        return tensors.real_dft(values, au, rows, workers)
    values = as_real(values)
    return real_dft(values.reshape(-1, au.size), au, rows, workers).reshape(values.shape)


@overload
def au_real_idft(
    coefficients: TensorT, au: AsymmetricUnit, *, lattice: ArrayLike | None = ..., workers: int | None = ...
) -> TensorT: ...
@overload
def au_real_idft(
    coefficients: ArrayLike, au: AsymmetricUnit, *, lattice: ArrayLike | None = ..., workers: int | None = ...
) -> NDArray[np.floating]: ...
def au_real_idft(
    coefficients: Any, au: AsymmetricUnit, *, lattice: ArrayLike | None = None, workers: int | None = None
) -> Any:
    """Transform an orthonormal real vector into the density on the asymmetric unit; inverse of :func:`au_real_dft`.

    Parameters
    ----------
    coefficients : (..., n) array or tensor
        Entries in the order of :func:`au_real_dft` with the same `lattice`; zeros in the place of the last ones give
        the low-passed density.
    au, lattice, workers
        As in :func:`au_real_dft`.

    Returns
    -------
    (..., n) array or tensor
        Same kind, dtype and device as `coefficients`; gradients pass through.

    Raises
    ------
    ShapeError
        If `coefficients` does not match `au.size`, or the lattice does not fit the group.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit, au_real_dft, au_real_idft
    >>> au = asymmetric_unit("P 21/c", (6, 8, 10))
    >>> values = np.random.default_rng(0).random((3, au.size))
    >>> np.allclose(au_real_idft(au_real_dft(values, au), au), values)
    True
    """
    check_values(coefficients, au.size)
    rows = _rows(lattice)
    if is_tensor(coefficients):
        from symfft.transforms import tensors

        return tensors.real_idft(coefficients, au, rows, workers)
    coefficients = as_real(coefficients)
    return real_idft(coefficients.reshape(-1, au.size), au, rows, workers).reshape(coefficients.shape)


def real_basis(au: AsymmetricUnit, *, lattice: ArrayLike | None = None) -> RealBasis:
    """Return what the entries of :func:`au_real_dft` are: reflection, length, star, multiplicity, part.

    Parameters
    ----------
    au : AsymmetricUnit
        The plan.
    lattice : (3, 3) float, optional
        As in :func:`au_real_dft`.

    Returns
    -------
    RealBasis

    Raises
    ------
    ShapeError
        If the lattice does not fit the group.

    Examples
    --------
    >>> from symfft import asymmetric_unit, real_basis
    >>> basis = real_basis(asymmetric_unit(216, (8, 8, 8)))
    >>> basis.hkl[:5].tolist()
    [[0, 0, 0], [1, 1, 1], [1, 1, 1], [2, 0, 0], [2, 2, 0]]
    >>> basis.part[:5].tolist(), basis.multiplicity[:5].tolist()
    ([2, 0, 1, 2, 2], [1, 8, 8, 6, 12])
    >>> int((basis.length <= 0.25).sum())  # entries of a low-pass at half the grid's frequencies
    4
    """
    return layout_of(au, _rows(lattice)).basis


def _rows(lattice: ArrayLike | None) -> Rows | None:
    if lattice is None:
        return None
    try:
        rows = np.asarray(lattice, dtype=np.float64)
    except (TypeError, ValueError):
        rows = np.empty(0)
    if rows.shape != (3, 3):
        raise ShapeError(f"lattice={lattice!r} is not a lattice: give three basis vectors as rows, in Å")
    return tuple(map(tuple, rows.tolist()))
