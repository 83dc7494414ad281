"""Threads: the same bits for any number of them, whatever interrupts them, none lost."""

import dis
import gc
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest

import symfft.fourier.plan as plan_module
import symfft.fourier.threads as threads_module
from symfft import ShapeError, asymmetric_unit, au_dft, au_idft, next_compatible_shape
from symfft.fourier.engines.blocks import halves, plan_blocks
from symfft.fourier.threads import DONE, ITEMS, LEFT, POST, Team, aligned, count_of


@pytest.fixture
def shared(monkeypatch):
    """Have parts of small transforms shared, too."""
    monkeypatch.setattr(plan_module, "SHARED", 0)


def test_small_transforms_are_not_shared(monkeypatch):
    """One of them is for one thread, a few rows for as many."""
    au, long = asymmetric_unit(225, (24, 24, 24)), asymmetric_unit(1, (40, 40, 40))
    asked = []
    for unit in (au, long):
        engine = unit.fourier.engine
        monkeypatch.setattr(engine, "_forward", lambda values, out, threads: asked.append((len(values), threads)))
    for rows in (0, 1, 3):
        au_dft(np.ones((rows, au.size)), au, workers=8)
    au_dft(np.ones(long.size), long, workers=8)
    assert asked == [(0, 1), (1, 1), (3, 3), (1, 8)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("number", [1, 2, 14, 62, 166, 198, 225, 227])
def test_any_number_of_threads_gives_the_same_bits(number, dtype, shared):
    au = asymmetric_unit(number, next_compatible_shape(number, (36, 36, 36)))
    for batch in (1, 3):
        values = np.random.default_rng(number).standard_normal((batch, au.size)).astype(dtype)
        f = au_dft(values, au)
        back = au_idft(f, au)
        for workers in (2, 3, 5):
            assert np.array_equal(au_dft(values, au, workers=workers), f)
            assert np.array_equal(au_idft(f, au, workers=workers), back)


@pytest.mark.parametrize("number", [22, 47, 62, 139, 195, 225, 227])
def test_blocks_in_halves_in_threads(number, monkeypatch):
    """As on large grids, where blocks take one another's places."""
    monkeypatch.setattr(halves, "LONGEST", dict.fromkeys(halves.LONGEST, 3))
    plan = plan_blocks(asymmetric_unit(number, (24, 24, 24)).orbits)
    values = np.random.default_rng(number).standard_normal((1, plan.size))
    f = plan.forward(values)
    back = plan.inverse(f)
    for threads in (2, 3, 7):
        assert np.array_equal(plan.forward(values, threads=threads), f)
        assert np.array_equal(plan.inverse(f, threads=threads), back)


@pytest.mark.parametrize("number", [14, 62])
def test_more_threads_than_there_can_be(number, shared):
    """As many as there can be share the parts of a transform."""
    au = asymmetric_unit(number, (24, 24, 24))
    values = np.random.default_rng(0).standard_normal((1, au.size))
    workers = 3 * threads_module.MOST_THREADS + 1
    f = au_dft(values, au)
    assert np.array_equal(au_dft(values, au, workers=workers), f)
    assert np.array_equal(au_idft(f, au, workers=workers), au_idft(f, au))


def test_threads_are_not_made_anew():
    au = asymmetric_unit(14, (16, 16, 16))
    values = np.ones((4, au.size))
    au_dft(values, au, workers=2)
    before = {thread.name for thread in threading.enumerate()}
    for _ in range(20):
        au_dft(values, au, workers=2)
    assert {thread.name for thread in threading.enumerate()} == before


def test_callers_in_several_threads_have_helpers_of_their_own():
    au = asymmetric_unit(14, (16, 16, 16))
    values = np.random.default_rng(0).standard_normal((6, au.size))
    expected, found = au_dft(values, au), []

    def call():
        found.extend(au_dft(values, au, workers=3) for _ in range(20))

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 80
    assert all(np.array_equal(f, expected) for f in found)


def test_what_was_computed_is_let_go():
    au = asymmetric_unit(14, (16, 16, 16))
    values, out = np.ones((4, au.size)), np.empty((4, len(au.hkl)), dtype=np.complex128)
    au_dft(values, au, workers=2, out=out)
    before = sys.getrefcount(values), sys.getrefcount(out)
    for _ in range(5):
        au_dft(values, au, workers=2, out=out)
    assert (sys.getrefcount(values), sys.getrefcount(out)) == before


class Interrupted:
    """What tracing calls: raises KeyboardInterrupt in the threads of this library, before a step of some number.

    Python looks for signals after calls, at jumps back and where a function begins; `anywhere` is between any two.
    """

    def __init__(self, step, *, anywhere=True, armed=True):
        self.left, self.anywhere, self.armed = step, anywhere, armed
        self.raised = False

    def __call__(self, frame, event, argument):
        if frame.f_code.co_filename != threads_module.__file__ or frame.f_code.co_name == "__del__":
            return None  # errors of finalizers are reported, not raised
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode" and self.armed and not self.raised and (self.anywhere or looks_for_signals(frame)):
            self.left -= 1
            if self.left < 0:
                self.raised = True
                raise KeyboardInterrupt
        return self


def looks_for_signals(frame):
    steps = list(dis.get_instructions(frame.f_code))
    here = next(i for i, step in enumerate(steps) if step.offset == frame.f_lasti)
    return steps[here].opname.startswith(("RESUME", "JUMP_BACKWARD")) or "CALL" in steps[here - 1].opname


def met_by(interrupted, share):
    """Call a function in a thread of its own, and return what came through; fail if it never ends."""
    met = []

    def call():
        sys.settrace(interrupted)
        try:
            share()
        except BaseException as error:
            met.append(error)
        finally:
            sys.settrace(None)

    caller = threading.Thread(target=call, daemon=True)
    caller.start()
    caller.join(20)
    assert not caller.is_alive(), "waits for ever"
    return met


def helpers():
    return [thread for thread in threading.enumerate() if thread.name == "symfft"]


def test_rows_of_batches_that_follow_one_another():
    """Short ones of all sizes, while helpers come and go: each row once, in the arrays of its own batch."""
    au = asymmetric_unit(225, (12, 12, 12))
    random = np.random.default_rng(0)
    values = random.standard_normal((40, au.size))
    f = au_dft(values, au)
    for turn in range(2000):
        first = int(random.integers(0, 30))
        rows = slice(first, first + int(random.integers(2, 11)))
        found = au_dft(values[rows], au, workers=2 + turn % 2)
        assert np.array_equal(found, f[rows])
        assert np.array_equal(au_dft(values[:1].repeat(2, axis=0), au, workers=2), f[:1].repeat(2, axis=0))
        if turn % 100 == 0:
            time.sleep(1e-3)  # helpers stop to look


class Shared:
    """Nine items posted and computed in Python, the last five when the others are done; how many are at work."""

    def __init__(self):
        self.lock, self.running, self.done = threading.Lock(), 0, []

    def taken(self, board):
        with self.lock:
            left = int(board[LEFT] % POST)
            item = int(board[ITEMS]) - left
            if left == 0 or (item >= 4 and board[DONE] < 4):
                return None
            board[LEFT] -= 1
            self.running += 1
            return item

    def compute(self, board, item):
        time.sleep(1e-4)
        with self.lock:
            self.running -= 1
            self.done.append(item)
            board[DONE] += 1

    def look(self, thread, board, looks):
        for _ in range(20 if looks else 1):
            while (item := self.taken(board)) is not None:
                self.compute(board, item)
            time.sleep(1e-5)

    def post(self, board, looks):
        with self.lock:
            board[ITEMS], board[DONE] = 9, 0
            board[LEFT] = (board[LEFT] // POST + 1) * POST + 9
        while (item := self.taken(board)) is not None:
            self.compute(board, item)


def test_a_team_computes_every_item_once_and_in_stages():
    shared = Shared()
    team = Team(3, shared.look)
    for _ in range(50):
        team.share(shared.post)
        assert sorted(shared.done[:4]) == list(range(4))
        assert sorted(shared.done) == list(range(9))
        shared.done.clear()


def test_an_interruption_between_any_two_steps_ends_a_team_and_loses_no_helper():
    for step in range(10_000):
        shared, interrupted = Shared(), Interrupted(step)
        team = Team(3, shared.look)
        met = met_by(interrupted, partial(team.share, shared.post))
        del team
        assert shared.running == 0, f"items go on after an interruption before step {step}"
        assert sorted(shared.done) in ([], list(range(9)))
        if not interrupted.raised:
            break
        assert [type(error) for error in met] == [KeyboardInterrupt]
    assert step > 50
    gc.collect()
    for _ in range(200):
        if len(helpers()) <= len(threads_module._idle):
            break
        time.sleep(0.01)
    assert len(helpers()) <= len(threads_module._idle)


@pytest.mark.parametrize("number", [2, 62, 225])
def test_parts_of_transforms_that_follow_one_another(number, shared):
    """Stages wait for one another, with as many threads as processors and with more, while helpers come and go."""
    au = asymmetric_unit(number, (24, 24, 24))
    values = np.random.default_rng(number).standard_normal((5, au.size))
    f = au_dft(values, au)
    back = au_idft(f, au)
    for turn in range(300):
        row, workers = turn % 5, 2 + turn % 4
        assert np.array_equal(au_dft(values[row], au, workers=workers), f[row])
        assert np.array_equal(au_idft(f[row], au, workers=workers), back[row])
        if turn % 50 == 0:
            time.sleep(1e-3)  # helpers stop to look


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_results_that_no_cache_holds(dtype):
    """They are written past the caches, where they begin with a vector and where they do not."""
    au = asymmetric_unit(2, (48, 48, 48))
    values = np.random.default_rng(0).standard_normal((80, au.size)).astype(dtype)
    expected = np.stack([au_dft(row, au) for row in values])
    assert expected.nbytes >= 1 << 24
    for shift in (0, 1):
        room = aligned((expected.size + shift,), expected.dtype)
        out = room[shift:].reshape(expected.shape)
        for workers in (1, 2):
            out[:] = 0
            assert np.array_equal(au_dft(values, au, workers=workers, out=out), expected)


def test_a_second_interruption_waits_for_all_items_too():
    for step in range(1000):
        shared, interrupted = Shared(), Interrupted(step, anywhere=False, armed=False)

        def post(board, looks, shared=shared, interrupted=interrupted):
            with shared.lock:
                board[ITEMS], board[DONE] = 9, 0
                board[LEFT] = (board[LEFT] // POST + 1) * POST + 9
            interrupted.armed = True
            raise KeyboardInterrupt

        met = met_by(interrupted, partial(Team(3, shared.look).share, post))
        assert shared.running == 0, f"items go on after a second interruption before step {step}"
        assert sorted(shared.done) == list(range(9))
        assert [type(error) for error in met] == [KeyboardInterrupt]
        if not interrupted.raised:
            break
    assert step > 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_helper_that_fails_is_not_used_again():
    """Nobody waits for it: who posts computes what it has not taken."""
    shared = Shared()

    def look(thread, board, looks):
        if thread:
            raise ValueError("of a helper")
        shared.look(thread, board, looks)

    team = Team(2, look)
    for _ in range(3):
        team.share(shared.post)
        assert sorted(shared.done) == list(range(9))
        shared.done.clear()
    for _ in range(200):
        if len(helpers()) <= len(threads_module._idle):
            break
        time.sleep(0.01)
    assert len(helpers()) <= len(threads_module._idle)


@pytest.mark.parametrize("workers", [0, 1.5, True, "2"])
def test_numbers_of_threads_that_are_none(workers):
    with pytest.raises(ShapeError, match="workers"):
        count_of(workers)


def test_arrays_begin_with_a_cache_line():
    for dtype in (np.float32, np.complex128):
        array = aligned((3, 5), dtype)
        assert array.shape == (3, 5)
        assert array.dtype == dtype
        assert array.ctypes.data % 64 == 0
