"""Long lists of values in parts: each value comes once, and the one that fails is named."""

from __future__ import annotations

import inspect

import pytest
from every import every


def divided(fails=lambda number: False):
    seen = []

    @every("number", range(1, 21))
    def check(number, factor):
        seen.append(number * factor)
        assert not fails(number)

    return check, check.pytestmark[0].args[1], seen


def test_every_value_comes_once():
    check, parts, seen = divided()
    assert list(inspect.signature(check).parameters) == ["part", "factor"]
    for part in parts:
        check(part, factor=2)
    assert sorted(seen) == list(range(2, 41, 2))


def test_the_value_that_fails_is_named():
    check, parts, _ = divided(lambda number: number == 13)
    failed = []
    for part in parts:
        try:
            check(part, factor=1)
        except AssertionError as error:
            failed += error.__notes__
    assert failed == ["number = 13"]


def test_nothing_is_skipped_unseen():
    check, parts, _ = divided(lambda number: pytest.skip("as if something were missing"))
    with pytest.raises(AssertionError, match="would be skipped, too"):
        check(parts[0], factor=1)


def test_fewer_values_than_parts_are_parts_of_one():
    @every("number", [7, 11])
    def check(number):
        """Nothing."""

    assert check.pytestmark[0].args[1] == [[7], [11]]
