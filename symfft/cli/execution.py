"""Run a subcommand and turn whatever happens into lines of text or JSON and one exit code."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Any

from symfft.cli import exit_codes
from symfft.cli.command import Command, Program, Result
from symfft.cli.parser import build_parser
from symfft.cli.paths import expand
from symfft.cli.registry import PROGRAM

_LOG = logging.getLogger("symfft")


class _OutputError(OSError):
    """Standard output took no line of a command that is not done; the command itself has not failed."""


class Interrupt:
    """Handler of SIGINT that remembers: while code is compiled, KeyboardInterrupt may become another error.

    Where that happens, :func:`execute` takes the error for the interruption that it is. While a module is imported the
    interruption waits until it is there: an extension module may end the process where an exception comes through it.
    Where nothing can be raised (in a function that C code calls, in a finalizer) it is tried again, too.
    """

    #: Seconds after which an interruption that nothing could take is tried again.
    PATIENCE = 0.02
    arrived = False

    def install(self) -> None:
        """Take the interruptions of this process from now on."""
        self._show_unraisable = sys.unraisablehook
        sys.unraisablehook = self._unraisable
        signal.signal(signal.SIGINT, self)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Interrupt what is running."""
        self.arrived = True
        if not _imports(frame):
            raise KeyboardInterrupt
        self._try_again()

    def _unraisable(self, ignored: sys.UnraisableHookArgs) -> None:
        if issubclass(ignored.exc_type, KeyboardInterrupt):
            self._try_again()
        else:
            self._show_unraisable(ignored)

    def _try_again(self) -> None:
        again = threading.Timer(self.PATIENCE, os.kill, (os.getpid(), signal.SIGINT))
        again.daemon = True
        again.start()


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported at a frame."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


#: The last interruption of a program, with what its frames hold: objects of a library that was interrupted are not
#: taken down before the process ends, which may abort there (seen: a double free).
_interruptions: list[KeyboardInterrupt] = []


def execute(argv: Sequence[str], program: Program = PROGRAM) -> int:
    """Run a program with these arguments and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # Å and file names, whatever the terminal's encoding
    try:
        try:
            code = _run(program, argv)
        except SystemExit as leave:  # argparse, after --help or an error
            code = leave.code if isinstance(leave.code, int) else exit_codes.FAILED
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt as interruption:
        _say(program, program.interrupted)
        code = exit_codes.INTERRUPTED
        _interruptions[:] = [interruption]
    except BrokenPipeError:
        code = exit_codes.PIPE_CLOSED
    except OSError as error:
        _say(program, f"error: standard output: {error.strerror or error}")
        code = exit_codes.FAILED
    return code if _flushed() else max(code, exit_codes.FAILED)


def _run(program: Program, argv: Sequence[str]) -> int:
    name = next((argument for argument in argv if argument in program.commands), None)
    options = vars(build_parser(name or "", program).parse_args(argv))
    name, as_json = options.pop("command"), options.pop("json")
    if "reading" in options:
        options["reading"] = {key: options.pop(key) for key in options["reading"]}
    quiet = options.pop("quiet") if program.verbosity else bool(options.get("quiet"))
    if program.verbosity:
        _set_up_logging(program, options.pop("verbose"))
    command = program.load(name)
    if command.tells:
        options["tell"] = _tell_beside_json if as_json else _tell
    if not command.by_file:
        code, result = _attempt(program, command, options)
        _show(program, name, command, result, as_json, quiet)
        return code
    worst, files = exit_codes.DONE, options.pop("files")
    if "reading" in options:
        files = expand(files)
    with_progress = len(files) > 1 and not quiet and sys.stderr is not None and sys.stderr.isatty()
    for i, file in enumerate(files, start=1):
        if with_progress:
            print(f"\r\x1b[K[{i}/{len(files)}] {file}", end="", file=sys.stderr, flush=True)
        code, result = _attempt(program, command, {"file": file, **options})
        worst = max(worst, code)
        if with_progress:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        _show(program, name, command, {"file": file, **result}, as_json, quiet)
    return worst


def _set_up_logging(program: Program, verbose: int) -> None:
    _LOG.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)])
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(f"{program.name}: %(message)s"))
    _LOG.handlers[:] = [handler]


def _tell(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _OutputError(error.errno, error.strerror) from error


def _tell_beside_json(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show(program: Program, name: str, command: Command, result: Result, as_json: bool, quiet: bool) -> None:
    # a density that went to standard output is not to be mixed with words
    stream = sys.stderr if result.get("output") == "-" else sys.stdout
    if as_json:
        print(json.dumps({"command": name, **result}), file=stream, flush=True)
        return
    if quiet and not program.verbosity:
        return
    shown = {**result, "notes": []} if quiet and "notes" in result else result
    if "error" not in result and (text := command.text(shown)):
        print(text, file=stream, flush=True)


def _attempt(program: Program, command: Command, options: dict[str, Any]) -> tuple[int, Result]:
    """Return exit code and result; a failure becomes one line on standard error."""
    try:
        result = command.run(**options)
    except (BrokenPipeError, _OutputError):
        raise
    except Exception as error:
        if getattr(signal.getsignal(signal.SIGINT), "arrived", False):
            raise KeyboardInterrupt from error
        code, message = _failure(program, error)
    else:
        return command.code(result), result
    _say(program, f"error: {message}")
    return code, {"error": message}


def _failure(program: Program, error: Exception) -> tuple[int, str]:
    """Return the exit code and the line that say what failed."""
    from symfft.errors import IncompatibleGridError, NotSymmetricError, SymfftError

    if isinstance(error, NotSymmetricError | IncompatibleGridError):
        return exit_codes.NEGATIVE, one_line(error)
    if isinstance(error, SymfftError | OSError | MemoryError):
        return exit_codes.FAILED, one_line(error)
    if isinstance(error, ImportError):
        missing = (error.name or "").partition(".")[0]
        if missing in program.extras:
            return (
                exit_codes.FAILED,
                f'this needs {missing}, which is not installed: pip install "{program.extras[missing]}"',
            )
        return exit_codes.FAILED, one_line(error)
    if "SYMFFT_TRACEBACK" in os.environ or _LOG.isEnabledFor(logging.DEBUG):
        traceback.print_exc()
    return exit_codes.INTERNAL, f"internal error, please report it ({type(error).__name__}: {one_line(error)})"


def one_line(error: Exception) -> str:
    """Return what an error says as one line of text."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory for this grid"
    return " ".join(str(error).split()) or type(error).__name__


def _say(program: Program, message: str) -> None:
    try:
        print(f"{program.name}: {message}", file=sys.stderr, flush=True)
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
