"""Decimal text to doubles and back: both directions are rounded correctly."""

from __future__ import annotations

import random
import struct
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from chgcar_text import vasp_number
from hypothesis import given
from hypothesis import strategies as st

from symfft.errors import DensityFormatError, ShapeError
from symfft.io._format import format_grid, fortran_number
from symfft.io._parse_kernels import FIELD
from symfft.io._text import HISTORY, WINDOW, TextReader, _Plain, as_float, leading_numbers

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("numbers") / "text"


def read(scratch: Path, text: str | bytes, count: int) -> np.ndarray:
    """Read numbers with Python's conversion where the notation is plain, and with compiled loops: bit for bit alike."""
    scratch.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.MonkeyPatch.context() as patch, TextReader(scratch) as plain, TextReader(scratch) as compiled:
        patch.setattr(_Plain, "left", 1 << 60)
        try:
            first = plain.read_numbers(count, "numbers")
        except DensityFormatError as error:
            first = str(error)
        patch.setattr(_Plain, "left", 0)
        try:
            second = compiled.read_numbers(count, "numbers")
        except DensityFormatError as error:
            if str(error) != first:
                raise AssertionError(f"{error}, but Python: {first}") from error
            raise
        assert (plain.line, plain._delivered - plain._stop + plain._start) == (
            compiled.line,
            compiled._delivered - compiled._stop + compiled._start,
        )
        assert bits(first) == bits(second)
        return second


def bits(values: object) -> list[int]:
    return np.asarray(values, dtype=np.float64).view(np.uint64).tolist()


@given(st.lists(finite, min_size=1, max_size=40))
def test_shortest_decimals_come_back_bit_for_bit(scratch: Path, values: list[float]) -> None:
    assert bits(read(scratch, " ".join(map(repr, values)) + "\n", len(values))) == bits(values)


@given(st.lists(st.tuples(finite, st.integers(0, 22)), min_size=1, max_size=40))
def test_any_number_of_digits_is_rounded_as_by_python(scratch: Path, values: list[tuple[float, int]]) -> None:
    fields = [f"{x:.{digits}e}" for x, digits in values]
    fields = [field for field in fields if np.isfinite(float(field))]
    assert bits(read(scratch, "\n".join(fields) + "\n", len(fields))) == bits([float(f) for f in fields])


def test_hard_cases_are_rounded_as_by_python(scratch: Path) -> None:
    rng = random.Random(3)
    fields = [
        "0",
        "-0.0",
        "+.5",
        "5.",
        "1e-400",
        "0e999",
        "4.9e-324",
        "2.4703282292062327e-324",
        "1.7976931348623157e308",
    ]
    for _ in range(20_000):
        fields.append(vasp_number(rng.choice((-1, 1)) * rng.random() * 10.0 ** rng.randint(-96, 98)))
        # Midway between two doubles, and one unit of the last digit beside it.
        middle = (2 * rng.getrandbits(52) + 2**53 + 1) << rng.randint(0, 9)
        fields += [str(middle), str(middle + 1), str(middle - 1), f"{middle}e{rng.randint(-300, 280)}"]
        # Every binary exponent, subnormal numbers included.
        double = struct.unpack("<d", struct.pack("<Q", rng.getrandbits(63)))[0]
        if np.isfinite(double):
            fields += [repr(double), f"{double:.18e}"]
        fields.append(f"{rng.randrange(10**19)}e{rng.randint(-345, 285)}")
        fields.append(f"0.{'0' * rng.randint(0, 30)}{rng.randrange(10**18)}")
    assert bits(read(scratch, " ".join(fields) + "\n", len(fields))) == bits([float(f) for f in fields])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-.76010173913E+01 0.5", [-7.6010173913, 0.5]),
        ("-.302333-128 1", [-0.302333e-128, 1]),
        ("0.302333+128-.302333-128", [0.302333e128, -0.302333e-128]),
        ("0.1E+02-0.3E+01", [10, -3]),
        ("0.5-0.25", [0.5, -0.25]),
        ("0.5-128.25", [0.5, -128.25]),
        ("0.12345E+020.67890E+01", [12.345, 6.789]),
        ("-.12345678901E+00-.12345678901E-01", [-0.12345678901, -0.012345678901]),
        ("1d3 1D-3", [1000, 0.001]),
        ("7 +8", [7, 8]),
        ("\t1\r\n\v2\f", [1, 2]),
    ],
)
def test_numbers_that_touch_and_fortran_notation(scratch: Path, text: str, expected: list[float]) -> None:
    assert read(scratch, text + "\n", len(expected)).tolist() == expected


@pytest.mark.parametrize(
    "text",
    [
        "1.0.5 2", "1.5x", "x1", "NaN", "inf", "-Infinity", "1e999", "--1", "1e", "1.5E+", ".", "-", "E5", "1,2",
        "0.5-1280.25", "1.2E-1003.4E-10",
        "1e+00000001", "\0", "1\0 2", "\x80", "0x10", "1_000", "½",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(scratch: Path, text: str) -> None:
    with pytest.raises(DensityFormatError, match="line 2: expected one of the numbers, found"):
        read(scratch, f"\n{text} 1 1\n", 3)


def vasp_lines(fields: list[str], per_line: int) -> str:
    rows = ["".join(fields[i : i + per_line]) + "\n" for i in range(0, len(fields), per_line)]
    return "\n" + "".join(rows)


@pytest.mark.parametrize("per_line", [1, 5, 10, 16])
def test_lines_of_vasps_fields_are_rounded_as_by_python(scratch: Path, per_line: int) -> None:
    rng = random.Random(per_line)
    fields = [" 0.00000000000E+00", " -.00000000000E+00", " 0.99999999999E+11", " 0.10000000000E-10"] * per_line
    for block in range(12):
        # one number that does not fit a batch in every third block: the rest of it is read one by one, and no more
        fields += [f" {vasp_number(rng.uniform(-1, 1) * 10.0 ** rng.randint(-10, 10))}" for _ in range(1700)]
        fields += [f" {vasp_number(1e-30)}" if block % 3 == 0 else f" {vasp_number(rng.random())}"]
    fields = fields[: -3 if per_line > 3 else None]
    assert all(len(field) == FIELD for field in fields)
    text = vasp_lines(fields, per_line)
    assert len(text) > WINDOW
    scratch.write_text(text)
    with TextReader(scratch) as reader:
        assert reader.read_line() == b""
        assert bits(reader.read_numbers(len(fields), "numbers")) == bits([float(f) for f in fields])
        assert reader.line == text.count("\n")


@given(st.integers(0, 200 * 5 * FIELD), st.sampled_from(list(" 0123456789.+-EeDdx\n\r\t\0*")), st.booleans())
def test_one_character_changes_nothing_but_its_number(scratch: Path, place: int, character: str, minus: bool) -> None:
    """Batches of fields must take, and refuse, the same as one number after another."""
    field = " -.12345678901E-03" if minus else " 0.12345678901E+02"
    text = vasp_lines([field] * 200 * 5, 5)
    text = text[: place + 1] + character + text[place + 2 :]

    def outcome(text: str) -> object:
        scratch.write_text(text, newline="")
        with TextReader(scratch) as reader:
            reader.read_line()
            try:
                return bits(reader.read_numbers(999, "numbers")), reader.line
            except DensityFormatError as error:
                return str(error)

    # a blank more on the first line, and it is not a line of such fields
    assert outcome(text) == outcome(text.replace("\n", "\n ", 1))


def test_stars_say_that_the_value_is_lost(scratch: Path) -> None:
    with pytest.raises(DensityFormatError, match=r"line 2: .* found '\*\*\*\*\*\*'.* did not fit its field"):
        read(scratch, "1 2\n3 ****** 5\n", 5)


def test_fields_cut_by_the_end_of_the_window(scratch: Path) -> None:
    """Every place of a number, and of the blanks around it, comes to lie on the window's edge."""
    line = " 0.12345678901E+02-.98765432109E-03-.302333-128  0.5 \r\n"
    expected = [12.345678901, -0.98765432109e-3, -0.302333e-128, 0.5]
    for shift in range(len(line)):
        lines = (WINDOW + HISTORY) // len(line) + 2
        values = read(scratch, " " * shift + line * lines, 4 * lines)
        assert (values.reshape(lines, 4) == expected).all()


def test_a_number_longer_than_the_window_is_refused(scratch: Path) -> None:
    with pytest.raises(DensityFormatError, match="found one of more than"):
        read(scratch, "1" * (2 * WINDOW), 1)


@given(st.lists(finite.filter(lambda x: abs(x) < 1e300), min_size=1, max_size=60), st.integers(1, 7))
def test_eleven_digits_are_rounded_as_by_python(values: list[float], per_line: int) -> None:
    grid = np.array(values).reshape(-1, 1, 1)
    fields = b"".join(bytes(p) for p in format_grid(grid, 1.0, per_line=per_line, x_fastest=True)).split()
    for field, value in zip(fields, values, strict=True):
        digits = 10 if value == 0.0 or 1e-100 < abs(value) < 1e99 else 9
        assert len(field) == 17
        assert Decimal(field.decode()) in {Decimal(f"{value:.{d}e}") for d in (digits, 9)}


def test_eleven_digits_of_hard_cases() -> None:
    rng = np.random.default_rng(5)
    words = rng.integers(0, 2**63, 40_000, dtype=np.uint64)
    values = words.view(np.float64)
    # Twelve digits of which the last is a 5: the middle between two decimals, or next to it.
    middles = (10 * rng.integers(10**10, 10**11, 20_000) + 5) / 10.0 ** rng.integers(0, 23, 20_000)
    nines = 10.0 ** np.arange(-98, 99) * (1 - 2.0**-53)
    powers = 10.0 ** np.arange(-98, 99)
    values = np.concatenate([values[np.isfinite(values)], middles, nines, powers, [0.0, -0.0, 0.5, 2.0**36 + 0.5]])
    text = b"".join(bytes(p) for p in format_grid(values.reshape(1, 1, -1), 1.0, per_line=5, x_fastest=True))
    assert text.split() == [fortran_number(x) for x in values.tolist()]
    for field, value in zip(text.split(), values.tolist(), strict=True):
        assert Decimal(field.decode()) == Decimal(f"{value:.{10 if field[13:14] == b'E' else 9}e}")


def test_lines_end_where_they_should() -> None:
    grid = np.arange(2 * 3 * 7.0).reshape(2, 3, 7)
    running = b"".join(bytes(p) for p in format_grid(grid, 1.0, per_line=5, x_fastest=True)).decode().splitlines()
    assert [len(line.split()) for line in running] == [5] * 8 + [2]
    assert [float(x) for line in running for x in line.split()] == grid.ravel(order="F").tolist()
    rows = b"".join(bytes(p) for p in format_grid(grid, 2.0, per_line=6, x_fastest=False)).decode().splitlines()
    assert [len(line.split()) for line in rows] == [6, 1] * 6
    assert [float(x) for line in rows for x in line.split()] == (2 * grid).ravel().tolist()


def test_a_value_that_overflows_is_refused() -> None:
    with pytest.raises(ShapeError, match="times the volume of the cell is inf"):
        list(format_grid(np.full((1, 1, 1), 1e308), 100.0, per_line=5, x_fastest=True))


@pytest.mark.parametrize("line", [b"1.5.5 2 3", b"1 2", b"123", b"1 2 x", b"1 2 3x", b"", b"1" * 60_000 + b"x"])
def test_header_lines_without_three_numbers(line: bytes) -> None:
    assert leading_numbers(line, 3) is None


def test_as_float_refuses_what_is_no_number() -> None:
    with pytest.raises(ValueError, match="not a number"):
        as_float(b"12x")
    assert as_float(b"12x", default=1.0) == 1.0
