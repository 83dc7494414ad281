"""The choice of an engine by a rule, tiny grids, and plans that are copied, pickled and shared by processes."""

import copy
import itertools
import multiprocessing
import pickle

import naive_fourier
import numpy as np
import pytest
from every import every

from symfft import SpaceGroup, asymmetric_unit, au_dft, au_idft, expand_from_au, next_compatible_shape
from symfft.fourier.engines.blocks import BlockTransform
from symfft.fourier.engines.full import FullTransform
from symfft.fourier.engines.planes.transform import PlanesTransform
from symfft.fourier.engines.subgroup import SubgroupTransform
from symfft.fourier.plan import choose_engine


def engine(group, wanted):
    au = asymmetric_unit(group, next_compatible_shape(group, wanted))
    return choose_engine(au.orbits)


@every("number", range(1, 231))
def test_every_group(number):
    """Low, trigonal and hexagonal groups go by planes, cubic and centrosymmetric ones with mmm by blocks."""
    kind = type(engine(SpaceGroup.from_number(number), (16, 16, 16)))
    if number >= 195 or 47 <= number <= 74 or 123 <= number <= 142:
        assert kind is BlockTransform
    elif number < 16 or 143 <= number <= 194:
        assert kind is PlanesTransform
    else:
        assert kind in (BlockTransform, PlanesTransform)


@pytest.mark.parametrize("number", [99, 111, 123, 141])
def test_few_changes_of_sign_on_large_grids_go_by_planes(number):
    assert type(engine(number, (100, 100, 100))) is PlanesTransform


@pytest.mark.parametrize("n", [16, 48, 96])
@pytest.mark.parametrize("number", [16, 18, 20, 23, 27, 33])
def test_orthorhombic_groups_that_save_little_go_by_planes(number, n):
    assert type(engine(number, (n, n, n))) is PlanesTransform


@pytest.mark.parametrize("number", [22, 25, 32, 36, 42, 44, 47, 62, 139, 225])
def test_centred_and_centrosymmetric_groups_go_by_blocks(number):
    assert type(engine(number, (48, 48, 48))) is BlockTransform


@pytest.mark.parametrize("n", [60, 100])
def test_a_cubic_group_whose_origin_is_off_the_grid(n):
    assert type(engine(227, (n, n, n))) is SubgroupTransform


@pytest.mark.parametrize(
    ("number", "n", "kind"), [(1, 41, FullTransform), (1, 39, PlanesTransform), (2, 41, PlanesTransform)]
)
def test_large_prime_factors_go_by_the_plain_fft(number, n, kind):
    assert type(engine(number, (n, n, n))) is kind


@pytest.mark.parametrize("number", [20, 22, 23, 42, 44, 63, 65, 69, 70, 71, 97, 98, 119, 139, 141])
def test_primitive_cells(number):
    _, group = naive_fourier.primitive_cell(SpaceGroup.from_number(number))
    assert type(engine(group, (16, 16, 16))) in (BlockTransform, PlanesTransform)


@every("number", range(1, 231))
def test_tiny_grids(number):
    """All grids of 1 to 4 points along each axis that fit the group."""
    group = SpaceGroup.from_number(number)
    for wanted in itertools.product(range(1, 5), repeat=3):
        if next_compatible_shape(group, wanted) != wanted:
            continue
        au = asymmetric_unit(group, wanted)
        values = np.random.default_rng(number).standard_normal((2, au.size))
        full = np.fft.fftn(expand_from_au(values, au), axes=(1, 2, 3))
        f = au_dft(values, au)
        assert np.allclose(f, full[:, *au.hkl.T], rtol=0, atol=1e-12), wanted
        assert np.allclose(au_idft(f, au), values, rtol=0, atol=1e-12), wanted


@pytest.mark.parametrize("number", [1, 14, 62, 166, 225])
def test_a_plan_is_copied_and_pickled(number):
    au = asymmetric_unit(number, next_compatible_shape(number, (12, 12, 12)))
    values = np.random.default_rng(0).random((2, au.size))
    f = au_dft(values, au)
    for other in (copy.copy(au), copy.deepcopy(au), pickle.loads(pickle.dumps(au))):
        assert np.array_equal(au_dft(values, other), f)
    for plan in (copy.deepcopy(au.fourier), pickle.loads(pickle.dumps(au.fourier))):
        assert np.array_equal(plan.forward(values), f)


def transformed(au, values):
    return au_dft(values, au, workers=2)


@pytest.mark.parametrize("number", [14, 62])
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_plans_in_other_processes(method, number):
    """Also by fork, from a process whose threads have run: a child has none of them."""
    au = asymmetric_unit(number, (12, 12, 12))
    values = np.random.default_rng(0).random((4, au.size))
    f = transformed(au, values)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert np.array_equal(pool.apply_async(transformed, (au, values)).get(timeout=120), f)
