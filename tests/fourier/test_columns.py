"""Planes by columns, along every axis that allows it: against numpy's FFT, in any memory."""

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symfft import SpaceGroup, asymmetric_unit, expand_from_au, next_compatible_shape
from symfft.fourier.full import FullTransform
from symfft.fourier.planes.column_transform import ColumnsTransform
from symfft.fourier.planes.columns import serves
from symfft.fourier.planes.frame import frames
from symfft.fourier.planes.layers import kinds_of_planes
from symfft.fourier.planes.plane import plan_plane, two_fold
from symfft.fourier.planes.transform import PlanesTransform

LIMIT = {np.float64: 1e-13, np.float32: 2e-6}


def transforms(au):
    """All transforms by columns that a group has, and those by planes beside them."""
    for frame in frames(au):
        kinds = kinds_of_planes(frame)
        yield PlanesTransform(au, frame, kinds, [plan_plane(frame.shape[:2], kind.operators) for kind in kinds])
        if serves(frame, kinds):
            yield ColumnsTransform(au, frame, kinds[0], two_fold(kinds[0].operators))


def poisoned(shape, dtype, offset):
    """An array of nan that begins `offset` numbers past a cache line."""
    size = int(np.prod(shape))
    room = np.full(size + 64, np.nan, dtype=dtype)
    start = -room.ctypes.data % 64 // room.itemsize + offset
    return room[start : start + size].reshape(shape)


def poison_work(plan, dtype):
    work = plan.work.of(np.dtype(dtype))
    memory = work.take()
    memory[:] = np.nan
    work.free.append(memory)


def check(group, shape, dtype=np.float64, batch=1, offset=0):
    au = asymmetric_unit(group, shape)
    values = np.random.default_rng(0).standard_normal((batch, au.size)).astype(dtype)
    full = np.fft.fftn(expand_from_au(values.astype(np.float64), au), axes=(1, 2, 3))
    reflections = FullTransform(au).reflections
    found = list(transforms(au))
    for plan in found:
        label = reflections.relation(plan.hkl)[0]
        assert sorted(label.tolist()) == list(range(len(reflections.hkl)))
        poison_work(plan, dtype)
        f = poisoned((batch, len(plan.hkl)), np.result_type(dtype, np.complex64), offset)
        back = poisoned(values.shape, dtype, offset)
        plan.forward(values, f)
        assert abs(f - full[:, *plan.hkl.T]).max() < LIMIT[dtype] * abs(full).max()
        poison_work(plan, dtype)
        plan.inverse(f, back)
        assert abs(back - values).max() < LIMIT[dtype] * abs(values).max()
    return found


@pytest.mark.parametrize("number", range(1, 16))
@pytest.mark.parametrize("wanted", [(16, 16, 16), (12, 16, 20), (7, 9, 10), (1, 5, 8)], ids=str)
def test_every_axis(number, wanted):
    found = check(number, next_compatible_shape(number, wanted))
    assert any(isinstance(plan, ColumnsTransform) for plan in found)


@pytest.mark.parametrize("number", range(1, 16))
@pytest.mark.parametrize("wanted", [(180, 6, 8), (6, 162, 8), (8, 6, 192)], ids=str)
def test_axes_that_are_transformed_in_parts(number, wanted):
    found = check(number, next_compatible_shape(number, wanted))
    assert any(isinstance(plan, ColumnsTransform) for plan in found)


@pytest.mark.parametrize("number", range(1, 16))
@pytest.mark.parametrize(("dtype", "offset"), [(np.float64, 1), (np.float32, 3)])
def test_rows_past_the_caches(number, dtype, offset, monkeypatch):
    """As results of millions of numbers have them: those stores fail where rows do not begin with a cache line."""
    monkeypatch.setattr("symfft.fourier.planes.column_transform.CACHE", -1)
    for wanted in ((16, 16, 16), (18, 7, 24), (34, 20, 12)):
        check(number, next_compatible_shape(number, wanted), dtype, batch=2, offset=offset)


def test_every_setting_past_the_caches(monkeypatch):
    monkeypatch.setattr("symfft.fourier.planes.column_transform.CACHE", -1)
    for entry in gemmi.spacegroup_table():
        if entry.number < 16:
            group = SpaceGroup.from_hall(entry.hall)
            check(group, next_compatible_shape(group, (12, 18, 16)), offset=2)


def test_every_setting():
    for i, entry in enumerate(gemmi.spacegroup_table()):
        if entry.number < 16:
            group = SpaceGroup.from_hall(entry.hall)
            check(group, next_compatible_shape(group, ((6, 8, 10), (18, 7, 4))[i % 2]))


@settings(max_examples=25, deadline=None)
@given(number=st.integers(1, 15), shape=st.tuples(*[st.integers(1, 24)] * 3), offset=st.integers(0, 3))
def test_any_grid_anywhere_in_memory(number, shape, offset):
    check(number, next_compatible_shape(number, shape), offset=offset)


@pytest.mark.parametrize("number", [1, 2, 3, 5, 7, 14, 15])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_batches_in_both_precisions(number, dtype):
    check(number, next_compatible_shape(number, (32, 32, 32)), dtype, batch=3, offset=1)


@pytest.mark.parametrize("number", [1, 2, 4, 6, 14])
def test_rows_are_kept_in_the_results(number):
    """The work space holds a plane or two, not the rows of all planes."""
    shape = (64, 64, 64)
    au = asymmetric_unit(number, shape)
    plan = au.fourier.engine
    assert isinstance(plan, ColumnsTransform)
    values = np.ones((1, au.size))
    plan.inverse(plan.forward(values))
    (memory,) = plan.work.of(values.dtype).free
    assert memory.size < 0.3 * au.labels.size


@pytest.mark.parametrize("number", range(1, 16))
def test_the_inverse_projects(number):
    """On coefficients that no symmetric density has, only the component along the allowed phases counts."""
    shape = next_compatible_shape(number, (6, 6, 6))
    au = asymmetric_unit(number, shape)
    plain = FullTransform(au)
    rng = np.random.default_rng(number)
    for plan in transforms(au):
        f = rng.standard_normal((2, len(plan.hkl))) + 1j * rng.standard_normal((2, len(plan.hkl)))
        # F(h) of the plan = factor · F(first) or its conjugate, of the plain engine
        label, factor, conjugate = plain.reflections.relation(plan.hkl)
        same = np.empty_like(f)
        same[:, label] = np.where(conjugate, np.conj(f / factor), f / factor)
        expected = plain.inverse(same)
        assert abs(plan.inverse(f) - expected).max() < 1e-13 * abs(expected).max()
