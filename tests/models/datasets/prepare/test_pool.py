"""Worker processes may die, hang or run out of memory: one outcome for every file, in order."""

from __future__ import annotations

import time

import pytest
from prepare_samples import poisonous

from symfft import SymfftError
from symfft_models.datasets.prepare.pool import WINDOW, local_outcomes


def test_a_file_that_kills_its_process_is_the_only_one_lost():
    paths = ["a", "kill-1", "slow", "b", "exit", "c", "kill-2", "d", "bomb", "e"]
    outcomes = list(local_outcomes(paths, poisonous, jobs=2, memory=2**34))
    assert [outcome.path for outcome in outcomes] == paths
    reasons = [outcome.reason for outcome in outcomes]
    assert reasons == ["seen", "crashed", "seen", "seen", "crashed", "seen", "crashed", "seen", "out of memory", "seen"]
    assert "signal SIGKILL" in outcomes[1].detail
    assert "exit code 3" in outcomes[4].detail


def test_a_file_that_hangs_is_given_up():
    started = time.monotonic()
    outcomes = list(local_outcomes(["a", "hang", "b"], poisonous, jobs=1, timeout=1.0))
    assert [outcome.reason for outcome in outcomes] == ["seen", "timed out", "seen"]
    assert time.monotonic() - started < 60


def test_compilation_is_not_the_files_time():
    """A file that makes its process compile for longer than a file may take is not refused for it."""
    outcomes = list(local_outcomes(["a", "compile", "hang", "b"], poisonous, jobs=1, timeout=1.0))
    assert [outcome.reason for outcome in outcomes] == ["seen", "seen", "timed out", "seen"]


def test_the_window_is_bounded_and_the_results_in_order():
    taken = 0

    def paths():
        nonlocal taken
        for number in range(40):
            taken += 1
            yield f"slow-{number}" if number == 0 else str(number)

    for number, outcome in enumerate(local_outcomes(paths(), poisonous, jobs=1)):
        assert outcome.path.removeprefix("slow-") == str(number)
        assert taken <= number + WINDOW + 1


def test_a_process_that_cannot_start_is_no_files_fault():
    with pytest.raises(SymfftError, match="before it read its first file"):
        list(local_outcomes(["a"], NotThere(), jobs=1))


class NotThere:
    """Cannot be brought to another process."""

    def __reduce__(self):
        import os

        return os._exit, (5,)
