"""Torch tensors: the same results as NumPy's, with gradients, on whatever device is there."""

import numpy as np
import pytest
import torch

from symfft import (
    NotSymmetricError,
    ShapeError,
    asymmetric_unit,
    au_dct,
    au_idct,
    check_symmetry,
    expand_from_au,
    next_compatible_shape,
    reduce_to_au,
    symmetrize,
)

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
GROUPS = [1, 14, 62, 148, 166, 194, 221, 225, 227]


@pytest.fixture(params=GROUPS)
def au(request):
    return asymmetric_unit(request.param, next_compatible_shape(request.param, (6, 7, 8)))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_give_what_arrays_give(au, device, dtype):
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    rho = symmetrize(np.random.default_rng(0).random((2, 3, *au.shape)), au.space_group).astype(dtype)
    tensor = torch.tensor(rho, device=device)
    values = reduce_to_au(rho, au)
    envelope = tuple(b + 2 for b in au.brick_shape)
    coefficients = au_dct(values, au, shape=envelope)
    for result, expected in (
        (reduce_to_au(tensor, au), values),
        (expand_from_au(torch.tensor(values, device=device), au), expand_from_au(values, au)),
        (au_dct(torch.tensor(values, device=device), au, shape=envelope), coefficients),
        (au_idct(torch.tensor(coefficients, device=device), au), values),
        (symmetrize(tensor, au.space_group), rho),
    ):
        assert isinstance(result, torch.Tensor)
        assert result.device.type == device
        assert result.dtype == tensor.dtype
        np.testing.assert_allclose(result.cpu().numpy(), expected, rtol=0, atol=tolerance)


def test_reduction_undoes_expansion_exactly(au):
    values = torch.rand(au.size, dtype=torch.float32)
    assert torch.equal(reduce_to_au(expand_from_au(values, au), au, tolerance=0.0), values)


def test_gradients(au):
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(2, au.size, dtype=torch.float64, generator=generator, requires_grad=True)
    rho = torch.rand(1, *au.shape, dtype=torch.float64, generator=generator, requires_grad=True)
    coefficients = torch.rand(1, *au.brick_shape, dtype=torch.float64, generator=generator, requires_grad=True)
    check = lambda f, x: torch.autograd.gradcheck(f, (x,), fast_mode=True)  # noqa: E731
    assert check(lambda x: reduce_to_au(x, au, tolerance=float("inf")), rho)
    assert check(lambda x: expand_from_au(x, au), values)
    assert check(lambda x: au_dct(x, au), values)
    assert check(lambda x: au_idct(x, au), coefficients)


def test_adjoints(au):
    """The gradient of <y, A x> is Aᵀ y: expansion and weighted reduction are each other's adjoints."""
    x = torch.rand(au.size, dtype=torch.float64, requires_grad=True)
    y = torch.rand(au.shape, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((expand_from_au(x, au) * y).sum(), x)
    expected = np.bincount(au.labels.reshape(-1), weights=y.numpy().reshape(-1))
    np.testing.assert_allclose(gradient.numpy(), expected, rtol=0, atol=1e-13)


def test_errors_are_the_same():
    au = asymmetric_unit(14, (4, 4, 4))
    with pytest.raises(NotSymmetricError, match="broken most"):
        reduce_to_au(torch.rand(4, 4, 4), au)
    with pytest.raises(ShapeError, match="NaN or infinite"):
        reduce_to_au(torch.full((4, 4, 4), torch.nan), au, tolerance=float("inf"))
    with pytest.raises(ShapeError):
        expand_from_au(torch.rand(au.size + 1), au)
    with pytest.raises(ShapeError):
        au_idct(torch.rand(1, 1, 1), au)


def test_reports_take_tensors():
    rho = torch.tensor(symmetrize(np.random.default_rng(0).random((8, 8, 8)), 225), requires_grad=True)
    assert check_symmetry(rho, 225).is_symmetric(1e-12)
