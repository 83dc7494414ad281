"""The exact transform on tensors: what arrays give, gradients of first and second order, whatever computes it."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from symfft import (
    ShapeError,
    asymmetric_unit,
    au_dft,
    au_idft,
    au_real_dft,
    au_real_idft,
    next_compatible_shape,
    structure_factors,
)
from symfft.fourier.plan import FourierPlan
from symfft.transforms import tensors
from symfft.transforms.torch_engines.blocks import BlockTransform, find_frame
from symfft.transforms.torch_engines.columns import ColumnTransform, find_columns
from symfft.transforms.torch_engines.full import FullTransform
from symfft.transforms.torch_engines.matrix import MatrixTransform

GROUPS = [1, 2, 5, 14, 62, 148, 152, 166, 194, 198, 216, 225, 227, 230, "R 3 2:R"]
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
ENGINES = {
    "matrix": MatrixTransform,
    "blocks": lambda au, view: BlockTransform(au, view, find_frame(au.orbits)),
    "columns": lambda au, view: ColumnTransform(au, view, find_columns(au.orbits)),
    "full": FullTransform,
}


@pytest.fixture(params=GROUPS, ids=str)
def au(request):
    return asymmetric_unit(request.param, next_compatible_shape(request.param, (6, 7, 8)))


@pytest.fixture
def small(request):
    return asymmetric_unit(request.param, next_compatible_shape(request.param, (4, 4, 4)))


#: Gradients are made of forward and inverse, whatever computes these.
SOME = ["compiled", "blocks", "columns"]
TWO = ["compiled", "columns"]


@pytest.fixture(params=["compiled", *ENGINES])
def computed_by(request, monkeypatch):
    """What computes the transforms of a test on the CPU: the plan, or an engine of other devices."""
    made = {}

    def engine(au, kind):
        if (id(au), kind) not in made:
            name = request.param if request.param != "columns" or find_columns(au.orbits) else "blocks"
            made[id(au), kind] = au, ENGINES[name](au, tensors.view_of(au, kind))
        return made[id(au), kind][1]

    if request.param != "compiled":
        monkeypatch.setattr(tensors, "has_kernels", lambda device: False)
        monkeypatch.setattr(tensors, "torch_engine", engine)


def random_values(au, batch=(2, 3), dtype=torch.float64, **options):
    return torch.randn(*batch, au.size, dtype=dtype, generator=torch.Generator().manual_seed(0)).to(**options)


def random_coefficients(au, batch=(2, 3), dtype=torch.complex128):
    return torch.randn(*batch, len(au.hkl), dtype=dtype, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_give_what_arrays_give(au, device, dtype, computed_by):
    values = random_values(au, dtype=dtype)
    f = au_dft(values.numpy(), au, norm="ortho")
    c = au_real_dft(values.numpy(), au)
    tolerance = {torch.float32: 1e-5, torch.float64: 1e-13}[dtype]
    some = au.hkl[:5] + np.array(au.shape)
    for result, expected in (
        (au_dft(values.to(device), au, norm="ortho"), f),
        (au_idft(torch.tensor(f, device=device), au, norm="ortho"), values.numpy()),
        (au_real_dft(values.to(device), au), c),
        (au_real_idft(torch.tensor(c, device=device), au), values.numpy()),
        (structure_factors(torch.tensor(f, device=device), au, -some), structure_factors(f, au, -some)),
    ):
        assert isinstance(result, torch.Tensor)
        assert (result.device.type, not result.requires_grad) == (device, True)
        assert result.cpu().numpy().dtype == expected.dtype
        np.testing.assert_allclose(result.cpu().numpy(), expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("computed_by", SOME, indirect=True)
@pytest.mark.parametrize(
    ("small", "workers"),
    [(g, 2 if g in (2, 166) else None) for g in (1, 2, 14, 19, 166, 198, 216, 227)],
    indirect=["small"],
)
def test_gradients(small, workers, computed_by):
    values = random_values(small, (2,)).requires_grad_()
    coefficients = random_coefficients(small, (2,)).requires_grad_()
    for transform, x in (
        (lambda x: au_dft(x, small, norm="ortho", workers=workers), values),
        (lambda x: au_idft(x, small, norm="ortho", workers=workers), coefficients),
        (lambda x: au_real_dft(x, small, workers=workers), values),
        (lambda x: au_real_idft(x, small, workers=workers), values),
        (lambda x: structure_factors(x, small, small.hkl[::-1] * [1, -1, 1]), coefficients),
    ):
        assert gradcheck(transform, (x,), fast_mode=True)
        # a transform is linear: only a function of it has a second derivative
        assert gradgradcheck(
            lambda x, t=transform: (t(x).abs() ** 2).sum() + t(x).real.pow(3).sum(), (x,), fast_mode=True
        )


@pytest.mark.parametrize("computed_by", SOME, indirect=True)
def test_gradients_of_single_precision(au, computed_by):
    for make, transform in ((random_values, au_dft), (random_coefficients, au_idft)):
        x = make(au, (2,)).requires_grad_()
        single = x.detach().to(torch.float32 if x.is_floating_point() else torch.complex64).requires_grad_()
        for argument in (x, single):
            transform(argument, au, norm="ortho").abs().sum().backward()
        assert single.grad.dtype == single.dtype
        torch.testing.assert_close(single.grad.to(x.dtype), x.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("computed_by", SOME, indirect=True)
def test_the_real_view_keeps_lengths_of_gradients(au, computed_by):
    """An orthonormal change of basis: C M^½ is orthogonal, so that its transpose is its inverse."""
    x = random_values(au, (2,)).requires_grad_()
    y = random_values(au, (2,)) + 1
    root = torch.tensor(np.sqrt(au.multiplicity))
    (gradient,) = torch.autograd.grad((au_real_dft(x / root, au) * y).sum(), x)
    torch.testing.assert_close(gradient, au_real_idft(y, au) * root, rtol=0, atol=1e-12)


def test_odd_layouts_in_memory(computed_by):
    au = asymmetric_unit(62, (8, 6, 10))
    values = random_values(au, (4, 2))
    f = au_dft(values, au)
    strided = values.transpose(0, 1)[::1, ::2]
    torch.testing.assert_close(au_dft(strided, au), f.transpose(0, 1)[:, ::2])
    spread = torch.stack([values, values], -1).flatten(-2)[..., ::2]
    assert not spread.is_contiguous()
    torch.testing.assert_close(au_dft(spread, au), f)
    torch.testing.assert_close(au_idft(f.conj().conj(), au), values)
    torch.testing.assert_close(au_idft(f.conj(), au), au_idft(f.conj().resolve_conj(), au))
    negative = torch.complex(values, values).conj().imag
    assert negative.is_neg()
    torch.testing.assert_close(au_dft(negative, au), -f)
    assert au_dft(values[:0], au).shape == (0, 2, len(au.hkl))
    assert au_dft(values[0, 0], au).shape == (len(au.hkl),)
    one = values[:1, 0].expand(3, -1).clone().requires_grad_()
    au_dft(one.expand(2, 3, au.size), au).abs().sum().backward()
    assert one.grad.shape == one.shape


def test_other_numbers_become_real_or_complex():
    au = asymmetric_unit(225, (8, 8, 8))
    assert au_dft(torch.ones(au.size, dtype=torch.bfloat16), au).dtype == torch.complex128
    assert au_dft(torch.ones(au.size, dtype=torch.int32), au).dtype == torch.complex128
    assert au_idft(torch.ones(len(au.hkl)), au).dtype == torch.float32
    with pytest.raises(ShapeError, match="not real"):
        au_dft(torch.ones(au.size, dtype=torch.complex64), au)


def test_errors_are_the_same():
    au = asymmetric_unit(14, (4, 4, 4))
    with pytest.raises(ShapeError, match=r"au\.size"):
        au_dft(torch.rand(au.size + 1), au)
    with pytest.raises(ShapeError, match=r"one coefficient for each of au\.hkl"):
        au_idft(torch.rand(1, 1, 1), au)
    with pytest.raises(ShapeError, match="positive number of threads"):
        au_dft(torch.rand(au.size), au, workers=0)


def test_gradient_descent_finds_the_density():
    """The use of it all: fit a density to structure factors."""
    au = asymmetric_unit(227, (8, 8, 8))
    target = random_values(au, ())
    wanted = au_dft(target, au, norm="ortho")
    c = torch.zeros(au.size, dtype=torch.float64, requires_grad=True)
    weight = torch.tensor(au.hkl_multiplicity)
    optimizer = torch.optim.SGD([c], lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        (weight * (au_dft(au_real_idft(c, au), au, norm="ortho") - wanted).abs() ** 2).sum().backward()
        optimizer.step()
    torch.testing.assert_close(au_real_idft(c, au).detach(), target)


def test_arrays_do_not_load_torch_nor_tensors_its_compiler():
    code = """
import sys, numpy as np, symfft
au = symfft.asymmetric_unit(2, (4, 4, 4))
symfft.au_real_idft(symfft.au_real_dft(symfft.au_idft(symfft.au_dft(np.ones(au.size), au), au), au), au)
print("torch" in sys.modules)
import torch
symfft.au_idft(symfft.au_dft(torch.ones(au.size), au), au)
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\nFalse\n"


def test_constants_are_marked_as_torch_marks_them():
    marked = torch.compiler.assume_constant_result(lambda: 0)
    assert vars(tensors.number_of).items() >= vars(marked).items() != {}


def test_tensors_take_no_place_for_results():
    au = asymmetric_unit(225, (8, 8, 8))
    with pytest.raises(ShapeError, match="out is for NumPy arrays"):
        au_dft(torch.zeros(au.size), au, out=torch.zeros(len(au.hkl)))


@pytest.mark.parametrize("computed_by", TWO, indirect=True)
@pytest.mark.parametrize("number", [1, 14, 166, 225])
def test_functional_transforms(number, computed_by):
    """vmap, grad, jacobians and second derivatives of torch.func give what backward gives."""
    au = asymmetric_unit(number, next_compatible_shape(number, (4, 4, 4)))
    x = random_values(au, (3,))

    def power(values):
        return au_dft(values, au).abs().pow(4).sum()

    y = x.clone().requires_grad_()
    power(y).backward()
    torch.testing.assert_close(torch.func.vmap(lambda v: au_dft(v, au))(x), au_dft(x, au))
    torch.testing.assert_close(torch.func.grad(power)(x), y.grad)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(power))(x), y.grad)
    identity = torch.func.jacrev(lambda v: au_idft(au_dft(v, au), au))(x[0])
    torch.testing.assert_close(identity, torch.eye(au.size, dtype=x.dtype))
    hessian = torch.func.jacrev(torch.func.grad(power))(x[0])
    torch.testing.assert_close(hessian, torch.autograd.functional.hessian(power, x[0]))


@pytest.mark.parametrize("computed_by", TWO, indirect=True)
@pytest.mark.filterwarnings("ignore")  # of torch about itself, which its compiler takes for errors of ours
@pytest.mark.parametrize("first", [au_dft, au_idft, au_real_dft, au_real_idft])
def test_compiled_in_one_graph(first, computed_by):
    """Also where the plan is made while torch compiles."""
    symbols = {au_dft: "P 1 21/c 1", au_idft: "P 21 21 21", au_real_dft: "R -3 m", au_real_idft: "P m -3 m"}
    au = asymmetric_unit(symbols[first], (6, 6, 6))
    x = torch.randn(2, au.size, dtype=torch.float64)
    if first is au_idft:
        x = torch.randn(2, len(FourierPlan(au.orbits).hkl), dtype=torch.complex128)
    compiled = torch.compile(lambda values: first(values, au).abs().square().sum(), fullgraph=True, backend="aot_eager")
    y, z = x.clone().requires_grad_(), x.clone().requires_grad_()
    compiled(y).backward()
    first(z, au).abs().square().sum().backward()
    torch.testing.assert_close(y.grad, z.grad)


@pytest.mark.parametrize("computed_by", TWO, indirect=True)
def test_tables_of_inference_serve_gradients(computed_by):
    au = asymmetric_unit("P 4 b m", (6, 6, 6))
    x = random_values(au, (2,))
    with torch.inference_mode():
        au_real_idft(au_real_dft(x, au), au)
    y = x.clone().requires_grad_()
    au_real_dft(y, au).square().sum().backward()
    assert torch.isfinite(y.grad).all()
