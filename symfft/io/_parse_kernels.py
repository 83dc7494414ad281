"""Numba loops that turn decimal text into doubles, correctly rounded, and x-fastest grids into C order.

A kernel never raises: it returns a status and where it stopped, and the layer above says what is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft._array_types import Array
from symfft._compile import kernel
from symfft.io._powers import LARGEST_POWER, SMALLEST_POWER

#: All numbers asked for have been read.
DONE = 0
#: The text ends before the next number is complete.
MORE = 1
#: The text is not a number, not a finite one, or can be split into numbers in more than one way.
BAD = 2
#: A number with more digits than a 64-bit integer holds: left to Python's own conversion.
LONG = 3

# numba turns uint64 with a plain integer into float64: every constant needs its type.
_NO_BITS, _ONE, _TWO, _THREE, _SIX, _SEVEN, _EIGHT, _TEN = (np.uint64(n) for n in (0, 1, 2, 3, 6, 7, 8, 10))
_SIXTEEN, _HALF, _FORTY, _FORTY_EIGHT, _FIFTY_SIX, _SIXTY_THREE = (np.uint64(n) for n in (16, 32, 40, 48, 56, 63))
_HUNDRED, _TEN_THOUSAND, _ELEVEN_DIGITS = np.uint64(100), np.uint64(10_000), np.uint64(10**11)
_NINE, _ELEVEN, _EIGHTEEN, _TWENTY_TWO, _BLANK, _MINUS_SIGN, _ZERO_DIGIT = (
    np.uint64(n) for n in (9, 11, 18, 22, 32, 45, 48)
)
_BYTE = np.uint64(0xFF)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_EXACT_INTEGER = np.uint64(2**53)
_HIDDEN_BIT = np.uint64(2**52)
_ALL_BITS = np.uint64(2**64 - 1)
_NINE_BITS = np.uint64(0x1FF)
_SIGN_BIT = np.uint64(2**63)

# Eight characters in a little-endian word: the first one lies in the lowest byte. XOR turns what is expected into its
# value, 0 for a point or a letter; adding the limits sets the high bit of every byte that is more than 9, or than 0.
_POINT_AND_DIGITS = np.uint64(int.from_bytes(b".0000000", "little"))
_DIGITS_AND_EXPONENT = np.uint64(int.from_bytes(b"0000E+00", "little"))
_FRONT_LIMITS = np.uint64(int.from_bytes(b"\x7f" + b"\x76" * 7, "little"))
_REAR_LIMITS = np.uint64(int.from_bytes(b"\x76\x76\x76\x76\x7f\x7f\x76\x76", "little"))
_HIGH_BITS = np.uint64(0x8080808080808080)
_EVERY_FOURTH = np.uint64(0x000000FF000000FF)
_WEIGHTS = np.uint64(100 + (1_000_000 << 32))
_OTHER_WEIGHTS = np.uint64(1 + (10_000 << 32))

#: Zero bytes that must follow the text: words are read beyond a field's end.
MARGIN = 32
#: Characters of a field (1X,E17.11), and lines of such fields that are converted at a time.
FIELD = 18
BATCH = 64


@kernel
def multiply_words(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the upper and the lower 64 bits of the 128-bit product."""
    a_low = a & _LOW_HALF
    a_high = a >> _HALF
    b_low = b & _LOW_HALF
    b_high = b >> _HALF
    low = a_low * b_low
    cross = a_low * b_high
    other = a_high * b_low
    middle = (low >> _HALF) + (cross & _LOW_HALF) + (other & _LOW_HALF)
    high = a_high * b_high + (cross >> _HALF) + (other >> _HALF) + (middle >> _HALF)
    return high, (middle << _HALF) | (low & _LOW_HALF)


@kernel
def parse_numbers(
    text: Array,
    start: Any,
    stop: Any,
    at_end: bool,
    out: Array,
    filled: int,
    wanted: int,
    exact: Array,
    high: Array,
    low: Array,
) -> Any:
    """Read numbers from ``text[start:stop]`` into ``out[filled:wanted]``.

    ``text[stop]`` must be zero, the array longer than `stop` by MARGIN at least, and its length a multiple of eight.

    Numbers are separated by white space, or by nothing where a sign, or the digit count of a Fortran exponent, shows
    where the next one begins (``0.1E+02-0.3E+01``, ``0.1E+020.3E+01``). An exponent of three digits may lack its
    letter (``-.302333-128``).

    A mantissa below 2**53 with a decimal exponent of at most 22 in magnitude takes one exact conversion and one
    correctly rounded multiplication or division (Clinger 1990); all others the 128-bit product of Eisel and Lemire
    (Software: Practice and Experience 51 (2021) 1700), which rounds correctly for every mantissa below 2**64
    (Mushtak and Lemire, Software: Practice and Experience 53 (2023) 1467).

    Returns
    -------
    status, position, filled, newlines, token_end
        Where reading stopped: behind the last number (DONE), at the number that is not complete yet (MORE), cannot
        be read (BAD) or is too long (LONG); how many numbers ``out`` holds; how many line ends were passed; and the
        end of the number, or the byte that does not fit.
    """
    bits = out.view(np.uint64)
    words = text.view(np.uint64)
    position = np.uint64(start)
    end = np.uint64(stop)
    newlines = 0
    while filled < wanted:
        byte = text[position]
        while byte <= 32:
            if byte == 10:
                newlines += 1
            elif byte != 32 and (byte < 9 or byte > 13):
                status = MORE if position == end else BAD
                return status, np.int64(position), filled, newlines, np.int64(position)
            position += _ONE
            byte = text[position]
        token = position
        negative = byte == 45

        # The field that VASP writes, d.dddddddddddE±dd or -.dddddddddddE±dd and white space: two words of eight
        # characters from the point on, every character checked and all digits converted at once. The place of the
        # point hangs on one byte only: what the next field waits for is the time that counts.
        point = position + np.uint64(byte != 46)
        place = point >> _THREE
        shift = (point & _SEVEN) << _THREE
        back = _SIXTY_THREE - shift
        middle = words[place + _ONE]
        front = ((words[place] >> shift) | ((middle << _ONE) << back)) ^ _POINT_AND_DIGITS
        rear = ((middle >> shift) | ((words[place + _TWO] << _ONE) << back)) ^ _DIGITS_AND_EXPONENT
        minus = (rear >> _FORTY) & _BYTE
        upwards = minus == _NO_BITS
        checked = rear & ~(_BYTE << _FORTY)
        faults = (front + _FRONT_LIMITS) | front | (checked + _REAR_LIMITS) | checked
        blank = text[point + _SIXTEEN]
        leading = byte - np.uint8(48)
        if (
            faults & _HIGH_BITS == _NO_BITS
            and (upwards or minus == _SIX)
            and (blank == 32 or blank == 10 or blank == 13)
            and (leading <= 9 or negative or byte == 46)
        ):
            position = point + _SIXTEEN
            pairs = front * _TEN + (front >> _EIGHT)
            mantissa = (
                (pairs & _EVERY_FOURTH) * _WEIGHTS + ((pairs >> _SIXTEEN) & _EVERY_FOURTH) * _OTHER_WEIGHTS
            ) >> _HALF
            pairs = (rear & _LOW_HALF) * _TEN + ((rear & _LOW_HALF) >> _EIGHT)
            mantissa = (
                (mantissa & _LOW_HALF) * _TEN_THOUSAND + (pairs & _BYTE) * _HUNDRED + ((pairs >> _SIXTEEN) & _BYTE)
            )
            exponent: Any = np.int64(((rear >> _FORTY_EIGHT) & _BYTE) * _TEN + (rear >> _FIFTY_SIX))
            if leading <= 9:
                mantissa += np.uint64(leading) * _ELEVEN_DIGITS
            if not upwards:
                exponent = -exponent
            exponent -= 11
        else:
            if negative or byte == 43:
                position += _ONE
            first = position
            mantissa = _NO_BITS
            digit = text[position] - np.uint8(48)
            while digit <= 9:
                mantissa = mantissa * _TEN + np.uint64(digit)
                position += _ONE
                digit = text[position] - np.uint8(48)
            digits = np.int64(position - first)
            decimals: Any = 0
            has_point = text[position] == 46
            if has_point:
                position += _ONE
                point = position
                digit = text[position] - np.uint8(48)
                while digit <= 9:
                    mantissa = mantissa * _TEN + np.uint64(digit)
                    position += _ONE
                    digit = text[position] - np.uint8(48)
                decimals = np.int64(position - point)
                digits += decimals
            mantissa_end = position
            is_number: Any = digits > 0

            exponent = 0
            letter = text[position] | np.uint8(32)
            if letter == 101 or letter == 100:
                position += _ONE
                sign = text[position]
                if sign == 45 or sign == 43:
                    position += _ONE
                behind = position
                digit = text[position] - np.uint8(48)
                while digit <= 9 and position - behind < np.uint64(5):
                    exponent = exponent * 10 + np.int64(digit)
                    position += _ONE
                    digit = text[position] - np.uint8(48)
                length: Any = np.int64(position - behind)
                if length == 0 or length > 4:
                    is_number = False
                elif text[position] == 46:
                    # The leading digit of the next number has joined a two-digit exponent.
                    if length == 3:
                        exponent //= 10
                        position -= _ONE
                    elif length == 4:
                        is_number = False
                elif text[position] > 32 and text[position] != 45 and text[position] != 43:
                    is_number = False
                if sign == 45:
                    exponent = -exponent
            elif has_point and (text[position] == 45 or text[position] == 43):
                behind = position + _ONE
                digit = text[behind] - np.uint8(48)
                while digit <= 9:
                    exponent = exponent * 10 + np.int64(digit) if exponent < 10000 else exponent
                    behind += _ONE
                    digit = text[behind] - np.uint8(48)
                length = np.int64(behind - position) - 1
                if behind == end and not at_end:
                    return MORE, np.int64(token), filled, newlines, np.int64(behind)
                if length == 3 and text[behind] != 46:
                    if text[position] == 45:
                        exponent = -exponent
                    position = behind
                else:
                    exponent = 0
                    if length == 4 and text[behind] == 46:
                        is_number = False
            elif text[position] > 32 and text[position] != 45 and text[position] != 43:
                is_number = False

            if position == end and not at_end:
                return MORE, np.int64(token), filled, newlines, np.int64(position)
            if not is_number:
                return BAD, np.int64(token), filled, newlines, np.int64(position)
            if digits > 19:
                nonzero: Any = first
                while nonzero < mantissa_end and (text[nonzero] == 48 or text[nonzero] == 46):
                    nonzero += _ONE
                significant = np.int64(mantissa_end - nonzero)
                if has_point and np.int64(mantissa_end - nonzero) > decimals:
                    significant -= 1
                if significant > 19:
                    return LONG, np.int64(token), filled, newlines, np.int64(position)
            exponent -= decimals

        if mantissa <= _EXACT_INTEGER and -22 <= exponent <= 22:
            value = np.float64(mantissa)
            value = value / exact[-exponent] if exponent < 0 else value * exact[exponent]
            out[filled] = -value if negative else value
        else:
            word: Any = _NO_BITS
            if mantissa != _NO_BITS and exponent >= SMALLEST_POWER:
                if exponent > LARGEST_POWER:
                    return BAD, np.int64(token), filled, newlines, np.int64(position)
                lift = 0
                for step in (32, 16, 8, 4, 2, 1):
                    if mantissa >> np.uint64(64 - step) == _NO_BITS:
                        mantissa <<= np.uint64(step)
                        lift += step
                upper, lower = multiply_words(mantissa, high[exponent - SMALLEST_POWER])
                if upper & _NINE_BITS == _NINE_BITS:
                    second, _ = multiply_words(mantissa, low[exponent - SMALLEST_POWER])
                    lower += second
                    if lower < second:
                        upper += _ONE
                if lower == _ALL_BITS and (exponent < -27 or exponent > 55):
                    return LONG, np.int64(token), filled, newlines, np.int64(position)
                top = upper >> _SIXTY_THREE
                drop = top + np.uint64(9)
                significand = upper >> drop
                power = ((217706 * exponent) >> 16) + 63 + np.int64(top) - lift + 1023
                if power <= 0:
                    # Subnormal: fewer bits are kept, then rounded half up (a tie is impossible here).
                    if power > -63:
                        significand >>= np.uint64(1 - power)
                        significand += significand & _ONE
                        word = significand >> _ONE
                else:
                    tie = lower <= _ONE and -4 <= exponent <= 23 and significand & np.uint64(3) == _ONE
                    if tie and significand << drop == upper:
                        significand &= ~_ONE
                    significand += significand & _ONE
                    significand >>= _ONE
                    if significand >= _HIDDEN_BIT << _ONE:
                        significand = _HIDDEN_BIT
                        power += 1
                    if power >= 0x7FF:
                        return BAD, np.int64(token), filled, newlines, np.int64(position)
                    word = (significand & ~_HIDDEN_BIT) | (np.uint64(power) << np.uint64(52))
            bits[filled] = word | _SIGN_BIT if negative else word
        filled += 1
    return DONE, np.int64(position), filled, newlines, np.int64(position)


@kernel
def parse_lines(words: Array, start: Any, lines: int, per_line: int, out: Array, filled: int, exact: Array) -> Any:
    """Read whole lines of fields (1X,E17.11), VASP's layout, a batch at a time and without a branch.

    What :func:`parse_numbers` does to one field is done here to many at once, in loops that fit vector instructions. A
    batch that holds anything else, or a number outside 1e-11 ... 1e11 other than zero, is left to that.

    Parameters
    ----------
    words : (n,) uint64
        The eight characters from every place of the text on.
    start : int
        Place of the line end before the first line.
    lines, per_line : int
        Lines there are, and fields on each.
    out : (m,) float64
        Filled from `filled` on.
    exact : (23,) float64
        Powers of ten.

    Returns
    -------
    int
        How many lines were read.
    """
    count = BATCH * per_line
    heads, fronts, rears = np.empty(count, np.uint64), np.empty(count, np.uint64), np.empty(count, np.uint64)
    powers, scales = np.empty(count, np.uint64), np.empty(count)
    place = np.uint64(start) + _THREE
    target = np.uint64(filled)
    line_end = np.uint64(10)
    read = 0
    while read + BATCH <= lines:
        faults = _NO_BITS
        field = _NO_BITS
        for _ in range(BATCH):
            for _ in range(per_line):
                heads[field] = words[place - _EIGHT]
                fronts[field] = words[place]
                rears[field] = words[place + _EIGHT]
                place += _EIGHTEEN
                field += _ONE
            place += _ONE
            faults |= (words[place - _THREE] & _BYTE) ^ line_end
        for i in range(count):
            head = heads[i] >> _FORTY_EIGHT
            front = fronts[i] ^ _POINT_AND_DIGITS
            rear = rears[i] ^ _DIGITS_AND_EXPONENT
            minus = (rear >> _FORTY) & _BYTE
            checked = rear & ~(_BYTE << _FORTY)
            negative = head >> _EIGHT == _MINUS_SIGN
            leading = _NO_BITS if negative else (head >> _EIGHT) - _ZERO_DIGIT
            pairs = front * _TEN + (front >> _EIGHT)
            mantissa = (
                (pairs & _EVERY_FOURTH) * _WEIGHTS + ((pairs >> _SIXTEEN) & _EVERY_FOURTH) * _OTHER_WEIGHTS
            ) >> _HALF
            pairs = (rear & _LOW_HALF) * _TEN + ((rear & _LOW_HALF) >> _EIGHT)
            mantissa = (
                (mantissa & _LOW_HALF) * _TEN_THOUSAND + (pairs & _BYTE) * _HUNDRED + ((pairs >> _SIXTEEN) & _BYTE)
            )
            exponent = ((rear >> _FORTY_EIGHT) & _BYTE) * _TEN + (rear >> _FIFTY_SIX)
            power = _ELEVEN - exponent if minus == _NO_BITS else _ELEVEN + exponent
            faults |= ((front + _FRONT_LIMITS) | front | (checked + _REAR_LIMITS) | checked) & _HIGH_BITS
            faults |= (head & _BYTE) ^ _BLANK
            faults |= _ONE if (minus != _NO_BITS) & (minus != _SIX) else _NO_BITS
            faults |= _ONE if (leading > _NINE) | (power > _TWENTY_TWO) else _NO_BITS
            powers[i] = _NO_BITS if power > _TWENTY_TWO else power
            value = np.float64(np.int64(mantissa + leading * _ELEVEN_DIGITS))
            out[target + np.uint64(i)] = -value if negative else value
        if faults != _NO_BITS:
            break
        for i in range(count):
            scales[i] = exact[powers[i]]
        for i in range(count):
            # Python's own division would look for zeros one by one
            out[target + np.uint64(i)] = np.divide(out[target + np.uint64(i)], scales[i])
        target += np.uint64(count)
        read += BATCH
    return read


@kernel
def to_c_order(raw: Array, divisor: float, out: Array) -> None:
    """Write ``out[ix, iy, iz] = raw[ix + nx * (iy + ny * iz)] / divisor``, eight lines at a time."""
    nx, ny, nz = out.shape
    tile = np.empty((8, nx))
    for z0 in range(0, nz, 8):
        depth = min(8, nz - z0)
        for iy in range(ny):
            for iz in range(depth):
                start = np.uint64(nx * (iy + ny * (z0 + iz)))
                for ix in range(nx):
                    # Python's own division would look for zeros one by one
                    tile[iz, np.uint64(ix)] = np.divide(raw[start + np.uint64(ix)], divisor)
            if depth == 8:  # a length that the compiler knows: eight values are written at once
                for ix in range(nx):
                    for iz in range(8):
                        out[ix, iy, z0 + iz] = tile[iz, ix]
            else:
                for ix in range(nx):
                    for iz in range(depth):
                        out[ix, iy, z0 + iz] = tile[iz, ix]
