"""Run a task on many files in processes that may die: results in the order of the files, in a bounded window."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from symfft import SymfftError
from symfft._processes import ignore_interrupts, uninterrupted
from symfft_models.datasets.prepare.standardize import Outcome

Task = Callable[[str], Outcome]

#: Files under way or waiting for an earlier one, for each worker.
WINDOW = 4
#: Seconds that a process may take to start, or to compile something, at least: the clock of its file waits for it.
PATIENCE = 300.0
#: What a process says beside outcomes.
STARTED, COMPILES, COMPILED = "started", "compiles", "compiled"


def local_outcomes(
    paths: Iterable[str], task: Task, *, jobs: int, timeout: float = 600.0, memory: int | None = None
) -> Iterator[Outcome]:
    """Yield ``task(path)`` for every path, in order, computed by `jobs` processes.

    A file whose process dies is refused as ``crashed``, one that takes longer than `timeout` seconds as ``timed out``
    (the time in which its process starts or compiles is not the file's); a new process takes over. Where `memory`
    (bytes of address space for each process) runs out, Python raises MemoryError, which the task turns into a refusal,
    or the process dies. Linux keeps to `memory`; macOS does not.

    Parameters
    ----------
    paths : iterable of str
        Consumed as far as needed.
    task : callable
        Importable by name, or a :func:`functools.partial` of such.
    """
    waiting = enumerate(paths)
    done: dict[int, Outcome] = {}
    emitted = 0
    workers = [_Worker(task, memory) for _ in range(jobs)]
    try:
        while True:
            for worker in workers:
                if worker.job is None and emitted + WINDOW * jobs > _started(workers, done, emitted):
                    job = next(waiting, None)
                    if job is not None:
                        worker.start(*job, timeout)
            busy = [worker for worker in workers if worker.job is not None]
            if not busy:
                return
            left = min(worker.deadline for worker in busy) - time.monotonic()
            ready = multiprocessing.connection.wait([worker.connection for worker in busy], max(0.0, left))
            for worker in busy:
                assert worker.job is not None
                index, path = worker.job
                if worker.connection in ready:
                    outcome = worker.answer(path, timeout)
                    if outcome is None:
                        continue
                    done[index] = outcome
                elif time.monotonic() >= worker.deadline:
                    worker.stop()
                    done[index] = Outcome(path, reason="timed out", detail=f"took longer than {timeout:g} s")
                else:
                    continue
                worker.job = None
                if not worker.process.is_alive():
                    workers[workers.index(worker)] = _Worker(task, memory)
            while emitted in done:
                yield done.pop(emitted)
                emitted += 1
    finally:
        for worker in workers:
            worker.stop()


def dask_outcomes(paths: Iterable[str], task: Task, *, scheduler: str) -> Iterator[Outcome]:
    """Yield ``task(path)`` for every path, in order, computed on an existing Dask cluster.

    Raises
    ------
    ImportError
        If Dask is missing; the message says how to install it.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError('--scheduler needs Dask: pip install "symfft[data]"') from error
    waiting = iter(paths)
    with Client(scheduler) as client:
        workers = sum(client.nthreads().values())
        window: list[tuple[str, Any]] = []
        while True:
            while len(window) < WINDOW * max(1, workers) and (path := next(waiting, None)) is not None:
                window.append((path, client.submit(task, path, pure=False, retries=0)))
            if not window:
                return
            path, future = window.pop(0)
            try:
                yield future.result()
            except Exception as error:  # a worker that died, or was killed for its memory
                yield Outcome(path, reason="crashed", detail=f"{type(error).__name__}: {error}")


def _started(workers: list[_Worker], done: dict[int, Outcome], emitted: int) -> int:
    return emitted + len(done) + sum(worker.job is not None for worker in workers)


@dataclass
class _Worker:
    """A process that takes paths and gives outcomes; at most one at a time."""

    task: Task
    memory: int | None
    job: tuple[int, str] | None = None
    deadline: float = 0.0
    started: bool = False
    left: float = 0.0

    def __post_init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.task, self.memory), daemon=True)
        with uninterrupted():
            self.process.start()
        theirs.close()

    def start(self, index: int, path: str, timeout: float) -> None:
        """Hand over a path."""
        patience = timeout if self.started else max(timeout, PATIENCE)
        self.job, self.deadline = (index, path), time.monotonic() + patience
        with suppress(OSError):  # it died while idle; its answer says so
            self.connection.send(path)

    def answer(self, path: str, timeout: float) -> Outcome | None:
        """Return an outcome; None for the sign that the process has started, compiles, or has compiled."""
        try:
            message: Outcome | str = self.connection.recv()
            self.started = True
            if isinstance(message, Outcome):
                return message
            now = time.monotonic()
            if message == STARTED:
                self.deadline = now + timeout
            elif message == COMPILES:
                self.left, self.deadline = self.deadline - now, now + max(timeout, PATIENCE)
            else:
                self.deadline = now + self.left
            return None
        except (EOFError, OSError):
            self.process.join(5)
            self.stop()
            code = self.process.exitcode or 0
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            if not self.started:
                raise SymfftError(
                    f"a worker process died with {how} before it read its first file: this is no file's fault; "
                    "see what it printed, or allow it more memory"
                ) from None
            return Outcome(path, reason="crashed", detail=f"the process that read it died with {how}")

    def stop(self) -> None:
        """End the process, by force where it is at work."""
        self.connection.close()
        self.process.join(0.05 if self.job is None else 0)
        if self.process.is_alive():
            self.process.kill()
        self.process.join()


def _serve(connection: Any, task: Task, memory: int | None) -> None:
    """Answer paths with outcomes until the other side is gone."""
    ignore_interrupts()
    if memory is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with suppress(EOFError, OSError), _compilation_told(connection):
        connection.send(STARTED)
        while True:
            connection.send(task(connection.recv()))


@contextmanager
def _compilation_told(connection: Any) -> Iterator[None]:
    """Tell the other side when numba begins to compile, and when it has ended."""
    from numba.core import event

    class Listener(event.Listener):
        depth = 0

        def on_start(self, happening: object) -> None:
            self.depth += 1
            if self.depth == 1:
                connection.send(COMPILES)

        def on_end(self, happening: object) -> None:
            self.depth -= 1
            if self.depth == 0:
                connection.send(COMPILED)

    with event.install_listener("numba:compile", Listener()):
        yield
