"""Formulas, against pymatgen."""

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from symfft_models.data.formula import anonymous_formula, reduced, reduced_formula, written

COUNTS = st.dictionaries(st.sampled_from(["H", "O", "Ti", "Sr", "Cu", "Al"]), st.integers(1, 60), min_size=1)


@given(COUNTS, st.integers(1, 5))
def test_any_number_of_formula_units_has_one_formula(counts, units):
    many = {name: units * count for name, count in counts.items()}
    assert reduced(many) == reduced(counts)
    assert list(reduced(many)) == list(counts)


@given(COUNTS)
def test_the_formula_is_what_pymatgen_reads_in_it(counts):
    from pymatgen.core import Composition

    assert Composition(written(counts.items())) == Composition(counts)
    fractions = Composition(counts).fractional_composition
    assert Composition(reduced_formula(counts)).fractional_composition.almost_equals(fractions)
    assert math.gcd(*reduced(counts).values()) == 1
    assert reduced_formula(counts) == written(sorted(reduced(counts).items()))


@given(COUNTS)
def test_the_anonymous_formula_is_that_of_any_other_elements(counts):
    names = dict(zip(counts, ["Na", "Cl", "K", "Br", "S", "N"], strict=False))
    others = {names[name]: count for name, count in counts.items()}
    assert anonymous_formula(others) == anonymous_formula(counts)
    assert sorted(reduced(counts).values()) == list(counts_of(anonymous_formula(counts)).values())


def counts_of(formula):
    return {name: int(count or 1) for name, count in re.findall(r"([A-Z])(\d*)", formula)}
