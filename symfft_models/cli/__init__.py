"""The command `symfft-vae`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, one of :mod:`symfft.cli.exit_codes`.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        0 done, 1 the answer is no (generated files do not hold what they should), 2 failed, 70 internal error,
        130 interrupted, 141 the reader of standard output has gone.
    """
    if argv is not None:
        from symfft.cli.execution import execute
        from symfft_models.cli.registry import PROGRAM

        return execute(argv, PROGRAM)
    # While modules are being imported an exception could come out as another one; nothing is open yet.
    signal.signal(signal.SIGINT, _leave)
    from symfft.cli import leave
    from symfft.cli.execution import Interrupt, execute
    from symfft_models.cli.registry import PROGRAM

    Interrupt().install()
    return leave(execute(sys.argv[1:], PROGRAM))


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    os.write(2, b"symfft-vae: interrupted\n")
    os._exit(130)
