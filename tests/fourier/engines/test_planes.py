"""The engine of planes and lines against numpy's FFT of the full grid, and against the plain engine."""

import gemmi
import numpy as np
import pytest
from every import every
from hypothesis import given, settings
from hypothesis import strategies as st

from symfft import SpaceGroup, asymmetric_unit, expand_from_au, next_compatible_shape
from symfft.fourier.engines.full import FullTransform
from symfft.fourier.engines.planes import plan_planes
from symfft.fourier.engines.planes._fft import fft, fft_tables
from symfft.fourier.engines.planes._radices import ROW
from symfft.fourier.engines.planes.frame import frames
from symfft.fourier.engines.planes.layers import kinds_of_planes
from symfft.fourier.engines.planes.plane import plan_plane

LIMIT = {np.float64: 1e-13, np.float32: 2e-6}


def errors(group, shape, dtype=np.float64, batch=1):
    """Errors of forward and inverse, relative to the largest; the list of reflections is checked to be complete."""
    au = asymmetric_unit(group, shape)
    plan = plan_planes(au)
    values = np.random.default_rng(0).standard_normal((batch, au.size)).astype(dtype)
    full = np.fft.fftn(expand_from_au(values.astype(np.float64), au), axes=(1, 2, 3))
    f = plan.forward(values)
    assert f.dtype == np.result_type(dtype, np.complex64)
    reflections = FullTransform(au).reflections
    label = reflections.relation(plan.hkl)[0]
    assert sorted(label.tolist()) == list(range(len(reflections.hkl)))
    h = np.array(shape)
    assert (2 * plan.hkl <= h).all()
    assert (2 * plan.hkl > -h).all()
    back = plan.inverse(f)
    assert back.dtype == dtype
    forward = abs(f - full[:, *plan.hkl.T]).max() / abs(full).max()
    return max(forward, abs(back - values).max() / abs(values).max())


@every("number", range(1, 195))
def test_every_group_with_a_unique_axis(number):
    shape = next_compatible_shape(number, (6, 7, 9) if number % 2 else (12, 12, 8))
    assert errors(number, shape) < LIMIT[np.float64]


def test_every_setting():
    worst = 0.0
    for i, entry in enumerate(gemmi.spacegroup_table()):
        group = SpaceGroup.from_hall(entry.hall)
        if entry.number < 195:
            shape = next_compatible_shape(group, ((4, 6, 5), (5, 3, 7))[i % 2])
            worst = max(worst, errors(group, shape))
    assert worst < LIMIT[np.float64]


@pytest.mark.parametrize("number", [195, 221, 225, 230])
def test_cubic_groups_have_none(number):
    assert plan_planes(asymmetric_unit(number, (8, 8, 8))) is None


@pytest.mark.parametrize(
    "symbol", ["P -1", "C 1 2/c 1", "P 4/m", "P 31 2 1", "R -3 m", "R -3 m:R", "P 63/m m c", "P 6/m"]
)
def test_larger_grids_in_both_precisions_and_batches(symbol):
    shape = next_compatible_shape(symbol, (36, 36, 36))
    for dtype, batch in ((np.float64, 1), (np.float32, 3)):
        assert errors(symbol, shape, dtype, batch) < LIMIT[dtype]


@pytest.mark.parametrize("n", [7, 11, 13, 14, 15, 22, 25, 35, 49])
def test_lengths_with_large_primes(n):
    for group in (2, 147, 164, 83, 99, 191):
        assert errors(group, (n, n, n)) < LIMIT[np.float64]


@settings(max_examples=25, deadline=None)
@given(number=st.integers(1, 15), shape=st.tuples(*[st.integers(1, 20)] * 3))
def test_unequal_axes(number, shape):
    assert errors(number, next_compatible_shape(number, shape)) < LIMIT[np.float64]


@pytest.mark.parametrize("number", [1, 2, 4, 5, 14, 15, 75, 82, 144, 146, 148, 155, 160, 166, 173, 176, 187, 194])
def test_inverse_is_the_orthogonal_projection(number):
    """On coefficients that no symmetric density has, only the component along the allowed phases counts."""
    shape = next_compatible_shape(number, (6, 6, 6))
    au = asymmetric_unit(number, shape)
    plan, plain = plan_planes(au), FullTransform(au)
    rng = np.random.default_rng(number)
    f = rng.standard_normal((2, len(plan.hkl))) + 1j * rng.standard_normal((2, len(plan.hkl)))
    # F(h) of the plan = factor · F(first) or its conjugate, of the plain engine
    label, factor, conjugate = plain.reflections.relation(plan.hkl)
    same = np.empty_like(f)
    same[:, label] = np.where(conjugate, np.conj(f / factor), f / factor)
    expected = plain.inverse(same)
    assert abs(plan.inverse(f) - expected).max() < 1e-13 * abs(expected).max()


@pytest.mark.parametrize("number", [2, 15, 147, 166, 191])
def test_planned_trees_use_every_way(number):
    shape = next_compatible_shape(number, (48, 48, 48))
    kinds = set()

    def visit(node):
        kinds.add(node.kind)
        for child in node.children:
            visit(child)

    for frame in frames(asymmetric_unit(number, shape)):
        for kind in kinds_of_planes(frame):
            visit(plan_plane(frame.shape[:2], kind.operators))
    assert kinds == ({"transform"} if number < 16 else {"transform", "matrix", "decimation"})


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 8, 12, 30, 49, 55, 96])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_transform_of_rows_and_its_adjoint(n, dtype):
    ints, reals = [], []
    plan = fft_tables(n, ints, reals)
    memory = np.zeros(4 * n * ROW, dtype=dtype)
    x = np.random.default_rng(n).standard_normal((n, 2, ROW // 2))
    memory[: n * ROW] = x.reshape(-1)
    for re, numpys in ((0, np.fft.fft), (ROW // 2, lambda a, axis: n * np.fft.ifft(a, axis=axis))):
        fft(memory, 0, ROW, n * ROW, ROW, 2 * n * ROW, plan, np.array(ints), np.array(reals, dtype=dtype), re)
        y = memory[n * ROW : 2 * n * ROW].reshape(n, 2, ROW // 2)
        expected = numpys(x[:, 0] + 1j * x[:, 1], axis=0)
        assert abs(y[:, 0] + 1j * y[:, 1] - expected).max() < LIMIT[dtype] * abs(expected).max()
