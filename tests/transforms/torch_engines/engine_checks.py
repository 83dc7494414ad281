"""What every engine of tensors must do."""

import numpy as np
import torch

from symfft import au_dft, au_idft, au_real_dft
from symfft.transforms.tensors import Kind, view_of


def agrees_with_the_plan(au, make):
    """Compare both views, forward and inverse, also of coefficients that are no density's."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((2, au.size))
    f, real = au_dft(values, au), au_real_dft(values, au)
    noise = rng.standard_normal((2, len(au.hkl), 2))
    density = au_idft(noise.view(complex)[..., 0], au)
    scale = np.sqrt(np.prod(au.shape))
    engine = make(au, view_of(au, Kind(False, None)))
    view = view_of(au, Kind(False, None))
    numbers = engine.forward(torch.tensor(values)).numpy()
    np.testing.assert_allclose(numbers, seen(f, view), rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(engine.inverse(torch.tensor(numbers)).numpy(), values, rtol=0, atol=1e-12)
    found = engine.inverse(torch.tensor(seen(noise.view(complex)[..., 0], view))).numpy()
    np.testing.assert_allclose(found, density, rtol=0, atol=1e-12 * (1 + np.abs(density).max()))
    engine = make(au, view_of(au, Kind(True, None)))
    np.testing.assert_allclose(engine.forward(torch.tensor(values)).numpy(), real, rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(engine.inverse(torch.tensor(real)).numpy(), values, rtol=0, atol=1e-12)
    single = engine.forward(torch.tensor(values, dtype=torch.float32))
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.numpy(), real, rtol=0, atol=1e-5 * scale)


def seen(f, view):
    """Return the numbers of a view."""
    return (f[:, view.which] * view.factors).real
