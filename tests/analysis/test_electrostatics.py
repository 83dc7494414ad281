import math

import numpy as np
import pytest
from crystals import CRYSTALS, crystal

from symfft import asymmetric_unit, expand_from_au, reduce_to_au
from symfft.analysis import au_hartree_potential, au_laplacian
from symfft.constants import COULOMB


@pytest.mark.parametrize("number", CRYSTALS)
def test_poissons_equation_holds(number):
    density = crystal(number)
    au = asymmetric_unit(number, density.shape)
    values = reduce_to_au(density.values, au)
    potential = au_hartree_potential(values, au, density.lattice)
    mean = density.values.mean()
    expected = -4 * math.pi * COULOMB * (values - mean)
    np.testing.assert_allclose(au_laplacian(potential, au, density.lattice), expected, atol=1e-10)
    assert abs(expand_from_au(potential, au).mean()) < 1e-12


def test_a_gaussian_in_a_large_box_has_the_potential_of_a_gaussian():
    # erf(r / (√2 σ)) / r, up to the constant and the uniform background of a periodic cell
    n, a, sigma = 48, 12.0, 0.8
    au = asymmetric_unit("P m -3 m", (n, n, n))
    x = au.indices / n
    r = np.linalg.norm((x - np.rint(x)) * a, axis=1)
    images = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]) * a
    apart = np.linalg.norm((x * a)[:, None, :] - images, axis=2)
    rho = (np.exp(-(apart**2) / (2 * sigma**2)) / (2 * math.pi * sigma**2) ** 1.5).sum(axis=1)
    potential = au_hartree_potential(rho, au, a * np.eye(3))
    near = (r > 0.3) & (r < 1.2)
    erf = np.vectorize(math.erf)(r[near] / (math.sqrt(2) * sigma)) / r[near]
    background = -2 * math.pi / 3 * r[near] ** 2 / a**3
    difference = potential[near] / 14.39964548 - (erf - background)
    assert np.ptp(difference) < 2e-4
