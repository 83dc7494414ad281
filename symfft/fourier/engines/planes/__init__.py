"""The exact transform by planes, then lines along the unique axis: groups that have one.

Triclinic, monoclinic, orthorhombic, tetragonal, trigonal and hexagonal groups map planes across an axis onto planes
across it (``frame``). One plane of each orbit (``layers``) is transformed with its plane group (``plane``,
``program``), then the unique lines along the axis (``lines``). Every stage T is a real linear map, and so is its
transpose; with m_x the multiplicities of the grid points and m_h those of the reflections

    Σ_h m_h |F(h)|² = N Σ_x m_x rho(x)²,    hence    T⁻¹ = (1/N) m_x⁻¹ Tᵀ m_h,

which on coefficients that no symmetric density has is the orthogonal projection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symfft.fourier.engines.planes.transform import PlanesTransform
    from symfft.grid.orbits import GridOrbits

__all__ = ["plan_planes"]


def plan_planes(au: GridOrbits) -> PlanesTransform | None:
    """Plan the transform of a group with a unique axis, along the axis that is cheapest.

    Parameters
    ----------
    au : GridOrbits
        The grid and its orbits.

    Returns
    -------
    PlanesTransform or None
        None where no axis is unique (cubic groups).

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit, expand_from_au
    >>> au = asymmetric_unit("R -3 m", (12, 12, 12))
    >>> plan = plan_planes(au)
    >>> values = np.random.default_rng(0).random((1, au.size))
    >>> full = np.fft.fftn(expand_from_au(values[0], au))
    >>> bool(np.allclose(plan.forward(values)[0], full[tuple(plan.hkl.T)], rtol=0, atol=1e-12 * full[0, 0, 0].real))
    True
    >>> bool(np.allclose(plan.inverse(plan.forward(values)), values, rtol=0, atol=1e-14))
    True
    """
    # numba's vector types are defined on import, which takes time
    from symfft.fourier.engines.planes.transform import along_cheapest_axis

    return along_cheapest_axis(au)
