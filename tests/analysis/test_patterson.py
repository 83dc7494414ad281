import gemmi
import numpy as np
from crystals import CRYSTALS, crystal
from every import every

import naive
import naive_series
from symfft import SpaceGroup, asymmetric_unit, expand_from_au, next_compatible_shape, reduce_to_au
from symfft.analysis import au_patterson, patterson_group


def autocorrelation(rho, volume):
    """P(u) on the grid, from its definition as a sum; exact where no frequency is at the limit of the grid."""
    return np.fft.ifftn(np.abs(np.fft.fftn(rho)) ** 2).real * volume / rho.size


@every("number", range(1, 231))
def test_patterson_in_every_group(number):
    group = SpaceGroup.from_number(number)
    shape = next_compatible_shape(group, (6, 6, 6))
    lattice = np.linalg.cholesky(
        np.einsum("gki,kl,glj->ij", group.rotations, np.diag([9.0, 10.0, 11.0]), group.rotations) / group.order
    )
    rho = naive.symmetrized(np.random.default_rng(number).standard_normal(shape), group)
    found = au_patterson(reduce_to_au(rho, asymmetric_unit(group, shape)), asymmetric_unit(group, shape), lattice)

    # the plain definition on a cell whose finer grid has every frequency well inside its limits
    frequencies, coefficients = naive_series.terms(rho, lattice)
    points = found.au.indices / shape
    volume = abs(np.linalg.det(lattice))
    expected = volume * naive_series.evaluate(frequencies, np.abs(coefficients) ** 2, points)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found.values, expected, atol=1e-11 * scale)

    full = expand_from_au(found.values, found.au)
    assert np.unravel_index(full.argmax(), shape) == (0, 0, 0)
    if all(n % 2 for n in shape):
        np.testing.assert_allclose(full, autocorrelation(rho, volume), atol=1e-11 * scale)


def test_without_frequencies_at_the_limit_it_is_the_autocorrelation_of_the_samples():
    for number, shape in ((14, (8, 8, 8)), (62, (8, 8, 8))):
        cell = CRYSTALS[number][0]
        group = SpaceGroup.from_number(number)
        rho = naive.symmetrized(np.random.default_rng(number).standard_normal(shape), group)
        transform = np.fft.fftn(rho)
        edge = np.abs(np.fft.fftfreq(8)) > 0.3
        transform[edge], transform[:, edge], transform[:, :, edge] = 0, 0, 0
        rho = np.fft.ifftn(transform).real
        au = asymmetric_unit(group, shape)
        found = au_patterson(reduce_to_au(rho, au), au, cell)
        expected = autocorrelation(rho, abs(np.linalg.det(cell)))
        full = expand_from_au(found.values, found.au)
        np.testing.assert_allclose(full, expected, atol=1e-12 * expected.max())
        # symmetrizing with the crystal's own group would be wrong by a tenth, which is why there is no way to do it
        wrong = naive.symmetrized(expected, group)
        assert np.abs(wrong - expected).max() > 0.05 * expected.max()


def test_patterson_symmetries_are_the_24_of_the_tables_and_those_of_gemmi():
    symbols = set()
    for number in range(1, 231):
        group = SpaceGroup.from_number(number)
        operations = gemmi.find_spacegroup_by_name(group.symbol).operations()
        operations = operations.derive_symmorphic()
        operations.add_inversion()
        found = patterson_group(group)
        expected = {tuple(np.array(op.rot).ravel() // op.DEN) + tuple(t % op.DEN for t in op.tran) for op in operations}
        own = {
            tuple(w.ravel()) + tuple(t * gemmi.Op.DEN // found.denominator)
            for w, t in zip(found.rotations, found.numerators)
        }
        assert own == expected
        assert found.is_centrosymmetric
        assert patterson_group(found) == found
        symbols.add(found.number)
    assert len(symbols) == 24


def test_batches_keep_their_shape():
    density = crystal(14)
    au = asymmetric_unit(14, density.shape)
    values = reduce_to_au(np.stack([density.values, 2 * density.values]), au)
    found = au_patterson(values, au, density.lattice)
    np.testing.assert_allclose(found.values[1], 4 * found.values[0])
