"""Pictures of a density: lattice planes through atoms and bonds, and the asymmetric unit, true to scale."""

from symfft.plot.planes import plot_planes
from symfft.plot.slices import plot_slices

__all__ = ["plot_planes", "plot_slices"]
