"""Whatever takes a grid accepts three positive integers, in any sequence, and says of all else what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from crystals import crystal

from symfft import ShapeError, SpaceGroup, asymmetric_unit, next_compatible_shape, resample
from symfft._shape import as_shape

#: Functions of a grid.
TAKING = {
    "as_shape": as_shape,
    "asymmetric_unit": lambda shape: asymmetric_unit(1, shape),
    "next_compatible_shape": lambda shape: next_compatible_shape(SpaceGroup.from_number(1), shape),
    "resample": lambda shape: resample(crystal(225), shape),
    "from_structure": lambda shape: SpaceGroup.from_structure(4 * np.eye(3), [[0, 0, 0]], [84], shape=shape),
}
UNUSABLE = [
    56, 56.0, "abc", "8", b"888", object(), np.array(8), np.eye(3), {8, 9, 10}, {8: 1, 9: 2, 10: 3},
    (n for n in (8, 8, 8)),
    (), (8,), (8, 8), (8, 8, 8, 8), (8, 8, 8.0), (8.5, 8, 8), (0, 8, 8), (-8, 8, 8), ("8", 8, 8), (True, 8, 8),
    (None, 8, 8), (np.nan, 8, 8), (np.float64(8), 8, 8), (np.bool_(1), 8, 8), (8, 8, 10**30), (2048, 2048, 1024),
]  # fmt: skip


@pytest.mark.parametrize("name", TAKING)
def test_what_is_no_shape_is_refused_with_what_it_is_and_the_rule(name):
    for shape in UNUSABLE:
        with pytest.raises(ShapeError, match=r"three positive integers|2\^31") as caught:
            TAKING[name](shape)
        assert repr(shape) in str(caught.value)


@pytest.mark.parametrize("shape", [(8, 8, 8), [8, 8, 8], np.array([8, 8, 8]), np.full(3, 8, np.uint8), range(8, 11)])
def test_any_sequence_of_integers_will_do(shape):
    accepted = as_shape(shape)
    assert accepted == tuple(shape)
    assert all(type(n) is int for n in accepted)
    assert asymmetric_unit(1, shape).shape == accepted
