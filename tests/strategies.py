"""Hypothesis strategies: a group in any setting of gemmi's table, a grid that fits it, a density with its symmetry."""

from __future__ import annotations

import gemmi
import numpy as np
from hypothesis import strategies as st

import naive
from symfft import SpaceGroup, next_compatible_shape

SETTINGS = [entry.xhm() for entry in gemmi.spacegroup_table()]


@st.composite
def groups(draw):
    return SpaceGroup.from_symbol(draw(st.sampled_from(SETTINGS)))


@st.composite
def grids(draw, largest=12):
    """A group and a compatible shape, the axes unequal where the group allows it."""
    group = draw(groups())
    wanted = tuple(draw(st.integers(1, largest)) for _ in range(3))
    return group, next_compatible_shape(group, wanted)


@st.composite
def densities(draw, largest=12):
    """A group and a density with its symmetry, values of either sign and any scale."""
    group, shape = draw(grids(largest))
    seed = draw(st.integers(0, 2**32 - 1))
    scale = 10.0 ** draw(st.integers(-6, 6))
    return group, scale * naive.symmetrized(np.random.default_rng(seed).standard_normal(shape), group)
