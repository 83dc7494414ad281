"""Scheme A: sign changes and half translations split the transform into blocks, permutations of the axes thin them out.

:mod:`codes` finds the blocks, :mod:`separable` transforms one, :mod:`transform` puts them together, and
:mod:`program` runs what they plan.
"""

from symfft.fourier.engines.blocks.cell import find_cell
from symfft.fourier.engines.blocks.transform import BlockTransform, plan_blocks

__all__ = ["BlockTransform", "find_cell", "plan_blocks"]
