"""Exact operators: lattices and inverses by their laws, changes of basis against gemmi."""

from __future__ import annotations

from fractions import Fraction

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symfft import SpaceGroup, SpaceGroupError
from symfft.crystal.operators import (
    canonical_order,
    change_basis,
    integer_rows,
    inverse_of,
    over_common_denominator,
    remainder,
    require_group,
    row_basis,
    simplest_fraction,
    translation_lattice,
    triplet,
)

fractions = st.fractions(min_value=-5, max_value=5, max_denominator=24)
matrices = st.lists(fractions, min_size=9, max_size=9).map(lambda v: np.array(v, dtype=object).reshape(3, 3))
vectors = st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=1, max_size=6)


def determinant(m) -> Fraction:
    return sum(m[0, i] * (m[1, i - 2] * m[2, i - 1] - m[1, i - 1] * m[2, i - 2]) for i in range(3))


@given(st.fractions(min_value=-3, max_value=3, max_denominator=200), st.floats(-1e-7, 1e-7))
def test_the_simplest_fraction_is_found_through_noise(value, noise):
    assert simplest_fraction(float(value) + noise, 1e-6) == value
    assert simplest_fraction(value, 0) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**0.5])
def test_what_is_no_fraction_is_refused(value):
    with pytest.raises(SpaceGroupError, match="is not a"):
        simplest_fraction(value, 1e-12)


@given(matrices.filter(lambda m: determinant(m) != 0))
def test_an_inverse_undoes_its_matrix_exactly(matrix):
    assert (matrix @ inverse_of(matrix) == np.eye(3, dtype=int)).all()
    denominator, rows = integer_rows(matrix)
    assert (np.array(rows, dtype=object) * Fraction(1, denominator) == matrix).all()


def test_numbers_of_more_than_64_bits_are_refused():
    with pytest.raises(SpaceGroupError, match="more than 64 bits"):
        over_common_denominator(np.array([Fraction(1, 2**40), Fraction(1, 3**30)], dtype=object))


@given(vectors)
def test_a_lattice_has_one_basis_whatever_generates_it(generators):
    numerators = np.array(generators, dtype=np.int64)
    basis = translation_lattice(numerators, 6)
    assert basis == translation_lattice(numerators[::-1] * 5, 6)  # 5 is a unit modulo 6
    assert basis == translation_lattice(np.array(basis), 6)
    assert not remainder(numerators, np.array(basis), 6).any()
    assert (np.tril(basis, -1) == 0).all()
    # as many points in the unit cell as translations that the generators make
    made = {(0, 0, 0)}
    while len(more := made | {tuple((np.array(p) + v) % 6) for p in made for v in numerators}) > len(made):
        made = more
    assert len(made) == 6**3 // np.prod(np.diag(basis))


@given(vectors)
def test_a_row_basis_spans_the_same_lattice(generators):
    whole = [*generators, [6, 0, 0], [0, 6, 0], [0, 0, 6]]
    basis = np.array(row_basis(whole), dtype=object)
    steps = np.array(whole, dtype=object) @ inverse_of(basis * Fraction(1))
    assert all(Fraction(v).denominator == 1 for v in steps.ravel())


@pytest.mark.parametrize("number", range(1, 231, 7))
def test_operators_have_one_order_and_are_a_group(number):
    group = SpaceGroup.from_number(number)
    shuffled = np.random.default_rng(number).permutation(group.order)
    w, t = group.rotations[shuffled], group.numerators[shuffled]
    order = canonical_order(w, t)
    np.testing.assert_array_equal(w[order], group.rotations)
    np.testing.assert_array_equal(t[order], group.numerators)
    require_group(w[order], t[order], group.denominator)
    if group.order > 1:
        missing = np.delete(np.arange(group.order), group.order - 1)
        if group.order > 2:
            with pytest.raises(SpaceGroupError, match="not closed"):
                require_group(group.rotations[missing], group.numerators[missing], group.denominator)
        with pytest.raises(SpaceGroupError, match="lack the identity"):
            require_group(group.rotations[1:], group.numerators[1:], group.denominator)


@pytest.mark.parametrize("number", range(3, 231, 11))
def test_triplets_are_read_by_gemmi_as_the_same_operators(number):
    group = SpaceGroup.from_number(number)
    for w, t in zip(group.rotations, group.translations, strict=True):
        op = gemmi.Op(triplet(w, t))
        np.testing.assert_array_equal(np.array(op.rot) // op.DEN, w)
        assert [Fraction(v, op.DEN) for v in op.tran] == list(t)


@pytest.mark.parametrize("symbol", ["P 1 21/c 1", "C 1 2/c 1", "P n m a", "F d d d", "R -3 m:H", "P 63/m m c"])
@pytest.mark.parametrize("basis", ["c,a,b", "x-1/4,y,z", "a,b,a+c", "x+1/8,y-1/8,z+1/4"])
def test_a_change_of_basis_is_that_of_gemmi(symbol, basis):
    group = SpaceGroup.from_symbol(symbol)
    op = gemmi.Op(basis.replace("a", "x").replace("b", "y").replace("c", "z"))  # x_old = P x_new + p
    p = np.array([[Fraction(v, op.DEN) for v in row] for row in op.rot], dtype=object)
    shift = np.array([Fraction(v, op.DEN) for v in op.tran], dtype=object)
    w, t, denominator = change_basis(group.rotations, group.numerators, group.denominator, p, shift)
    found = {(m.tobytes(), *(Fraction(int(v), denominator) for v in n)) for m, n in zip(w, t, strict=True)}
    wanted = set()
    for m, n in zip(group.rotations, group.translations, strict=True):
        image = op.inverse() * gemmi.Op(triplet(m, n)) * op
        wanted.add(((np.array(image.rot) // op.DEN).tobytes(), *(Fraction(v % op.DEN, op.DEN) for v in image.tran)))
    assert found == wanted
