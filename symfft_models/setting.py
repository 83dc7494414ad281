"""A field of a dataclass of settings that says what it is and which numbers it takes."""

from __future__ import annotations

import math
from dataclasses import field, fields
from typing import Any

from symfft import SymfftError


class ConfigError(SymfftError):
    """A setting is unknown, or has a value it cannot take."""


def setting(
    default: Any,
    text: str,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    choices: tuple[str, ...] = (),
) -> Any:
    """Return a field with a default, what it is, and the range, or choices, that :func:`check` holds it to."""
    metadata = {"text": text, "least": least, "above": above, "most": most, "choices": choices}
    return field(default=default, metadata=metadata)


def check(settings: Any, section: str = "") -> None:
    """Refuse numbers out of the range of their fields, what is no finite number, and what is none of the choices.

    Parameters
    ----------
    settings : dataclass
        Whose fields are those of :func:`setting`, or hold something else.
    section : str
        What stands before the names in errors.

    Raises
    ------
    ConfigError
        Names the field, its value and its range.
    """
    for one in fields(settings):
        value, bounds, name = getattr(settings, one.name), one.metadata, section + one.name
        if bounds and bounds["choices"] and value not in bounds["choices"]:
            raise ConfigError(f"{name} must be one of {', '.join(bounds['choices'])}, got {value!r}")
        if not bounds or not isinstance(value, int | float):
            continue
        inside = bounds["least"] <= value <= bounds["most"] and value > bounds["above"]
        if not (inside and math.isfinite(value)):
            words = [f"{word} {bounds[key]:g}" for key, word in RULES if math.isfinite(bounds[key])]
            raise ConfigError(f"{name} must be {' and '.join(words) or 'a finite number'}, got {value}")


RULES = (("least", "at least"), ("above", "above"), ("most", "at most"))
