"""Short tests of every group or setting, tens of which pytest takes as one: it takes longer for a test than they do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any

import pytest

PARTS = 8


def every(name: str, values: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Parametrize a test as pytest does, by parts of the values: an error says the value at which it came.

    Such a test has no fixture that one call changes for the next, and skips nothing.
    """
    listed = list(values)
    parts = [listed[start::PARTS] for start in range(min(PARTS, len(listed)))]

    def divided(test: Callable[..., None]) -> Callable[..., None]:
        def run(part: list[Any], **others: Any) -> None:
            for value in part:
                try:
                    test(**{name: value}, **others)
                except BaseException as error:
                    error.add_note(f"{name} = {value!r}")
                    if isinstance(error, pytest.skip.Exception):
                        raise AssertionError("the values after this one would be skipped, too") from error
                    raise

        signature = inspect.signature(test)
        own = {name: inspect.Parameter("part", inspect.Parameter.POSITIONAL_OR_KEYWORD)}
        parameters = [own.get(each.name, each) for each in signature.parameters.values()]
        update_wrapper(run, test).__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return pytest.mark.parametrize("part", parts, ids=range(1, len(parts) + 1))(run)

    return divided
