"""Read lines and blocks of numbers from a text file of any length through a window of fixed size."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from itertools import islice
from types import TracebackType
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from symfft.density import Density
from symfft.errors import DensityFormatError, ShapeError
from symfft.io._compressed import DecompressionError, PathLike, Source
from symfft.io._parse_kernels import BAD, BATCH, DONE, FIELD, LONG, MARGIN, parse_lines, parse_numbers
from symfft.io._powers import powers_of_ten

#: A number in Fortran's or C's notation; an exponent of three digits may lack its letter. The group is atomic, so that
#: no text makes a search slow.
NUMBER = rb"(?>[-+]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][-+]?\d{1,4}|[-+]\d{3}(?![\d.]))?)"
_NUMBER = re.compile(NUMBER)

#: What numbers in plain notation are made of: nothing that Python's conversion takes and the formats do not.
_PLAIN = re.compile(rb"[0-9Ee+\-. \t\r\n]*")
_FIELD = re.compile(rb"\S+")
#: Python's conversion takes exponents of any length.
_LONG_EXPONENT = re.compile(rb"[Ee][-+]?\d{5}")


class _Plain:
    """How many more numbers this process converts with Python before it loads or compiles the loops that do it faster.

    Two million take 0.3 s, numba's import and its compiler several; who reads many files pays the 0.3 s once.
    """

    left = 1 << 21


def leave_plain_notation() -> None:
    """Let compiled loops convert all numbers from now on."""
    _Plain.left = 0


#: Bytes held in memory at a time: they stay in the processor's cache.
WINDOW = 1 << 18
#: Bytes kept behind the reading position, to look back at the line.
HISTORY = 256
#: No header line is longer.
LONGEST_LINE = 1 << 16
#: No format takes more bytes for a number, blanks and line ends included.
LONGEST_NUMBER = 64
#: Blank lines in one place beyond which a file is not read on.
MOST_BLANK_LINES = 1000
#: Most fields of :data:`FIELD` characters on a line; a batch of lines must fit into the window.
MOST_FIELDS = 16
#: Numbers that a compressed file may always hold, and for each of its bytes: memory follows the file.
FREE_NUMBERS, NUMBERS_PER_BYTE = 1 << 22, 4
#: Points a grid may have unless the caller allows more (645³; 4.8 GB of CHGCAR text).
MAX_POINTS = 1 << 28


class TextReader:
    """A text file, plain or compressed, read from front to back; every failure names the file and the line.

    Parameters
    ----------
    path : path-like
        The file; gzip, xz, bzip2 and Zstandard are recognised by content.
    error : type
        Class of the errors raised, a child of :class:`symfft.errors.DensityFormatError`.
    """

    def __init__(self, path: PathLike, error: type[DensityFormatError] = DensityFormatError) -> None:
        self.path = path
        self.line = 1
        self._error = error
        self._source = Source(path)
        self._window = bytearray(WINDOW + MARGIN)
        self._text = np.frombuffer(self._window, dtype=np.uint8)
        self._words = np.ndarray(WINDOW, dtype=np.uint64, buffer=self._window, strides=(1,))
        self._start = self._stop = 0
        self._delivered = 0
        self._at_end = False
        self._pushed: bytes | None = None
        #: Whether the last block of numbers went through compiled loops.
        self.compiled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        """Raise the reader's error at a line, by default the current one."""
        raise self._error(self.path, message, line=self.line if line is None else line)

    def density(self, **fields: Any) -> Density:
        """Return a density of what was read; one that cannot be is an error of the file."""
        try:
            return Density(**fields)
        except ShapeError as error:
            raise self._error(self.path, str(error)) from error

    # ---- lines ------------------------------------------------------------------------------------------------------

    def read_line(self) -> bytes | None:
        """Return the next line, or the rest of the current one, without its end; None where the file ends."""
        if self._pushed is not None:
            line, self._pushed = self._pushed, None
            self.line += 1
            return line
        searched = self._start
        while True:
            found = self._window.find(b"\n", searched, self._stop)
            stop = self._stop if found < 0 else found
            if stop - self._start > LONGEST_LINE:
                self.fail(f"expected a line of text, this one has more than {LONGEST_LINE} bytes")
            if found < 0 and not self._at_end:
                searched = stop - self._fill()
                continue
            if found < 0 and self._start == stop:
                return None
            line = bytes(self._window[self._start : stop])
            self._start = min(stop + 1, self._stop)
            self.line += 1
            return line.removesuffix(b"\r")

    def push_back(self, line: bytes) -> None:
        """Let the next :meth:`read_line` return the line that was just read once more."""
        self._pushed = line
        self.line -= 1

    def expect_line(self, what: str) -> bytes:
        """Return the next line; fail where the file ends."""
        line = self.read_line()
        if line is None:
            self.fail(f"expected {what}, the file ends")
        return line

    def next_text(self) -> bytes | None:
        """Return the next line that is not blank, or None where the file ends."""
        for _ in range(MOST_BLANK_LINES):
            line = self.read_line()
            if line is None or line.strip():
                return line
        return self.fail(f"expected text or the end of the file, found more than {MOST_BLANK_LINES} blank lines")

    # ---- numbers ----------------------------------------------------------------------------------------------------

    def read_numbers(self, count: int, what: str, text: list[bytes] | None = None) -> NDArray[np.float64]:
        """Read a block of numbers, however they are spread over lines.

        Memory grows with the text that was actually there, not with what was promised.

        Parameters
        ----------
        count : int
            How many numbers.
        what : str
            What they are, for messages.
        text : list of bytes, optional
            Receives the text itself, piece by piece.

        Returns
        -------
        (count,) float64
            The doubles nearest to the decimal numbers.
        """
        first_line, begin = self.line, self._delivered - (self._stop - self._start)
        source = self._source
        if source.plain:
            left = source.size - begin
            if 2 * count > left + 1:
                self.fail(
                    f"expected {count} {what}, at least {2 * count - 1} bytes, the file has only {left} more bytes"
                )
        plain = self._read_plain(count, text) if count <= _Plain.left else np.empty(0)
        out = np.empty(count if source.plain else min(count, max(4096, source.size, 2 * len(plain))))
        filled = goal = len(plain)
        out[:filled] = plain
        self.compiled = filled < count
        if not self.compiled:
            _Plain.left -= count
            if count and self._start == self._stop:
                self._check_last_number(what)
            return out
        leave_plain_notation()
        per_line = self._fields_per_line() if text is None else 0
        while True:
            if filled == goal:
                filled = self._read_lines(out, filled, per_line) if per_line else filled
                goal = min(len(out), (filled // per_line + BATCH) * per_line) if per_line else len(out)
            before = self._start
            status, position, filled, newlines, token_end = parse_numbers(
                self._text, before, self._stop, self._at_end, out, filled, goal, *powers_of_ten()
            )
            self.line += newlines
            self._start = position
            if text is not None:
                text.append(bytes(self._window[before:position]))
            if status == DONE:
                if filled == count:
                    break
                if filled < len(out):
                    continue
                limit = source.largest_expansion(FREE_NUMBERS, NUMBERS_PER_BYTE)
                if limit is not None and filled > limit:
                    self.fail(
                        f"expected {count} {what}, {filled} of them came from a much smaller compressed file: "
                        "if this is meant, decompress it first"
                    )
                out = np.concatenate([out, np.empty(min(len(out), count - len(out)))])
            elif status == LONG:
                number = bytes(self._window[position:token_end])
                out[filled] = as_float(number)
                if not np.isfinite(out[filled]):
                    self._fail_number(what)
                filled += 1
                self._start = token_end
                if text is not None:
                    text.append(number)
            elif status == BAD:
                self._fail_number(what)
            elif self._at_end:
                self.fail(f"expected {count} {what} from line {first_line} on, the file ends after {filled}")
            else:
                self._fill()
                if self._delivered - begin > LONGEST_NUMBER * count + 2 * WINDOW:
                    self.fail(f"expected {count} {what}, found only {filled} in {self._delivered - begin} bytes")
        if self._start == self._stop:
            self._check_last_number(what)
        return out

    def _read_plain(self, count: int, text: list[bytes] | None) -> NDArray[np.float64]:
        """Read numbers in plain notation with Python's own conversion, as many of `count` as there are of that kind."""
        pieces: list[NDArray[np.float64]] = []
        left = count
        while left:
            stop = _PLAIN.match(self._window, self._start, self._stop).end()  # type: ignore[union-attr]
            whole = stop if stop == self._stop and self._at_end else self._window.rfind(b"\n", self._start, stop) + 1
            if whole <= self._start:
                if stop < self._stop or self._at_end or stop - self._start > LONGEST_LINE:
                    break
                self._fill()
                continue
            chunk = bytes(self._window[self._start : whole])
            if _LONG_EXPONENT.search(chunk):
                break
            fields = chunk.split()
            if len(fields) >= left:
                fields = fields[:left]
                chunk = chunk[: next(islice(_FIELD.finditer(chunk), left - 1, None)).end()]
            try:
                values = np.fromiter(map(float, fields), np.float64, len(fields))
            except ValueError:
                break
            if not np.isfinite(values).all():
                break
            pieces.append(values)
            left -= len(fields)
            self._start += len(chunk)
            self.line += chunk.count(b"\n")
            if text is not None:
                text.append(chunk)
        return np.concatenate(pieces) if pieces else np.empty(0)

    def expect_line_end(self, what: str) -> None:
        """Read the rest of a line on which a block of numbers ended; only zeros that fill up the line may follow."""
        number = self.line
        rest = self.read_line()
        if rest and any(as_float(field, default=1.0) != 0.0 for field in rest.split()):
            self.fail(f"expected the line to end after the last of the {what}, found {show(rest)}", line=number)

    def _fields_per_line(self) -> int:
        """Return how many fields (1X,E17.11) would make up the next line; 0 if it has another length."""
        width = self._window.find(b"\n", self._start, self._stop) - self._start
        return width // FIELD if width > 0 and width % FIELD == 0 and width <= MOST_FIELDS * FIELD else 0

    def _read_lines(self, out: NDArray[np.float64], filled: int, per_line: int) -> int:
        """Read lines of such fields, by the batch, as far as they go; return how many numbers there are then."""
        width = per_line * FIELD + 1
        behind = int(self._window[self._start] != 10)  # the line end before the next line may have been passed
        if self._window[self._start - behind] != 10:
            return filled
        while True:
            lines = min((self._stop - self._start - 1 + behind) // width, (len(out) - filled) // per_line)
            read = parse_lines(self._words, self._start - behind, lines, per_line, out, filled, powers_of_ten()[0])
            if read:
                self._start += read * width - behind
                self.line += read - behind
                filled += read * per_line
                behind = 0
            if lines - read >= BATCH or len(out) - filled < BATCH * per_line or self._at_end:
                return filled
            self._fill()

    def _fail_number(self, what: str) -> NoReturn:
        position = self._start
        word = bytes(self._window[position : min(self._stop, position + 48)]).split()[:1] or [b""]
        reason = ""
        if word[0].startswith(b"*"):
            reason = ": the value did not fit its field when it was written, and is lost"
        self.fail(f"expected one of the {what}, found {show(word[0])}{reason}")

    def _check_last_number(self, what: str) -> None:
        # No line end follows: a number cut short looks like a number, only its field is shorter than the one before.
        tail = bytes(self._window[max(0, self._stop - HISTORY) : self._stop])
        fields = _NUMBER.findall(tail)[-2:]
        if len(fields) < 2 or len({len(field) - field.find(b".") for field in fields}) > 1:
            self.fail(
                f"expected a line end after the last of the {what}, the file ends in {show(tail.split()[-1])}; "
                "if this number is complete, add a line end"
            )

    def _fill(self) -> int:
        """Read on; return by how many bytes the text moved towards the front of the window."""
        shift = max(0, self._start - HISTORY)
        if shift:
            kept = self._stop - shift
            self._window[:kept] = self._window[shift : self._stop]
            self._start, self._stop = self._start - shift, kept
        if self._stop == WINDOW:
            self.fail(f"expected lines and numbers, found one of more than {WINDOW - HISTORY} bytes")
        try:
            got = self._source.stream.readinto(memoryview(self._window)[self._stop : WINDOW])  # type: ignore[attr-defined]
        except DecompressionError as error:
            self.fail(f"the compressed data is damaged or cut off after {self._delivered} bytes of text ({error})")
        self._at_end = got == 0
        self._stop += got
        self._delivered += got
        limit = self._source.largest_expansion()
        if limit is not None and self._delivered > limit:
            self.fail(f"the compressed data goes on after {limit} bytes of text: if this is meant, decompress it first")
        self._window[self._stop] = 0
        return shift


def as_float(field: bytes, default: float | None = None) -> float:
    """Convert a number in Fortran's or C's notation.

    Examples
    --------
    >>> as_float(b"-.302333-128"), as_float(b"1.5D+01")
    (-3.02333e-129, 15.0)
    """
    if not _NUMBER.fullmatch(field):
        if default is None:
            raise ValueError(f"not a number: {show(field)}")
        return default
    with suppress(ValueError):
        return float(field)
    text = field.decode().lower().replace("d", "e")
    if "e" not in text[1:] and text[-4:-3] in ("+", "-") and len(text) > 4:
        text = f"{text[:-4]}e{text[-4:]}"
    return float(text)


def leading_numbers(line: bytes, count: int) -> tuple[list[float], bytes] | None:
    """Return the first `count` numbers of a line, which may touch, and the rest of it; None if there are fewer.

    Examples
    --------
    >>> leading_numbers(b" 0.500000-10.250000 1.0 T T F", 3)
    ([0.5, -10.25, 1.0], b' T T F')
    """
    match = _leading(count).match(line)
    if match is None:
        return None
    return [as_float(field) for field in _NUMBER.findall(match[0])], line[match.end() :]


@cache
def _leading(count: int) -> re.Pattern[bytes]:
    return re.compile(rb"\s*" + NUMBER + (rb"(?:\s+|(?=[-+]))" + NUMBER) * (count - 1) + rb"(?=\s|$)")


def show(text: bytes) -> str:
    """Return text for an error message: quoted, on one line, not too long."""
    shown = text.strip().decode("ascii", "backslashreplace")
    return repr(shown if len(shown) <= 60 else f"{shown[:57]}...")
