"""Settings out of their range are refused, with name, value and range."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, fields

import pytest

from symfft_models.scattering.kernel import KernelSettings
from symfft_models.scattering.settings import TrainingSettings
from symfft_models.setting import ConfigError, check, setting


@dataclass(frozen=True)
class Some:
    """Two settings."""

    count: int = setting(3, "how many", least=1, most=9)
    width: float = setting(0.5, "how wide", above=0)
    name: str = setting("", "any text")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 0}, "count must be at least 1 and at most 9, got 0"),
        ({"count": 10}, "count must be at least 1 and at most 9, got 10"),
        ({"width": 0.0}, "width must be above 0, got 0.0"),
        ({"width": float("nan")}, "width must be above 0, got nan"),
        ({"width": float("inf")}, "width must be above 0, got inf"),
    ],
)
def test_what_is_out_of_range_is_named(values, message):
    with pytest.raises(ConfigError, match=message):
        check(Some(**values))


def test_bounds_themselves_are_inside():
    for count in (1, 9):
        check(Some(count, 1e-300))


@pytest.mark.parametrize("kind", [TrainingSettings, KernelSettings])
def test_every_setting_of_the_density_model_says_what_it_is_and_has_a_range(kind):
    usual = kind()
    for one in fields(kind):
        if isinstance(getattr(usual, one.name), int | float):
            assert one.metadata["text"]
            with pytest.raises(ConfigError, match=f"^{one.name} must be"):
                kind(**{one.name: -1})
            with pytest.raises(ConfigError, match=f"^{one.name} must be"):
                kind(**{one.name: float("nan")})
    assert pickle.loads(pickle.dumps(usual)) == copy.deepcopy(usual) == usual


@pytest.mark.parametrize("other", ["many", "many_aspherical"])
def test_a_kernel_without_variance_is_refused_and_pairs_or_many_bodies_alone_are_not(other):
    KernelSettings(pair=0.0)
    KernelSettings(**{other: 0.0})
    with pytest.raises(ConfigError, match="no variance"):
        KernelSettings(pair=0.0, **{other: 0.0})
