"""The way through a subgroup gives what the group's own transform gives."""

import numpy as np
import pytest

from symfft import asymmetric_unit, expand_from_au
from symfft.fourier.engines.full import FullTransform
from symfft.fourier.engines.subgroup import SubgroupTransform, axis_subgroups


@pytest.mark.parametrize("number", [195, 198, 205, 212, 213, 214, 216, 219, 220, 221, 225, 227, 228, 230])
def test_through_an_axis_subgroup(number):
    au = asymmetric_unit(number, (8, 8, 8))
    subgroups = axis_subgroups(au.space_group)
    assert [3 * s.order for s in subgroups] == [au.space_group.order] * 3
    smaller = au.orbits.under(subgroups[2])
    transform = SubgroupTransform(au, smaller, FullTransform(smaller))
    values = np.random.default_rng(number).standard_normal((2, au.size))
    full = np.fft.fftn(expand_from_au(values, au), axes=(1, 2, 3))
    f = transform.forward(values)
    assert np.abs(f - full[(slice(None), *transform.hkl.T)]).max() < 1e-13 * np.abs(full).max()
    assert np.abs(transform.inverse(f) - values).max() < 1e-13 * np.abs(values).max()
    plain = FullTransform(au)
    assert len(plain.hkl) == len(transform.hkl)


def test_a_group_with_one_axis_has_no_smaller_subgroup_along_it():
    assert len(axis_subgroups(asymmetric_unit(123, (4, 4, 4)).space_group)) == 2
    assert axis_subgroups(asymmetric_unit(47, (4, 4, 4)).space_group) == []
