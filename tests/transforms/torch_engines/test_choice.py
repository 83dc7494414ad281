"""The rule: a matrix up to 4,000 points, then whatever moves the fewest numbers."""

import pytest

from symfft import asymmetric_unit
from symfft.transforms.tensors import Kind, view_of
from symfft.transforms.torch_engines.blocks import BlockTransform
from symfft.transforms.torch_engines.choice import choose_engine
from symfft.transforms.torch_engines.columns import ColumnTransform
from symfft.transforms.torch_engines.full import FullTransform
from symfft.transforms.torch_engines.matrix import MatrixTransform


@pytest.mark.parametrize(
    ("number", "points", "engine"),
    [
        (225, 48, MatrixTransform),
        (225, 96, BlockTransform),
        (221, 48, MatrixTransform),
        (221, 60, BlockTransform),
        (166, 48, MatrixTransform),
        (166, 96, ColumnTransform),
        (62, 48, BlockTransform),
        (14, 48, BlockTransform),
        (2, 32, FullTransform),
        (1, 24, FullTransform),
        (143, 36, FullTransform),
    ],
)
def test_rule(number, points, engine):
    au = asymmetric_unit(number, (points,) * 3)
    assert type(choose_engine(au, view_of(au, Kind(True, None)))) is engine


@pytest.mark.parametrize(
    ("number", "points", "times"), [(225, 96, 20), (166, 96, 17), (221, 96, 7), (62, 48, 3), (14, 48, 1.4)]
)
def test_less_is_moved_than_on_the_full_grid(number, points, times):
    au = asymmetric_unit(number, (points,) * 3)
    view = view_of(au, Kind(True, None))
    assert choose_engine(au, view).moved * times < FullTransform(au, view).moved
