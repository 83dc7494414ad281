"""One function of many items in other processes while this one does something else, and then in this one too."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from symfft import SymfftError
from symfft._processes import calls, ignore_interrupts

Item = TypeVar("Item")
Found = TypeVar("Found")

#: Neighbouring items that a process takes at a time: what one of them caches often serves the next.
AT_A_TIME = 4
#: What says how many threads linear algebra takes, read when its library is loaded.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def begun(function: Callable[[Item], Found], items: Sequence[Item], jobs: int) -> Iterator[Callable[[], list[Found]]]:
    """Begin to call a function of each of some items; yield what waits for the results, in their order.

    Who waits computes too, from the last items on, so that one process less is started than there are `jobs`. They are
    started with one thread of linear algebra each: as many as there are cores would wait for each other.

    Parameters
    ----------
    function : callable
        Sent to each process once.
    jobs : int
        Most processes, this one among them.

    Raises
    ------
    SymfftError
        If a process dies, as it does where memory runs out.
    """
    parts = [items[start : start + AT_A_TIME] for start in range(0, len(items), AT_A_TIME)]
    jobs = min(jobs, len(parts))
    if jobs <= 1:
        yield lambda: [function(item) for item in items]
        return
    try:
        with ExitStack() as block:
            claims = _Claims(block.enter_context(TemporaryDirectory(prefix="symfft-")))
            with one_thread():
                started = block.enter_context(calls(_call, [*enumerate(parts)], jobs - 1, _start, function, claims))
            yield lambda: _finished(function, parts, started, claims)
    except BrokenProcessPool:
        raise SymfftError("a process died that computed a part of this: was there memory enough for it?") from None


@dataclass(frozen=True)
class _Claims:
    """Which parts somebody computes: a file for each of them, which only one process can make.

    To cancel what a pool has not begun yet would do, but one of whose processes dies then chokes on it (CPython 3.11).
    """

    folder: str

    def is_mine(self, part: int) -> bool:
        """Claim a part; return whether nobody else had."""
        try:
            os.close(os.open(os.path.join(self.folder, str(part)), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


def _finished(
    function: Callable[[Item], Found],
    parts: Sequence[Sequence[Item]],
    begun: Sequence[Future[list[Found]]],
    claims: _Claims,
) -> list[Found]:
    """Return the results of all parts: from the last on this process takes those that no other one has taken."""
    futures = list(begun)
    for place in reversed(range(len(parts))):
        if not claims.is_mine(place):
            break
        futures[place] = here = Future[list[Found]]()
        try:
            here.set_result([function(item) for item in parts[place]])
        except Exception as error:  # raised below, if none of an item before is
            here.set_exception(error)
            break
    return [result for future in futures for result in future.result()]


@contextmanager
def one_thread() -> Iterator[None]:
    """Have linear algebra that is loaded, or whose process is started, meanwhile compute with one thread.

    Unless the environment says how many.
    """
    unsaid = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unsaid, "1"))
    try:
        yield
    finally:
        for name in unsaid:
            del os.environ[name]


_function: Callable[[Any], Any]
_claims: _Claims


def _start(function: Callable[[Any], Any], claims: _Claims) -> None:
    global _function, _claims
    ignore_interrupts()
    atexit.register(gc.freeze)  # else Python, where it ends, looks for cycles among all that it has
    _function, _claims = function, claims


def _call(part: tuple[int, Sequence[Any]]) -> list[Any]:
    place, items = part
    return [_function(item) for item in items] if _claims.is_mine(place) else []
