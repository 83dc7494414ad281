"""Items of rows that threads share, and loops over them."""

import threading

import numpy as np

import symfft.fourier.threads as threads_module
from symfft.fourier.sharing import Items, Loop, in_stages, whole
from symfft.fourier.threads import PARTS_PER_THREAD


def described(items: Items) -> list[tuple[list[int], int]]:
    return list(zip(items.table.reshape(-1, 4).tolist(), items.after.tolist(), strict=True))


def test_a_whole_row_is_one_item():
    assert described(whole(7)) == [([0, 7, 0, 1], 0)]


def test_items_of_stages_wait_for_all_of_the_stages_before():
    parts = 2 * PARTS_PER_THREAD
    items = described(in_stages([[(0, 1, True)], [], [(1, 4, False), (4, 6, False)], [(6, 7, True)]], 2))
    assert items[:parts] == [([0, 1, part, parts], 0) for part in range(parts)]
    assert items[parts : parts + 2] == [([1, 4, 0, 1], parts), ([4, 6, 0, 1], parts)]
    assert items[parts + 2 :] == [([6, 7, part, parts], parts + 2) for part in range(parts)]


def test_loops_use_spaces_in_turn_each_of_which_begins_with_0():
    found = []

    def run(table, after, work, offset, rows, out, board, looks):
        if len(rows):
            found.append((work, offset, rows.shape, out.shape, board.size))

    spaces = {}
    double, single = np.dtype(np.float64), np.dtype(np.float32)
    loops = [Loop(run, whole(1), common, own, double, spaces) for common, own in ((0, 24), (8, 16))]
    rows, out = np.ones((3, 5)), np.ones((3, 4))
    for loop in loops:
        loop(rows, out, 1)
    (work, *first), (again, *second) = found
    assert work is again
    assert work.size == 24
    assert work[0] == 0
    assert first == second == [0, (3, 5), (3, 4), 0]
    Loop(run, whole(1), 0, 24, single, spaces)(rows.astype(np.float32), out.astype(np.float32), 1)
    assert found[-1][0].dtype == np.float32


def test_a_loop_is_compiled_before_there_is_a_thread(monkeypatch):
    """Or a child of a process that forks meanwhile has the compiler's locks for ever."""
    steps = []

    class Recorded(threading.Thread):
        def start(self):
            steps.append("thread")
            super().start()

    def run(table, after, work, offset, rows, out, board, looks):
        steps.append("run")

    monkeypatch.setattr(threads_module, "Thread", Recorded)
    monkeypatch.setattr(threads_module, "_idle", [])
    Loop(run, whole(1), 0, 8, np.dtype(np.float64), {})(np.ones((3, 5)), np.ones((3, 4)), 2)
    assert steps[:2] == ["run", "thread"]
