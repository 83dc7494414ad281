"""Blocks: products of matrices along the axes give what the plan gives."""

import numpy as np
import pytest
from engine_checks import agrees_with_the_plan
from every import every
from hypothesis import given

import strategies
from symfft import asymmetric_unit, next_compatible_shape
from symfft.transforms.torch_engines.blocks import BlockTransform, find_frame
from symfft.transforms.torch_engines.terms import structure_factors


def blocks(au, view):
    return BlockTransform(au, view, find_frame(au.orbits))


@every("number", range(1, 231))
def test_all_groups(number):
    wanted = (5, 6, 7) if number % 2 else (9, 4, 6)
    agrees_with_the_plan(asymmetric_unit(number, next_compatible_shape(number, wanted)), blocks)


@pytest.mark.parametrize("number", [43, 70, 88, 98, 122, 141, 142, 203, 210, 214, 220, 227, 228, 230])
def test_quarters(number):
    agrees_with_the_plan(asymmetric_unit(number, next_compatible_shape(number, (12, 12, 12))), blocks)


@given(strategies.grids(9))
def test_any_setting(grid):
    agrees_with_the_plan(asymmetric_unit(*grid), blocks)


@pytest.mark.parametrize(
    ("number", "reflecting", "blocks"), [(1, 1, 64), (2, 2, 32), (14, 4, 16), (62, 8, 8), (221, 8, 4), (225, 32, 2)]
)
def test_a_block_for_each_character_that_is_one_on_the_group(number, reflecting, blocks):
    """64 maps of an even grid, as many blocks as cosets; those that permuting operators tie together count once."""
    au = asymmetric_unit(number, (8, 8, 8))
    frame = find_frame(au.orbits)
    assert len(frame.diagonal) == reflecting
    assert len(BlockTransform(au, structure_factors(au.fourier.reflections), frame)._computed) == blocks


def test_counts_for_a_rock_salt_lattice():
    """Fm-3m, 96³: two blocks of 25³ values, three products with 25 x 25 matrices."""
    au = asymmetric_unit(225, (96, 96, 96))
    engine = BlockTransform(au, structure_factors(au.fourier.reflections), find_frame(au.orbits))
    assert engine.operations == 2 * 2 * 25**3 + 3 * 2 * 25**4
    assert engine.moved < 96**3 / 2
    assert engine.operations < 1.25 * 96**3 * np.log2(96**3) / 9
