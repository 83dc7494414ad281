"""Run a subcommand and turn whatever happens into lines of text or JSON and one exit code."""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from symfft.cli import exit_codes
from symfft.cli.command import Command, Result
from symfft.cli.parser import build_parser
from symfft.cli.registry import COMMANDS, load


def execute(argv: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # Å and file names, whatever the terminal's encoding
    try:
        code = _run(argv)
        if sys.stdout is not None:
            sys.stdout.flush()
    except SystemExit as leave:  # argparse, after --help or an error
        code = leave.code if isinstance(leave.code, int) else exit_codes.FAILED
    except KeyboardInterrupt:
        _say("interrupted")
        code = exit_codes.INTERRUPTED
    except BrokenPipeError:
        code = exit_codes.PIPE_CLOSED
    except OSError as error:
        _say(f"error: standard output: {error.strerror or error}")
        code = exit_codes.FAILED
    return code if _flushed() else max(code, exit_codes.FAILED)


def _run(argv: Sequence[str]) -> int:
    name = next((argument for argument in argv if argument in COMMANDS), None)
    options = vars(build_parser(name or "").parse_args(argv))
    name, as_json = options.pop("command"), options.pop("json")
    if "reading" in options:
        options["reading"] = {key: options.pop(key) for key in options["reading"]}
    command = load(name)
    if not command.by_file:
        code, result = _attempt(command, options)
        _show(name, command, result, as_json)
        return code
    worst = exit_codes.DONE
    for file in options.pop("files"):
        code, result = _attempt(command, {"file": file, **options})
        worst = max(worst, code)
        _show(name, command, {"file": file, **result}, as_json)
    return worst


def _show(name: str, command: Command, result: Result, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"command": name, **result}), flush=True)
    elif "error" not in result:
        print(command.text(result), flush=True)


def _attempt(command: Command, options: dict[str, Any]) -> tuple[int, Result]:
    """Return exit code and result; a failure becomes one line on standard error."""
    from symfft.errors import IncompatibleGridError, NotSymmetricError, SymfftError

    try:
        result = command.run(**options)
    except BrokenPipeError:
        raise
    except (NotSymmetricError, IncompatibleGridError) as error:
        code, message = exit_codes.NEGATIVE, _one_line(error)
    except (SymfftError, OSError, MemoryError) as error:
        code, message = exit_codes.FAILED, _one_line(error)
    except Exception as error:
        if "SYMFFT_TRACEBACK" in os.environ:
            traceback.print_exc()
        code = exit_codes.INTERNAL
        message = f"internal error, please report it ({type(error).__name__}: {_one_line(error)})"
    else:
        return exit_codes.NEGATIVE if result.get("symmetric") is False else exit_codes.DONE, result
    _say(f"error: {message}")
    return code, {"error": message}


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory for this grid"
    return " ".join(str(error).split()) or type(error).__name__


def _say(message: str) -> None:
    try:
        print(f"symfft: {message}", file=sys.stderr, flush=True)
    except OSError:
        return


def _flushed() -> bool:
    """Whether both streams took everything; one that does not is replaced, since Python flushes it again at its end."""
    done = True
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            done = False
    return done
