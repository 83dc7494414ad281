"""Work that other processes do: the same results in the same order, and errors that say what happened."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import pytest

from symfft import SymfftError
from symfft_models.processes import THREADS, begun, one_thread

ITEMS = range(20)


def square(item):
    return item * item


def process(folder, item):
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.01)
    return os.getpid(), [os.environ.get(name) for name in THREADS]


def fail(item):
    raise SymfftError(f"item {item}")


def wait_for(path):
    for _ in range(6000):
        if path.exists():
            return
        time.sleep(0.01)
    pytest.fail(f"no {path.name}")


def die(folder, parent, item):
    """Another process dies when it has a part, and when this one has another."""
    if os.getpid() == parent:
        (folder / "taken").touch()
    else:
        (folder / "begun").touch()
        wait_for(folder / "taken")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_items(jobs):
    with begun(square, ITEMS, jobs) as results:
        assert results() == [item * item for item in ITEMS]


def test_this_process_and_others_that_have_one_thread_each_share_the_work(monkeypatch, tmp_path):
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    with begun(partial(process, tmp_path), ITEMS, 2) as results:
        while not list(tmp_path.iterdir()):
            time.sleep(0.01)
        found = results()
    assert len({pid for pid, _ in found}) == 2
    assert found[-1][0] == os.getpid()
    assert all(threads == ["1"] * len(THREADS) for pid, threads in found if pid != os.getpid())
    assert not set(THREADS) & set(os.environ)


def test_threads_that_are_asked_for_are_left(monkeypatch):
    monkeypatch.setenv(THREADS[0], "3")
    with one_thread():
        assert os.environ[THREADS[0]] == "3"
    assert os.environ[THREADS[0]] == "3"


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_are_raised_where_results_are_asked_for(jobs):
    with pytest.raises(SymfftError, match="item 0"), begun(fail, ITEMS, jobs) as results:
        results()


@pytest.mark.parametrize("taken", [False, True])
def test_a_process_that_dies_is_told(taken, tmp_path):
    """Before this process has taken a part, and after that."""
    if not taken:
        (tmp_path / "taken").touch()

    def both():
        with begun(partial(die, tmp_path, os.getpid()), ITEMS, 2) as results:
            wait_for(tmp_path / "begun")
            return results()

    with pytest.raises(SymfftError, match="a process died"):
        both()
