"""Signs of magnetizations: those that a character of the group gives, noise, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from symfft import NotSymmetricError, SpaceGroup, symmetrize
from symfft.analysis.spins import is_character, is_negligible, trusted_signs

GROUP = SpaceGroup.from_number(47)
SHAPE = (6, 6, 6)


def average(values, signs):
    """Average over images with signs, one operator at a time; the group has no translations."""
    result = np.zeros_like(values)
    for w, sign in zip(GROUP.rotations, signs, strict=True):
        points = np.stack(np.indices(SHAPE).reshape(3, -1), axis=1) @ w.T % SHAPE
        result += sign * values[tuple(points.T)].reshape(SHAPE) / GROUP.order
    return result


CHARACTERS = [
    tuple(int(np.prod(w.diagonal()[list(axes)])) for w in GROUP.rotations)
    for axes in ((), (0,), (1,), (0, 1), (0, 2), (0, 1, 2))
]


@pytest.mark.parametrize("signs", CHARACTERS)
def test_a_character_comes_back_from_a_magnetization_of_it(signs):
    rng = np.random.default_rng(0)
    total = symmetrize(rng.random(SHAPE) + 1, GROUP)
    found, residual = trusted_signs(average(rng.standard_normal(SHAPE), signs), total, GROUP, 1e-9)
    assert found == signs
    assert residual < 1e-12
    assert is_character(GROUP, signs)


def test_signs_that_are_no_character():
    assert not is_character(GROUP, [1, -1, *[1] * 6])
    assert not is_character(GROUP, [-1] * 8)


def test_noise_has_the_symmetry_of_the_density():
    total = np.ones(SHAPE)
    noise = 1e-7 * np.random.default_rng(0).standard_normal(SHAPE)
    assert is_negligible(noise, total)
    assert not is_negligible(100 * noise, total)
    assert trusted_signs(noise, total, GROUP, 1e-3)[0] == (1,) * 8


def test_an_order_of_lower_symmetry_is_refused_with_the_operator():
    values = np.random.default_rng(0).standard_normal(SHAPE)
    with pytest.raises(NotSymmetricError, match="neither keeps nor reverses the magnetization"):
        trusted_signs(values, np.ones(SHAPE), GROUP, 1e-3)
    with pytest.raises(NotSymmetricError, match="non-collinear"):
        trusted_signs(np.stack([values] * 3), np.ones(SHAPE), GROUP, 1e-3)
