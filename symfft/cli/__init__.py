"""The command `symfft`."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from symfft.cli.exit_codes import INTERRUPTED


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, one of :mod:`symfft.cli.exit_codes`.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        0 done, 1 the answer is no (broken symmetry), 2 failed, 70 internal error, 130 interrupted, 141 the reader of
        standard output has gone.
    """
    if argv is not None:
        from symfft.cli.execution import execute

        return execute(argv)
    # While modules are being imported an exception could come out as another one; nothing is open yet.
    signal.signal(signal.SIGINT, _leave)
    from symfft.cli.execution import Interrupt, execute

    Interrupt().install()
    return leave(execute(sys.argv[1:]))


def leave(code: int) -> int:
    """Return an exit code, the result being out; after an interruption end the process with it here and now.

    Python ends itself by the signal where code that it ran from a string was interrupted, whoever caught that. Children
    end with it. From here on interruptions do nothing: Python is about to take its handlers down.
    """
    if code == INTERRUPTED:
        if started := sys.modules.get("multiprocessing"):
            for process in started.active_children():
                process.kill()
        if used := sys.modules.get("multiprocessing.util"):
            used._run_finalizers(0)  # gives semaphores back, as Python does where it ends as usual
        os._exit(code)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a mask would be this thread's alone
    gc.freeze()  # Python, which ends now, looks for cycles among all that it has: 0.3 s where torch is loaded
    return code


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    os.write(2, b"symfft: interrupted\n")
    os._exit(INTERRUPTED)
