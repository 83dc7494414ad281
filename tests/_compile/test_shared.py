"""Words that several threads read and write: each number is taken by one of them, and arrays are found by address."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from symfft._array_types import Array
from symfft._compile import bare
from symfft._compile.shared import address, count, elsewhere, latest, lowered, publish, settle

NUMBERS = 20_000


@bare
def take(words: Array, taken: Array, none: Array) -> None:
    """Add 1 to all numbers of an array that nobody else takes; its address is in the third word."""
    while True:
        left = latest(words, 0)
        if left == 0:
            break
        if lowered(words, 0, left):
            there = elsewhere(none, words[16])
            there[left - 1] += 1
            settle(there)
            count(words, 8)


@bare
def begin(words: Array, taken: Array) -> None:
    """Say where an array is, and how many of its numbers are free."""
    words[16] = address(taken)
    publish(words, 0, taken.size)


def test_each_number_is_taken_once():
    words, taken = np.zeros(24, dtype=np.int64), np.zeros(NUMBERS, dtype=np.int64)
    begin(words, taken)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: take(words, taken, np.empty(0, dtype=np.int64)), range(4)))
    assert (taken == 1).all()
    assert words[[0, 8]].tolist() == [0, NUMBERS]
