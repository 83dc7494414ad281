"""A field of a dataclass of settings that says what it is and which numbers it takes."""

from __future__ import annotations

import math
from dataclasses import field, fields
from typing import Any

from symfft import SymfftError


class ConfigError(SymfftError):
    """A setting is unknown, or has a value it cannot take."""


def setting(
    default: Any, text: str, *, least: float = -math.inf, above: float = -math.inf, most: float = math.inf
) -> Any:
    """Return a field with a default, what it is, and the range that :func:`check` holds it to."""
    return field(default=default, metadata={"text": text, "least": least, "above": above, "most": most})


def check(settings: Any) -> None:
    """Refuse numbers out of the range of their fields, and what is no finite number.

    Raises
    ------
    ConfigError
        Names the field, its value and its range.
    """
    for one in fields(settings):
        value, bounds = getattr(settings, one.name), one.metadata
        if not bounds or not isinstance(value, int | float):
            continue
        inside = bounds["least"] <= value <= bounds["most"] and value > bounds["above"]
        if not (inside and math.isfinite(value)):
            words = [f"{word} {bounds[key]:g}" for key, word in RULES if math.isfinite(bounds[key])]
            raise ConfigError(f"{one.name} must be {' and '.join(words) or 'a finite number'}, got {value}")


RULES = (("least", "at least"), ("above", "above"), ("most", "at most"))
