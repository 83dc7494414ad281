"""The choice of an engine: what is not planned could not have won."""

import naive_fourier
import numpy as np
import pytest

from symfft import SpaceGroup, asymmetric_unit, next_compatible_shape
from symfft.fourier.engines.full import full_cost
from symfft.fourier.engines.planes import plan_planes
from symfft.fourier.plan import cheapest_engine, direct_choices, least_planes_cost


def check(group, wanted):
    """The engine is the cheapest of all, and none costs less than its least."""
    au = asymmetric_unit(group, next_compatible_shape(group, wanted))
    choices = direct_choices(au)
    engines = [choice.plan() for choice in choices]
    costs = [engine.cost for engine in engines if engine is not None]
    chosen = cheapest_engine(au)
    if costs:
        assert chosen.cost == min(*costs, full_cost(au.shape))
    if len(choices) == 2:
        for choice, engine in zip(choices, engines, strict=True):
            assert engine is None or choice.least <= engine.cost
    return chosen, engines


@pytest.mark.parametrize("number", range(1, 231))
def test_every_group(number):
    check(SpaceGroup.from_number(number), (16, 16, 16))


@pytest.mark.parametrize("number", [16, 25, 30, 47, 62, 69, 75, 89, 97, 99, 111, 123, 139, 142, 177, 183, 191, 225])
@pytest.mark.parametrize("wanted", [(5, 6, 7), (24, 32, 40), (40, 40, 54)], ids=str)
def test_sizes(number, wanted):
    check(SpaceGroup.from_number(number), wanted)


@pytest.mark.parametrize("n", [48, 72])
@pytest.mark.parametrize("number", [16, 27, 34, 48, 49, 52, 56, 62, 89, 99, 103, 123, 192])
def test_planes_cost_what_they_cost_at_least(number, n):
    """At the sizes at which they come closest to it."""
    au = asymmetric_unit(number, (n, n, n))
    planes = plan_planes(au)
    assert planes is not None
    assert least_planes_cost(au) <= planes.cost


@pytest.mark.parametrize("number", [20, 22, 23, 42, 44, 63, 65, 69, 70, 71, 97, 98, 119, 139, 141])
def test_primitive_cells(number):
    _, group = naive_fourier.primitive_cell(SpaceGroup.from_number(number))
    check(group, (16, 16, 16))
    check(group, (30, 30, 30))


@pytest.mark.parametrize("number", [47, 62, 69, 191, 194])
def test_one_engine_is_planned_where_the_other_cannot_win(number, monkeypatch):
    au = asymmetric_unit(number, (48, 48, 48))
    chosen, engines = check(au.space_group, au.shape)
    assert len(engines) == 2
    planned = []
    monkeypatch.setattr(
        "symfft.fourier.plan.direct_choices",
        lambda au: [
            choice._replace(plan=lambda choice=choice: planned.append(choice) or choice.plan())
            for choice in direct_choices(au)
        ],
    )
    again = cheapest_engine(au)
    assert type(again) is type(chosen)
    assert np.array_equal(again.hkl, chosen.hkl)
    assert len(planned) == 1
