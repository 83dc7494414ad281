import numpy as np
import pytest
from crystals import crystal

from symfft import Density, ShapeError, SymfftError


def pair(**more):
    return crystal(62, seed=0, **more), crystal(62, seed=1)


def test_sums_differences_products_and_ratios_are_those_of_the_values():
    a, b = pair()
    for found, expected, kind in (
        (a + b, a.values + b.values, "charge"),
        (a - b, a.values - b.values, "charge"),
        (a * b, a.values * b.values, "other"),
        (a / b, a.values / b.values, "other"),
        (2 * a, 2 * a.values, "charge"),
        (a / 4, a.values / 4, "charge"),
        (a + 0.5, a.values + 0.5, "charge"),
        (1 - a, 1 - a.values, "charge"),
        (-a, -a.values, "charge"),
        (np.float32(2) * a, 2 * a.values, "charge"),
    ):
        np.testing.assert_array_equal(found.values, expected)
        assert found.kind == kind
        np.testing.assert_array_equal(found.positions, a.positions)
    assert (a - b).electrons == pytest.approx(a.electrons - b.electrons)


def test_spins_take_part():
    spin = np.random.default_rng(2).standard_normal((8, 6, 10))
    a, b = (crystal(62, seed=s, magnetization=spin * (s + 1)) for s in (0, 1))
    np.testing.assert_array_equal((a - b).magnetization, -spin)
    np.testing.assert_array_equal((3 * a).magnetization, 3 * spin)
    np.testing.assert_array_equal((a + 1.0).magnetization, spin)
    up = crystal(62, kind="potential", spin_down=spin)
    np.testing.assert_array_equal((up - up).spin_down, 0 * spin)
    np.testing.assert_array_equal((up + 1.0).spin_down, spin + 1)


def test_what_belongs_to_the_old_values_is_left_behind():
    a = crystal(62)
    a = Density(a.values, a.lattice, a.positions, a.numbers, augmentation=("augmentation occupancies 1 1\n",))
    assert (a * 2).augmentation is None
    assert (a - a).augmentation is None


def test_other_grids_cells_and_kinds_are_refused_with_a_remedy():
    a, b = pair()
    with pytest.raises(ShapeError, match="resample"):
        a - crystal(62, shape=(8, 6, 12))
    with pytest.raises(ShapeError, match=r"cells differ by 1\.0e-02"):
        a - Density(b.values, b.lattice * 1.01, b.positions, b.numbers)
    close = Density(b.values, b.lattice + 1e-6, b.positions, b.numbers)
    assert (a - close).shape == a.shape
    with pytest.raises(SymfftError, match="units differ"):
        a - Density(b.values, b.lattice, b.positions, b.numbers, kind="potential")
    spin = np.ones(a.shape)
    with pytest.raises(SymfftError, match="total"):
        crystal(62, magnetization=spin) - b
    with pytest.raises(SymfftError, match="total"):
        crystal(62, magnetization=spin) - crystal(62, magnetization=np.ones((3, *a.shape)))
    with pytest.raises(SymfftError, match="total"):
        crystal(62, magnetization=spin) * b


def test_divisions_by_zero_are_refused():
    a, b = pair()
    values = b.values.copy()
    values[0, 0, 0] = 0
    with pytest.raises(SymfftError, match="zero at 1 points"):
        a / b.with_values(values)
    with pytest.raises(SymfftError, match="by zero"):
        a / 0


@pytest.mark.parametrize("other", [float("nan"), float("inf")])
def test_numbers_are_finite(other):
    with pytest.raises(SymfftError, match="finite"):
        crystal(62) * other


@pytest.mark.parametrize("other", ["2", None, [1, 2], 1j, True, np.ones((8, 6, 10))])
def test_other_things_are_left_to_python(other):
    with pytest.raises((TypeError, SymfftError)):
        crystal(62) * other
