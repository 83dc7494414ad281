r"""The valence density that VASP writes to a CHGCAR, from the parts of a PAW calculation.

.. math:: \rho(r) = \tilde n(r) + \sum_a Q_a\, g(|r - R_a|; r_a), \qquad
          g(r; r_c) = \frac{\pi}{3 r_c^3} \left[ j_0(\pi r / r_c) + j_0(2 \pi r / r_c) \right] \text{ inside } r_c

:math:`\tilde n` is the soft valence density, without the smooth core. :math:`Q_a` is the valence charge that it lacks
inside atom a; the shape function g holds one electron, and has no value, slope and curvature at its radius (two
spherical Bessel functions: G. Kresse and D. Joubert, Phys. Rev. B 59, 1758 (1999)). Its Fourier transform is

.. math:: \hat g(G) = \frac{4 \pi^4 \sin b}{b\, (\pi^2 - b^2)(4 \pi^2 - b^2)}, \quad b = G r_c

The sum runs over reflections up to twice the largest plane wave of the calculation, which is all that the soft density
has. Higher multipoles than the charge make no difference to any CHGCAR compared so far, and are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from symfft.constants import BOHR
from symfft_models._array_types import ComplexArray, FloatArray
from symfft_models.datasets.paw.reflections import plane_waves

#: Radius r_c (bohr) of the shape function where it was fitted to a CHGCAR of VASP.
R_COMP = {"H": 1.0, "Li": 2.0, "C": 1.0, "O": 1.3, "Si": 1.75, "Cl": 1.65, "Fe": 1.87, "Ga": 2.2}
#: Elsewhere: this part of the largest cut-off radius of the setup.
R_COMP_SHARE = 0.85


def r_comp(symbol: str, cutoff_bohr: float) -> float:
    """Return the radius (bohr) of an element's shape function: fitted where it was, else 0.85 of its setup's cut-off.

    Examples
    --------
    >>> r_comp("O", 1.3), round(r_comp("Mg", 2.06), 3)
    (1.3, 1.751)
    """
    return R_COMP.get(symbol, R_COMP_SHARE * cutoff_bohr)


def shape_function(r: FloatArray, r_c: float) -> FloatArray:
    """Return g(r; r_c) in 1/bohr³ at radii r in bohr, of any shape."""
    x = np.asarray(r, dtype=np.float64) / r_c
    return np.where(x < 1, np.pi / (3 * r_c**3) * (np.sinc(x) + np.sinc(2 * x)), 0.0)


def shape_transform(b: FloatArray) -> FloatArray:
    """Return the Fourier transform of the shape function at b = |G| r_c, of any shape; 1 at b = 0.

    Examples
    --------
    >>> import numpy as np
    >>> shape_transform(np.array([0.0, np.pi, 2 * np.pi])).round(6).tolist()
    [1.0, 0.666667, 0.166667]
    """
    b = np.asarray(b, dtype=np.float64)
    # sin(b) = (-1)^n sin(b - n pi): the zero of the denominator that is nearest is divided into the sine that has it
    near = np.clip(np.rint(b / np.pi), 0, 2)
    others = (np.pi + b) * (2 * np.pi + b)
    for zero in range(3):
        others = others * np.where(near == zero, 1, zero * np.pi - b)
    return 4 * np.pi**4 * np.where(near == 1, -1, 1) * np.sinc(near - b / np.pi) / others


def compensation(
    hkl: NDArray[np.integer], lattice: FloatArray, positions: FloatArray, charges: FloatArray, radii: FloatArray
) -> ComplexArray:
    """Return the structure factors (e/Å³) of the shape functions of all atoms of a cell.

    Parameters
    ----------
    hkl : (n, 3) int
        Reflections.
    lattice : (3, 3) float
        Cell vectors as rows, Å.
    positions : (m, 3) float
        Fractional coordinates of the atoms.
    charges, radii : (m,) float
        Q (electrons) and r_c (bohr) of each atom.
    """
    lengths = np.linalg.norm(hkl @ (2 * np.pi * np.linalg.inv(lattice).T), axis=1) * BOHR
    atoms = list(zip(charges.tolist(), radii.tolist(), strict=True))
    kinds = sorted(set(atoms))
    charge, radius = np.array(kinds).reshape(-1, 2).T
    held = charge[:, None] * shape_transform(radius[:, None] * lengths)
    owner = [kinds.index(atom) for atom in atoms]
    return np.asarray((held[owner] * plane_waves(positions, hkl)).sum(axis=0) / abs(float(np.linalg.det(lattice))))
