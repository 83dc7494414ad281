"""The brick holds every orbit, and no smaller box of the grid does."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from symfft import SpaceGroup
from symfft.grid.brick import orbits_in_brick

GRIDS = {
    1: (3, 2, 4),
    2: (5, 4, 6),
    5: (4, 4, 4),
    19: (4, 4, 4),
    47: (4, 5, 6),
    75: (6, 6, 3),
    146: (6, 6, 6),
    195: (6, 6, 6),
}


def box_labels(labels, origin, size):
    return labels[np.ix_(*((np.arange(n) + o) % N for o, n, N in zip(origin, size, labels.shape, strict=True)))]


@pytest.mark.parametrize("number", [*range(1, 231, 23), 225, 227])
def test_every_orbit_has_a_member_in_the_brick_and_is_numbered_in_its_order(number):
    group = SpaceGroup.from_number(number)
    for shape in ((24, 24, 24), (48, 48, 48)):
        brick, orbits = orbits_in_brick(group, shape)
        inside = box_labels(orbits.labels, brick.origin, brick.shape).reshape(-1)
        found, first = np.unique(inside, return_index=True)
        np.testing.assert_array_equal(found, np.arange(orbits.size))
        assert (np.diff(first) > 0).all()
        assert math.prod(brick.shape) >= orbits.size


@pytest.mark.parametrize("number", GRIDS)
def test_no_smaller_box_holds_every_orbit(number):
    shape = GRIDS[number]
    brick, orbits = orbits_in_brick(SpaceGroup.from_number(number), shape)
    for size in itertools.product(*(range(1, n + 1) for n in shape)):
        if orbits.size <= math.prod(size) < math.prod(brick.shape):
            for origin in np.ndindex(shape):
                held = np.unique(box_labels(orbits.labels, origin, size))
                assert len(held) < orbits.size, (size, origin)
