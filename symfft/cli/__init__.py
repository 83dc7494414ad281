"""The command `symfft`."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from symfft.cli.arguments import build_parser
from symfft.errors import IncompatibleGridError, NotSymmetricError, SymfftError

DONE, BROKEN, FAILED = 0, 1, 2
#: As shells report a process that ends on SIGINT or SIGPIPE.
INTERRUPTED, PIPE_CLOSED = 130, 141

#: Commands that take several files and go on after a bad one.
BY_FILE = ("info", "check")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        0 done, 1 the density or its grid breaks the symmetry, 2 wrong usage or unreadable input, 130 interrupted,
        141 the reader of standard output has gone.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # Å and file names, whatever the terminal's encoding
    try:
        code = _run(argv)
        sys.stdout.flush()
    except SystemExit as leave:  # argparse, after --help or an error
        return leave.code if isinstance(leave.code, int) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # the interpreter flushes standard output once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return code


def _run(argv: Sequence[str] | None) -> int:
    options = vars(build_parser().parse_args(argv))
    command, as_json = options.pop("command"), options.pop("json")

    from symfft.cli import commands, text

    function, show = getattr(commands, command), getattr(text, command)
    if command not in BY_FILE:
        code, result = _attempt(function, options)
        if as_json:
            print(json.dumps({"command": command, **result}))
        elif "error" not in result:
            print(show(result))
        return code

    results, worst = [], DONE
    for file in options.pop("files"):
        code, result = _attempt(function, {"file": file, **options})
        worst = max(worst, code)
        results.append({"file": file, **result})
        if not as_json and "error" not in result:
            print(show(results[-1]), flush=True)
    if as_json:
        print(json.dumps({"command": command, "files": results}))
    return worst


def _attempt(function: Any, options: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return exit code and result; an expected failure becomes one line on standard error."""
    try:
        result: dict[str, Any] = function(**options)
    except (SymfftError, OSError, MemoryError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        message = _one_line(error)
        print(f"symfft: error: {message}", file=sys.stderr)
        return BROKEN if isinstance(error, (NotSymmetricError, IncompatibleGridError)) else FAILED, {"error": message}
    return BROKEN if result.get("symmetric") is False else DONE, result


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory for this grid"
    return " ".join(str(error).split()) or type(error).__name__
