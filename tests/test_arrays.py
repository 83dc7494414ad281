"""Which numbers every function on asymmetric units takes: the same for arrays and tensors."""

import numpy as np
import pytest
import torch

from symfft import (
    ShapeError,
    asymmetric_unit,
    au_dct,
    au_dft,
    au_idct,
    au_idft,
    au_real_dft,
    au_real_idft,
    check_symmetry,
    expand_from_au,
    reduce_to_au,
    structure_factors,
    symmetrize,
)
from symfft.au import _planned

AU = asymmetric_unit("P -1", (4, 4, 6))
GRID, VALUES, BRICK, HKL = AU.shape, (AU.size,), AU.brick_shape, (len(AU.hkl),)
REAL = {
    "reduce_to_au": (GRID, lambda x: reduce_to_au(x, AU, tolerance=np.inf)),
    "expand_from_au": (VALUES, lambda x: expand_from_au(x, AU)),
    "symmetrize": (GRID, lambda x: symmetrize(x, 2)),
    "symmetrize with signs": (GRID, lambda x: symmetrize(x, 2, signs=[1, -1])),
    "au_dct": (VALUES, lambda x: au_dct(x, AU)),
    "au_idct": (BRICK, lambda x: au_idct(x, AU)),
    "au_dft": (VALUES, lambda x: au_dft(x, AU)),
    "au_real_dft": (VALUES, lambda x: au_real_dft(x, AU)),
    "au_real_idft": (VALUES, lambda x: au_real_idft(x, AU)),
}
COMPLEX = {
    "au_idft": (HKL, lambda x: au_idft(x, AU)),
    "structure_factors": (HKL, lambda x: structure_factors(x, AU, AU.hkl)),
}
REALS = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


def numbers(shape, dtype, seed=0):
    return np.random.default_rng(seed).integers(0, 2, shape).astype(dtype)


def as_numpy(result):
    return result.numpy() if isinstance(result, torch.Tensor) else result


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("name", [*REAL, *COMPLEX])
def test_real_numbers_of_every_kind_count_as_what_they_are(name, dtype):
    shape, function = (REAL | COMPLEX)[name]
    single = dtype == "float32"
    array = numbers(shape, dtype)
    expected = function(array.astype(np.float64))
    for given in (array, torch.from_numpy(array)):
        result = function(given)
        assert type(result) is type(given)
        result = as_numpy(result)
        assert result.dtype.itemsize == expected.dtype.itemsize // (2 if single else 1)
        assert result.dtype.kind == expected.dtype.kind
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5 if single else 1e-13)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", REAL)
def test_complex_numbers_are_refused_where_real_ones_are_due(name, dtype):
    shape, function = REAL[name]
    array = numbers(shape, dtype) + 1j
    for given in (array, torch.from_numpy(array), array.real + 0j):
        with pytest.raises(ShapeError, match="not real"):
            function(given)


def test_bfloat16_becomes_double():
    assert reduce_to_au(torch.ones(GRID, dtype=torch.bfloat16), AU).dtype == torch.float64


@pytest.mark.parametrize("bad", [np.array(["a"] * AU.size), np.array([None] * AU.size), np.zeros(AU.size, "M8[s]")])
@pytest.mark.parametrize("name", ["expand_from_au", "au_dct", "au_dft", "au_real_dft", "au_real_idft"])
def test_what_is_no_number_is_refused(name, bad):
    with pytest.raises(ShapeError):
        REAL[name][1](bad)


def test_a_report_on_complex_numbers_is_refused():
    for given in (np.ones(GRID, complex), torch.ones(GRID, dtype=torch.complex64)):
        with pytest.raises(ShapeError, match="not real"):
            check_symmetry(given, 2)


@pytest.mark.parametrize("name", [*REAL, *COMPLEX])
def test_tables_made_under_inference_mode_do_not_break_gradients(name):
    shape, function = (REAL | COMPLEX)[name]
    _planned.cache_clear()
    dtype = torch.complex128 if name in COMPLEX else torch.float64
    with torch.inference_mode():
        function(torch.ones(shape, dtype=dtype))
    tensor = torch.ones(shape, dtype=dtype, requires_grad=True)
    function(tensor).abs().sum().backward()
    assert tensor.grad is not None


class ForeignArray:
    """An array of another library, as DLPack has it."""

    __module__ = "jaxlib.xla_extension"

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()

    def __array__(self, dtype=None, copy=None):
        return self._array


def test_arrays_of_other_libraries_are_refused_by_name():
    au = asymmetric_unit(14, (4, 4, 4))
    foreign = ForeignArray(np.ones(au.size))
    for transform in (au_dft, au_real_dft, expand_from_au):
        with pytest.raises(ShapeError, match=r"jaxlib\.ForeignArray.*from_dlpack"):
            transform(foreign, au)
    assert np.array_equal(au_dft(np.from_dlpack(foreign), au), au_dft(np.ones(au.size), au))


def test_masked_values_are_refused():
    """NumPy's functions would use what lies beneath the mask."""
    masked = np.ma.masked_less(np.arange(512.0).reshape(8, 8, 8), 100)
    with pytest.raises(ShapeError, match="100 values are masked"):
        reduce_to_au(masked, asymmetric_unit(1, (8, 8, 8)))
    whole = np.ma.masked_array(np.ones((8, 8, 8)))
    assert reduce_to_au(whole, asymmetric_unit(1, (8, 8, 8))).tolist() == [1.0] * 512
