"""Band-limited resampling: other grids, other cells, the standard setting."""

from symfft.crystal.standard_setting import Standardization, standardization
from symfft.resampling.densities import NegativePart, StandardCell, negative_part, standard_cell
from symfft.resampling.interpolation import change_cell, lossless_shape, resample_grid

__all__ = [
    "NegativePart",
    "StandardCell",
    "Standardization",
    "change_cell",
    "lossless_shape",
    "negative_part",
    "resample_grid",
    "standard_cell",
    "standardization",
]
