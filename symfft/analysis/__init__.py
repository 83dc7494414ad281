"""Operations on densities as arrays: derivatives, electrostatics, Patterson functions, averages, integrals, surfaces.

Those on the asymmetric unit take and give values on it, with work that shrinks with the order of the group. The methods
of :class:`symfft.Density` call them.
"""

from symfft.analysis.derivatives import au_gradient, au_gradient_norm, au_laplacian, au_reduced_gradient
from symfft.analysis.electrostatics import au_hartree_potential
from symfft.analysis.patterson import PattersonMap, au_patterson, patterson_group
from symfft.analysis.planes import macroscopic_average, planar_average
from symfft.analysis.series import FourierSeries
from symfft.analysis.surfaces import Mesh, isosurface

__all__ = [
    "FourierSeries",
    "Mesh",
    "PattersonMap",
    "au_gradient",
    "au_gradient_norm",
    "au_hartree_potential",
    "au_laplacian",
    "au_patterson",
    "au_reduced_gradient",
    "isosurface",
    "macroscopic_average",
    "patterson_group",
    "planar_average",
]
