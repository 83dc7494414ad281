"""The transform in blocks against NumPy's FFT of the full cell, whether or not the plan would choose it."""

from itertools import product

import gemmi
import naive_fourier
import numpy as np
import pytest
from every import every

from symfft import SpaceGroup, asymmetric_unit, expand_from_au, next_compatible_shape
from symfft.fourier.engines.blocks import halves, plan_blocks
from symfft.fourier.engines.blocks.codes import find_folding, unique_blocks
from symfft.fourier.engines.full import FullTransform
from symfft.fourier.reflections import find_reflections

SETTINGS = [entry.xhm() for entry in gemmi.spacegroup_table()]
#: Laue classes with all sign changes of the axes, in settings whose cell edges are along them.
APPLIES = {str(n) for n in [*range(16, 75), *range(89, 143), *range(195, 231)]} - {"43"}


def check(au, dtype=np.float64):
    transform = plan_blocks(au)
    if transform is None:
        return False
    values = np.random.default_rng(au.size).standard_normal((3, au.size)).astype(dtype)
    full = np.fft.fftn(expand_from_au(values.astype(np.float64), au), axes=(1, 2, 3))
    accuracy = 1e-13 if dtype == np.float64 else 2e-6
    f = transform.forward(values)
    assert f.dtype == np.result_type(dtype, np.complex64)
    assert np.abs(f - full[(slice(None), *transform.hkl.T)]).max() < accuracy * np.abs(full).max()
    assert np.abs(transform.inverse(f) - values).max() < 10 * accuracy
    # of any coefficients, the inverse takes what the plain engine takes: their symmetric part
    plain = FullTransform(au)
    g = np.random.default_rng(1).standard_normal((2, 2 * len(transform.hkl))).astype(dtype).view(f.dtype)
    label, factor, conjugate = find_reflections(au.space_group, au.shape, transform.hkl).relation(plain.hkl)
    same = np.where(conjugate, g[:, label].conj(), g[:, label]) * factor.astype(f.dtype)
    expected = plain.inverse(same)
    assert np.abs(transform.inverse(g) - expected).max() < 10 * accuracy * np.abs(expected).max()
    return True


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every("number", range(1, 231))
def test_every_group(number, dtype):
    group = SpaceGroup.from_number(number)
    au = asymmetric_unit(group, next_compatible_shape(group, (16, 16, 16)))
    assert check(au, dtype) or str(number) not in APPLIES


@every("symbol", SETTINGS)
def test_every_setting_with_unequal_axes(symbol):
    group = SpaceGroup.from_symbol(symbol)
    shape = next_compatible_shape(group, (8, 12, 16))
    check(asymmetric_unit(group, shape))


@pytest.mark.parametrize("number", [16, 25, 47, 62, 99, 123, 139, 195, 198, 205, 215, 221, 225, 227, 229, 230])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 9, 10, 14, 15, 20, 32])
def test_sizes(number, n):
    group = SpaceGroup.from_number(number)
    shape = next_compatible_shape(group, (n, n, n))
    assert check(asymmetric_unit(group, shape)) or shape[0] % 8  # where the origin lies in quarters or eighths


@pytest.mark.parametrize("number", [16, 62, 70, 91, 95, 98, 123, 141, 195, 212, 225])
def test_tiny_grids(number):
    """Down to a single reflection that is not absent."""
    group = SpaceGroup.from_number(number)
    for wanted in product(range(1, 5), repeat=3):
        if next_compatible_shape(group, wanted) == wanted:
            check(asymmetric_unit(group, wanted))


@pytest.mark.parametrize("number", [16, 25, 47, 51, 65, 99, 123, 131])
@pytest.mark.parametrize("wanted", [(5, 6, 7), (9, 8, 3), (2, 3, 4), (10, 11, 15)], ids=str)
def test_unequal_and_odd_axes(number, wanted):
    group = SpaceGroup.from_number(number)
    assert check(asymmetric_unit(group, next_compatible_shape(group, wanted)))


@pytest.mark.parametrize("number", [16, 25, 47, 62, 66, 70, 89, 99, 123, 139, 195, 198, 205, 216, 221, 225, 227, 230])
@pytest.mark.parametrize("wanted", [(16, 16, 16), (20, 20, 20), (16, 16, 20), (12, 24, 9), (24, 14, 24)], ids=str)
def test_blocks_in_halves(number, wanted, monkeypatch):
    """Axes that count as long take one step more; some of them, all, or none for want of a factor 4."""
    group = SpaceGroup.from_number(number)
    shape = next_compatible_shape(group, wanted)
    small = asymmetric_unit(group, (16, 16, 16))
    monkeypatch.setattr(halves, "LONGEST", dict.fromkeys(halves.LONGEST, 1000))
    steps = len(plan_blocks(small)._programs["forward", 1].steps)
    monkeypatch.setattr(halves, "LONGEST", dict.fromkeys(halves.LONGEST, 3))
    assert len(plan_blocks(small)._programs["forward", 1].steps) > steps
    assert check(asymmetric_unit(group, shape)) or any(n % 8 for n in shape)  # the origin may lie in eighths


CENTRED = [n for n in map(int, sorted(APPLIES, key=int)) if SpaceGroup.from_number(n).symbol[0] in "ACFI"]


@pytest.mark.parametrize("n", [6, 8])
@every("number", CENTRED)
def test_primitive_cells(number, n):
    _, group = naive_fourier.primitive_cell(SpaceGroup.from_number(number))
    shape = next_compatible_shape(group, (n, n, n))
    transform = check(asymmetric_unit(group, shape))
    assert transform or shape[0] % 4


@pytest.mark.parametrize("number", [16, 62, 70, 139, 198, 203, 205, 216, 221, 225, 227, 228, 229, 230])
def test_blocks_are_the_dual_code(number):
    """|D| times the number of blocks is 64, and every block follows from one that is computed."""
    folding = find_folding(SpaceGroup.from_number(number), (24, 24, 24))
    assert folding.diagonal * len(folding.codes) == 64
    blocks, sources = unique_blocks(folding)
    assert set(sources) == set(folding.codes)
    mirrored = sum(source.mirrored for source in sources.values())
    assert (mirrored > 0) == (number in (70, 203, 227, 228))
    orbits = [len(folding.permutations) // len(block.stabilizer) for block in blocks]
    assert sum(orbits) + mirrored == len(folding.codes)


@pytest.mark.parametrize("number", [47, 62, 70, 225, 227])
def test_the_fold_by_its_definition(number):
    """g_c(x) = s g_πc(πx) for folds of a symmetric density, computed term by term."""
    shape = (8, 8, 8)
    au = asymmetric_unit(number, shape)
    folding = find_folding(au.space_group, shape)
    rho = expand_from_au(np.random.default_rng(0).random(au.size), au)

    def fold(code, x):
        return sum(
            (-1) ** (np.dot(code.parity, s) + np.dot(code.sine, e))
            * rho[tuple((np.array(folding.origin) + (1 - 2 * np.array(e)) * x + np.array(s) * 4) % 8)]
            for s in product((0, 1), repeat=3)
            for e in product((0, 1), repeat=3)
        )

    for code in folding.codes:
        for permutation in folding.permutations:
            image, sign = permutation.image(code)
            for x in ((0, 1, 2), (1, 1, 2), (2, 0, 1)):
                moved = np.array(permutation.of(x))
                assert fold(code, np.array(x)) == pytest.approx(sign * fold(image, moved), abs=1e-12)
    blocks, sources = unique_blocks(folding)
    for code, source in sources.items():
        for x in (np.array([0, 1, 2]), np.array([1, 2, 1])):
            moved = np.array(source.permutation.of(2 - x if source.mirrored else x))
            expected = source.sign * fold(blocks[source.block].code, moved)
            assert fold(code, x) == pytest.approx(expected, abs=1e-12)
