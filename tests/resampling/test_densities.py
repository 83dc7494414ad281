"""Densities on other grids and in standard cells: disguised crystals, other hands, spins, supercells, real files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from crystals import CRYSTALS
from crystals import crystal as made_up
from naive_fourier import lattice_of, primitive_cell
from scipy.spatial.transform import Rotation
from test_interpolation import points, waves

from symfft import (
    Density,
    IncompatibleGridError,
    NotSymmetricError,
    ShapeError,
    SpaceGroup,
    SpaceGroupError,
    asymmetric_unit,
    check_symmetry,
    expand_from_au,
    next_compatible_shape,
    read_chgcar,
    reduce_to_au,
)
from symfft.resampling.densities import NegativePart, negative_part, resample, standard_cell, standardize

GROUPS = [
    1,
    2,
    4,
    5,
    9,
    15,
    19,
    20,
    36,
    38,
    43,
    62,
    70,
    76,
    88,
    95,
    98,
    122,
    139,
    141,
    144,
    148,
    152,
    154,
    161,
    167,
    169,
    176,
]
GROUPS += [180, 186, 194, 198, 205, 212, 214, 216, 220, 225, 227, 229, 230]
SITES = ((6, (0.1234, 0.2345, 0.0567)), (8, (0.3111, 0.0789, 0.4321)))


def crystal(group: SpaceGroup, seed: int = 0) -> tuple[Density, object]:
    """Return a crystal of the group in its reference setting, and its density as a function of x."""
    density, reach = waves(group, 1, seed)
    shape = next_compatible_shape(group, (2 * reach + 2,) * 3)
    positions, numbers = [], []
    for number, site in SITES:
        images = (group.rotations @ site + group.translations.astype(float)) % 1
        positions += list(images)
        numbers += [number] * len(images)
    return Density(density(points(shape)), lattice_of(group, seed), np.array(positions), numbers), density


def disguise(
    density: Density,
    function: object,
    basis: np.ndarray,
    shift: np.ndarray,
    shape: tuple[int, int, int],
    rotation: np.ndarray,
) -> Density:
    """Describe the crystal by the cell ``basis @ lattice``, another origin and other axes, with six decimals."""
    inverse = np.linalg.inv(basis)
    positions = np.round((density.positions - shift) @ inverse % 1, 9) % 1
    apart = np.abs((positions[:, None] - positions + 0.5) % 1 - 0.5).max(axis=2)
    same = (apart < 1e-6) & (density.numbers[:, None] == density.numbers)
    keep = np.argmax(same, axis=1) == np.arange(len(same))
    return Density(
        function(points(shape) @ basis + shift),
        np.round(basis @ density.lattice @ rotation, 6),
        positions[keep],
        density.numbers[keep],
    )


def at(density: Density, x: np.ndarray) -> np.ndarray:
    """Evaluate the Fourier series of a band-limited density at fractional coordinates (n, 3)."""
    coefficients = np.fft.fftn(density.values) / density.values.size
    value = np.zeros(len(x), dtype=complex)
    for h in np.argwhere(np.abs(coefficients) > 1e-12):
        signed = np.where(h > np.array(density.shape) / 2, h - density.shape, h)
        value += coefficients[tuple(h)] * np.exp(2j * np.pi * x @ signed)
    return value.real


def distances(density: Density) -> np.ndarray:
    """Return all distances below half the shortest lattice vector or so, sorted: the same for every description."""
    apart = density.positions[:1] - density.positions
    cells = np.indices((7, 7, 7)).reshape(3, -1).T - 3
    length = np.linalg.norm((apart[:, None] + cells).reshape(-1, 3) @ density.lattice, axis=1)
    return np.sort(length[length < 4.0])


@pytest.mark.parametrize("number", GROUPS)
def test_a_disguised_crystal_is_recognised(number):
    group = SpaceGroup.from_number(number)
    original, function = crystal(group, number)
    cell, _ = primitive_cell(group)
    rng = np.random.default_rng(number)
    skew = np.array([[1, rng.integers(-1, 2), 0], [0, 1, 0], [0, rng.integers(-1, 2), 1]])
    basis = skew @ np.linalg.inv(cell.astype(float))
    shape = tuple(int(n) for n in np.full(3, 2 * max(original.shape)))
    shift = np.array([0.25, 0.5, 0.125])
    disguised = disguise(original, function, basis, shift, shape, Rotation.random(rng=number).as_matrix())

    standard = standardize(disguised)
    assert standard.space_group() == group
    assert check_symmetry(standard.values, group).is_symmetric(1e-9)
    assert len(standard.numbers) == len(original.numbers)
    assert (standard.positions >= 0).all()
    assert (standard.positions < 1).all()
    assert standard.electrons / disguised.electrons == pytest.approx(
        len(original.numbers) / len(disguised.numbers), rel=1e-12
    )
    # the density moved along with the sites
    for kind, site in SITES:
        expected = function(np.array(site))
        np.testing.assert_allclose(at(standard, standard.positions[standard.numbers == kind]), expected, atol=1e-6)
    np.testing.assert_allclose(distances(standard), distances(original), atol=1e-4)
    # a lattice as the group wants it, a along x and b in the xy plane
    metric = standard.lattice @ standard.lattice.T
    w = group.rotations
    np.testing.assert_allclose(w.transpose(0, 2, 1) @ metric @ w, np.broadcast_to(metric, w.shape), atol=1e-12)
    assert not standard.lattice[np.triu_indices(3, 1)].any()
    assert (np.diag(standard.lattice) > 0).all()


@pytest.mark.parametrize("number", [76, 144, 152, 169, 198, 212])
def test_a_left_handed_cell_keeps_the_sense_of_its_screws(number):
    """Exchanging two vectors describes the same crystal: P 4₁ must not become P 4₃."""
    group = SpaceGroup.from_number(number)
    original, function = crystal(group, number)
    exchange = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    left = disguise(original, function, exchange, np.zeros(3), (24, 24, 24), np.eye(3))
    assert np.linalg.det(left.lattice) < 0
    standard = standardize(left)
    assert standard.space_group() == group
    assert np.linalg.det(standard.lattice) > 0
    assert check_symmetry(standard.values, group).is_symmetric(1e-9)
    np.testing.assert_allclose(
        at(standard, standard.positions[standard.numbers == 6]), function(np.array(SITES[0][1])), atol=1e-6
    )


@pytest.mark.parametrize("number", [4, 62, 167, 225])
def test_supercells_shrink(number):
    group = SpaceGroup.from_number(number)
    original, _ = crystal(group, number)
    n = len(original.numbers)
    tripled = Density(
        np.tile(original.values, (1, 3, 1)),
        original.lattice * [[1], [3], [1]],
        np.concatenate([(original.positions + [0, k, 0]) / [1, 3, 1] for k in range(3)]),
        np.tile(original.numbers, 3),
        species=(("C", n // 2), ("O_h", n - n // 2)) * 3,
        comment="three times",
    )
    standard = standardize(tripled)
    assert standard.space_group() == group
    assert len(standard.numbers) == n
    assert standard.species == (("C", n // 2), ("O_h", n - n // 2))
    assert standard.comment == "three times"
    assert standard.electrons == pytest.approx(tripled.electrons / 3, rel=1e-12)
    assert check_symmetry(standard.values, group).is_symmetric(1e-10)


def test_sites_keep_their_order_when_they_multiply():
    fcc = 2.82 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    salt = Density(np.ones((4, 4, 4)), fcc, [[0.5, 0.5, 0.5], [0, 0, 0]], [17, 11], species=(("Cl", 1), ("Na_pv", 1)))
    standard = standardize(replace(salt, augmentation=("augmentation occupancies   1   0\n",)))
    assert standard.numbers.tolist() == [17] * 4 + [11] * 4
    assert standard.species == (("Cl", 4), ("Na_pv", 4))
    assert standard.augmentation is None
    np.testing.assert_allclose(standard.lattice, 5.64 * np.eye(3), atol=1e-12)
    assert standard.shape == (8, 8, 8)


@pytest.mark.parametrize("number", CRYSTALS)
def test_one_site_of_each_orbit_where_symmetry_puts_it(number):
    """0.33333 has three times the images of 1/3, which an exact site has not."""
    made = made_up(number)
    rough = replace(made, positions=np.round(made.positions, 5))
    standard = standard_cell(rough)
    positions, numbers, sizes = standard.site_orbits(rough)
    assert numbers.tolist() == [element for element, _ in CRYSTALS[number][2]]
    assert sizes.sum() == len(standard.sites(rough)[0])
    for position, size in zip(positions, sizes, strict=True):
        images = standard.group.rotations @ position + standard.group.translations.astype(float)
        assert len(np.unique(np.round(images % 1.0, 9) % 1.0, axis=0)) == size


def test_a_vector_magnetization_turns_with_the_crystal():
    group = SpaceGroup.from_number(139)
    original, function = crystal(group, 1)
    turned = disguise(original, function, np.eye(3), np.zeros(3), original.shape, Rotation.random(rng=5).as_matrix())
    along_c = turned.lattice[2] / np.linalg.norm(turned.lattice[2])
    magnetization = along_c[:, None, None, None] * (1 + turned.values)
    standard = standardize(replace(turned, magnetization=magnetization))
    np.testing.assert_allclose(standard.magnetization[:2], 0, atol=1e-5)
    np.testing.assert_allclose(np.abs(standard.magnetization[2]), np.abs(1 + standard.values), atol=1e-5)


def test_collinear_magnetization_and_spin_down_are_moved_like_the_values():
    group = SpaceGroup.from_number(225)
    original, function = crystal(group, 2)
    cell, _ = primitive_cell(group)
    basis = np.linalg.inv(cell.astype(float))
    primitive = disguise(original, function, basis, np.zeros(3), (12, 12, 12), np.eye(3))
    collinear = standardize(replace(primitive, magnetization=0.5 * primitive.values))
    np.testing.assert_allclose(collinear.magnetization, 0.5 * collinear.values, atol=1e-13)
    by_spin = standardize(replace(primitive, spin_down=0.25 * primitive.values, kind="potential"))
    np.testing.assert_allclose(by_spin.spin_down, 0.25 * by_spin.values, atol=1e-13)
    finer = resample(replace(primitive, magnetization=np.stack([primitive.values] * 3)), (16, 16, 16))
    np.testing.assert_allclose(finer.magnetization, np.stack([finer.values] * 3), atol=1e-13)


def test_an_antiferromagnet_is_not_folded_into_the_cell_of_its_sites():
    rho = np.ones((4, 4, 8))
    moment = np.cos(2 * np.pi * np.arange(8) / 8) * rho
    double = Density(rho, np.diag([4.0, 4.0, 8.0]), [[0, 0, 0], [0, 0, 0.5]], [26, 26], magnetization=moment)
    with pytest.raises(NotSymmetricError, match=r"antiferromagnet.*grid 1 of the batch.*magnetization=None"):
        standardize(double)
    assert standardize(replace(double, magnetization=None)).shape == (4, 4, 4)


def test_the_expected_group_is_checked():
    fcc = 2.82 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    salt = Density(np.ones((4, 4, 4)), fcc, [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])
    for group in (225, "F m -3 m", SpaceGroup.from_number(225)):
        assert standardize(salt, group).shape == (8, 8, 8)
    with pytest.raises(SpaceGroupError, match=r"F m -3 m \(number 225\).*not F d -3 m:2"):
        standardize(salt, 227)
    with pytest.raises(IncompatibleGridError, match="next_compatible_shape"):
        standardize(salt, shape=(8, 8, 9))
    with pytest.raises(IncompatibleGridError, match="even"):
        standardize(salt, shape=(9, 9, 9))
    with pytest.raises(ShapeError, match="three positive integers"):
        standardize(salt, shape=(8, 8))
    with pytest.raises(SpaceGroupError):
        standardize(replace(salt, positions=np.zeros((0, 3)), numbers=np.zeros(0, dtype=int)))


def test_origin_choice_1_goes_to_choice_2():
    fcc = 2.715 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    x = points((12, 12, 12)) @ np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    diamond = SpaceGroup.from_symbol("F d -3 m:1")
    function, _ = waves(diamond, 1, 3)
    silicon = Density(function(x), fcc, [[0, 0, 0], [0.25, 0.25, 0.25]], [14, 14])
    standard = standardize(silicon, 227)
    assert check_symmetry(standard.values, 227).is_symmetric(1e-12)
    np.testing.assert_allclose(standard.positions * 8 % 2, 1, atol=1e-9)


def test_resampling_keeps_all_but_the_grid():
    rng = np.random.default_rng(0)
    density = Density(
        rng.random((4, 5, 6)),
        np.diag([4.0, 5.0, 6.0]),
        [[0.1, 0.2, 0.3]],
        [8],
        comment="x",
        augmentation=("a\n",),
        species=(("O", 1),),
    )
    finer = resample(density, (8, 8, 8))
    assert finer.shape == (8, 8, 8)
    assert finer.electrons == pytest.approx(density.electrons, rel=1e-14)
    assert (finer.comment, finer.augmentation, finer.species) == ("x", ("a\n",), (("O", 1),))
    np.testing.assert_array_equal(finer.positions, density.positions)
    with pytest.raises(ShapeError):
        resample(density, (8, 8, -1))


def test_negative_values_are_measured_and_not_clipped():
    values = np.zeros((4, 4, 4))
    values[0, 0, 0], values[1, 2, 3] = 1.0, -0.5
    density = Density(values, 2 * np.eye(3), [[0, 0, 0]], [1])
    assert negative_part(density) == NegativePart(-0.5, 1 / 64, -0.5 * 8 / 64)
    finer = resample(replace(density, values=np.maximum(values, 0)), (8, 8, 8))
    found = negative_part(finer)
    assert found.minimum == finer.values.min() < -0.1
    assert 0 < found.fraction < 1
    assert found.integral == pytest.approx(finer.values[finer.values < 0].sum() * 8 / 512)


# ---- real files -----------------------------------------------------------------------------------------------------

REAL = [
    ("NaCl_sg225_56.CHGCAR.gz", 225, (112, 112, 112)),
    ("Si2_sg227_56.CHGCAR.gz", 227, (112, 112, 112)),
    ("Fe1_sg229_28_spin.CHGCAR.gz", 229, (56, 56, 56)),
    ("Fe2_sg229_28.CHGCAR.gz", 229, (28, 28, 28)),
    ("Li1_sg139_32.CHGCAR.gz", 139, (64, 64, 64)),
    ("Fe3O4_sg166_36_spin.CHGCAR.gz", 166, (45, 45, 108)),
    ("NO_sg25_32x48x64.CHGCAR.gz", 25, (32, 48, 64)),
]


@pytest.mark.parametrize(("name", "number", "shape"), REAL, ids=[name.split("_sg")[0] for name, _, _ in REAL])
def test_real_densities_keep_their_symmetry_and_their_electrons(real_densities, name, number, shape):
    density = read_chgcar(real_densities / name)
    before = check_symmetry(density.values, density.space_group()).largest_residual
    standard = standardize(density, number)
    assert standard.shape == shape
    report = check_symmetry(standard.values, number)
    # no worse than the file: interpolation reaches a little above the largest value on the nodes
    assert report.is_symmetric(1.5 * before + 1e-14)
    cells = standard.volume / density.volume
    assert cells == pytest.approx(round(cells), rel=1e-12)
    assert standard.electrons == pytest.approx(density.electrons * cells, rel=1e-13)
    assert standard.space_group() == SpaceGroup.from_number(number)
    au = asymmetric_unit(number, shape)
    values = reduce_to_au(standard.values, au)
    assert (au.multiplicity @ values) == pytest.approx(standard.values.sum(), rel=1e-12)
    assert (
        np.abs(expand_from_au(values, au) - standard.values).max() <= 2 * before * np.abs(standard.values).max() + 1e-13
    )


def test_the_nodes_of_a_real_primitive_grid_come_back(real_densities):
    density = read_chgcar(real_densities / "NaCl_sg225_56.CHGCAR.gz")
    standard = standardize(density)
    i, j, k = np.indices(density.shape)
    cubic = standard.values[(j + k) % 112, (i + k) % 112, (i + j) % 112]
    assert np.abs(cubic - density.values).max() <= 1e-14 * density.values.max()


def test_magnetization_of_iron_keeps_its_symmetry(real_densities):
    density = read_chgcar(real_densities / "Fe1_sg229_28_spin.CHGCAR.gz")
    before = check_symmetry(density.magnetization, density.space_group()).largest_residual
    standard = standardize(density)
    assert check_symmetry(standard.magnetization, 229).is_symmetric(1.5 * before)


# ---- any origin -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2, 9, 14, 31, 62, 82, 122, 146, 160, 167, 186, 194, 205, 216, 225, 227, 230])
@pytest.mark.parametrize("primitive", [True, False])
def test_a_crystal_whose_origin_lies_between_grid_points_is_as_symmetric_as_its_file(number, primitive):
    """Waves of a group about a random origin, on a grid that carries the matrices: exact before and after."""
    group = SpaceGroup.from_number(number)
    original, function = crystal(group, number)
    basis = np.linalg.inv(primitive_cell(group)[0].astype(float)) if primitive else np.eye(3)
    origin = np.random.default_rng(number).random(3)
    shape = (2 * max(original.shape),) * 3
    moved = disguise(original, function, basis, origin, shape, Rotation.random(rng=number).as_matrix())
    moved = replace(moved, lattice=basis @ original.lattice)
    sites = [
        (group.rotations @ site + group.translations.astype(float) - origin) @ np.linalg.inv(basis) for _, site in SITES
    ]
    positions, numbers = [], []
    for (kind, _), images in zip(SITES, sites, strict=True):
        for x in images % 1:
            apart = np.array([y - x for y, z in zip(positions, numbers, strict=True) if z == kind]).reshape(-1, 3)
            if not (np.abs(apart - np.rint(apart)).max(axis=1) < 1e-7).any():
                positions.append(x)
                numbers.append(kind)
    moved = replace(moved, positions=np.array(positions), numbers=np.array(numbers))
    standard = standardize(moved)
    assert standard.space_group() == group
    assert check_symmetry(standard.values, group).is_symmetric(1e-9)


def test_rock_salt_a_little_off_its_origin_stays_symmetric():
    fcc = 2.82 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    h = np.stack(np.meshgrid(*[np.fft.fftfreq(32, 1 / 32)] * 3, indexing="ij"), axis=-1)
    squares = ((h @ np.linalg.inv(fcc).T) ** 2).sum(axis=-1)
    for shift in (0.005, 0.0123456789, 1 / 7):
        sites = np.array([[0, 0, 0], [0.5, 0.5, 0.5]]) + shift
        waves = sum(z * np.exp(-3 * squares - 2j * np.pi * h @ x) for z, x in zip((3, 5), sites, strict=True))
        salt = Density(np.fft.ifftn(waves).real, fcc, sites, [11, 17])
        standard = standardize(salt, 225)
        assert check_symmetry(standard.values, 225).is_symmetric(1e-10)
        assert standard.electrons == pytest.approx(4 * salt.electrons, rel=1e-12)


def test_a_relaxed_crystal_off_its_grid_keeps_what_symmetry_it_has(real_densities):
    density = read_chgcar(real_densities / "Si2_sg227_origin_off_grid.CHGCAR.gz")
    standard = standardize(density)
    assert check_symmetry(standard.values, standard.space_group()).largest_residual < 1e-4
