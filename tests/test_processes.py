"""Processes are started so that Ctrl-C reaches the one that started them alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from symfft._processes import uninterrupted

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals cannot be blocked here")

#: Starts the first spawned process of an interpreter, whose resource tracker is started with it.
FIRST = """
import multiprocessing, signal
from symfft._processes import uninterrupted

class Blocked:
    def __reduce__(self):
        return signal.pthread_sigmask, (signal.SIG_BLOCK, ())

def tell(blocked, connection):
    connection.send(signal.SIGINT in blocked)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=tell, args=(Blocked(), theirs))
    with uninterrupted():
        process.start()
    print(ours.recv(), signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    process.join()
"""


def test_what_arrives_waits_for_the_end():
    waited = []

    def interrupted():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            waited.append(True)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        signal.signal(signal.SIGINT, before)
    assert waited


def test_what_another_thread_takes_waits_too():
    """The mask is a thread's own: a signal to the process goes to any thread that lets it in."""
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)
    waited = []

    def interrupted():
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(100):
                time.sleep(0.001)
            waited.append(True)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    other.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        ended.set()
        other.join()
        signal.signal(signal.SIGINT, before)
    assert waited


def test_the_first_process_is_started_with_interruptions_blocked(tmp_path):
    script = tmp_path / "first.py"
    script.write_text(FIRST)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
