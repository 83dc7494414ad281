import dataclasses

import numpy as np
import pytest
from crystals import CRYSTALS, crystal, odd_magnetization

import naive
import naive_series
from symfft import (
    Density,
    IncompatibleGridError,
    NotSymmetricError,
    SpaceGroup,
    SpaceGroupError,
    SymfftError,
    check_symmetry,
    read_density,
)


def with_spin(number, **more):
    field, _ = odd_magnetization(number)
    return crystal(number, magnetization=field, **more)


@pytest.mark.parametrize("number", CRYSTALS)
@pytest.mark.parametrize("verb", ["gradient_norm", "laplacian", "reduced_gradient", "hartree_potential"])
def test_verbs_use_the_symmetry_and_give_what_they_give_without(number, verb):
    density = crystal(number)
    found, plain = getattr(density, verb)(), getattr(density, verb)("P 1")
    scale = np.abs(plain.values).max()
    np.testing.assert_allclose(found.values, plain.values, atol=1e-11 * scale)
    assert found.kind == ("potential" if verb == "hartree_potential" else "other")
    assert check_symmetry(found.values, number).largest_residual == 0.0


@pytest.mark.parametrize("number", [14, 62, 225])
def test_a_magnetization_that_changes_sign_is_differentiated_too(number):
    density = with_spin(number)
    found = density.gradient_norm()
    spin = density.with_values(density.magnetization)
    np.testing.assert_allclose(found.magnetization, spin.gradient_norm("P 1").values, atol=1e-10)
    np.testing.assert_allclose(
        density.laplacian().magnetization,
        spin.laplacian("P 1").values,
        atol=1e-9 * np.abs(spin.laplacian("P 1").values).max(),
    )


def test_non_collinear_and_two_channels():
    field = np.random.default_rng(0).standard_normal((3, 6, 8, 10))
    density = crystal(14, magnetization=field)
    found = density.laplacian()
    for k in range(3):
        np.testing.assert_allclose(
            found.magnetization[k], density.with_values(field[k]).laplacian("P 1").values, atol=1e-9
        )
    assert density.at([[0.1, 0.2, 0.3]]).magnetization.shape == (3, 1)
    assert density.average("a").magnetization.shape == (3, 6)
    np.testing.assert_allclose(density.moment, field.mean(axis=(1, 2, 3)) * density.volume)
    channels = crystal(14, kind="potential", spin_down=field[0])
    np.testing.assert_allclose(channels.laplacian().spin_down, density.with_values(field[0]).laplacian("P 1").values)
    assert channels.at([[0.0, 0.0, 0.0]]).spin_down[0] == pytest.approx(field[0][0, 0, 0])


def test_a_density_without_the_symmetry_of_its_atoms_is_not_averaged():
    density = crystal(62)
    rough = density.with_values(0.1 + np.random.default_rng(5).random(density.shape))
    np.testing.assert_allclose(rough.laplacian().values, rough.laplacian("P 1").values, atol=1e-9)
    with pytest.raises(NotSymmetricError):
        rough.laplacian(62)


def test_a_grid_that_breaks_the_group_takes_part_of_it():
    density = crystal(227, shape=(9, 9, 9))
    np.testing.assert_allclose(density.laplacian().values, density.laplacian("P 1").values, atol=1e-9)
    with pytest.raises(IncompatibleGridError):
        density.laplacian(227)


def test_without_atoms_no_symmetry_is_assumed():
    bare = dataclasses.replace(crystal(62), positions=np.zeros((0, 3)), numbers=[])
    np.testing.assert_allclose(bare.laplacian().values, crystal(62).laplacian().values, atol=1e-10)
    with pytest.raises(SpaceGroupError, match="space_group"):
        bare.symmetrize()
    with pytest.raises(SymfftError, match="integrate_spheres"):
        bare.integrate_atoms(1.0)


@pytest.mark.parametrize("number", CRYSTALS)
def test_patterson_maps_hold_no_atoms_and_have_their_own_symmetry(number):
    density = crystal(number)
    found = density.patterson()
    assert len(found.numbers) == 0
    assert found.kind == "other"
    np.testing.assert_allclose(found.values, density.patterson("P 1").values, rtol=1e-9)
    _, coefficients = naive_series.terms(density.values, density.lattice)
    power = density.volume * np.sum(np.abs(coefficients) ** 2)
    assert found.values[0, 0, 0] == pytest.approx(power)
    assert check_symmetry(found.values, "P -1").is_symmetric(1e-12)


def test_spins_and_totals():
    density = with_spin(14)
    up, down = density.spin("up"), density.spin("down")
    np.testing.assert_allclose((up + down).values, density.values)
    np.testing.assert_allclose((up - down).values, density.magnetization, atol=1e-12)
    assert density.total().blocks == 1
    assert density.moment == pytest.approx(up.electrons - down.electrons, abs=1e-9)
    channels = crystal(14, kind="potential", spin_down=density.values)
    np.testing.assert_array_equal(channels.spin("down").values, density.values)
    np.testing.assert_array_equal(channels.total().values, channels.values + density.values)
    for bad in (lambda: crystal(14).spin("up"), lambda: density.spin("left"), lambda: crystal(14).moment):
        with pytest.raises(SymfftError):
            bad()


def test_total_keeps_the_augmentation_of_the_total():
    density = dataclasses.replace(with_spin(14), augmentation=("one\n", "two\n"), site_moments=("x",))
    assert density.total().augmentation == ("one\n",)
    assert density.total().site_moments is None


@pytest.mark.parametrize("number", [14, 62])
def test_symmetrize_averages_both_spins_with_their_signs(number):
    density = with_spin(number)
    noise = np.random.default_rng(3).standard_normal((2, *density.shape)) * 1e-3
    rough = dataclasses.replace(
        density, values=density.values + noise[0], magnetization=density.magnetization + noise[1]
    )
    found = rough.symmetrize()
    group = SpaceGroup.from_number(number)
    np.testing.assert_allclose(found.values, naive.symmetrized(rough.values, group), atol=1e-12)
    assert check_symmetry(found.magnetization, group).largest_signed_residual < 1e-12
    np.testing.assert_allclose(found.magnetization, density.magnetization, atol=5e-3)
    channels = dataclasses.replace(
        rough,
        values=(rough.values + rough.magnetization) / 2,
        spin_down=(rough.values - rough.magnetization) / 2,
        magnetization=None,
    )
    np.testing.assert_allclose(channels.symmetrize().total().values, found.values, atol=1e-12)


def test_symmetrize_refuses_what_is_not_noise():
    density = crystal(62)
    rough = density.with_values(0.1 + np.random.default_rng(5).random(density.shape))
    with pytest.raises(NotSymmetricError, match="breaks P n m a"):
        rough.symmetrize()
    assert rough.symmetrize(tolerance=float("inf")).check().largest_residual < 1e-12
    with pytest.raises(NotSymmetricError, match="non-collinear"):
        crystal(62, magnetization=np.ones((3, 8, 6, 10))).symmetrize()


@pytest.mark.parametrize("verb", ["hartree_potential", "reduced_gradient", "patterson"])
def test_verbs_of_charge_densities_refuse_a_potential(verb):
    with pytest.raises(SymfftError, match="potential"):
        getattr(crystal(62, kind="potential"), verb)()


def test_a_reduced_gradient_needs_a_positive_density():
    density = crystal(62)
    with pytest.raises(SymfftError, match="zero or negative"):
        (density - 0.5).reduced_gradient()


def test_on_real_files(real_densities):
    silicon = read_density(real_densities / "Si2_sg227_56.CHGCAR.gz")
    np.testing.assert_allclose(
        silicon.laplacian().values,
        silicon.laplacian("P 1").values,
        atol=1e-8 * np.abs(silicon.laplacian().values).max(),
    )
    assert silicon.integrate_box([0.5, 0, 0], [1.5, 1, 1]).values[0] == pytest.approx(silicon.electrons)
    nickel = read_density(real_densities / "NiO_28_noncollinear.CHGCAR.gz")
    assert np.shape(nickel.moment) == (3,)
    assert isinstance(nickel.laplacian(), Density)
