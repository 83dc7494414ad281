"""Colours of elements, the same in pictures and pages."""

from __future__ import annotations

import colorsys

from symfft.crystal.elements import SYMBOLS

#: Colours by custom: H, C, N, O, F, Na, Mg, Al, Si, P, S, Cl, K, Ca, Ti, Fe, Cu, Zn, Br, I.
CUSTOM = {
    1: 0xF0F0F0, 6: 0x707070, 7: 0x3050F8, 8: 0xE02010, 9: 0x70C840, 11: 0x9A5CE0, 12: 0x5FA52A, 13: 0xB39B9B,
    14: 0xC9A06A, 15: 0xF08000, 16: 0xE6C820, 17: 0x20B020, 19: 0x7A40C4, 20: 0x3AA85A, 22: 0x9AA0A6, 26: 0xD0601C,
    29: 0xB8763A, 30: 0x7078A8, 35: 0xA03028, 53: 0x8C10A0,
}  # fmt: skip


def colour_of(number: int) -> int:
    """Return the colour of an element as 0xRRGGBB: that of custom, or a hue of its own.

    Examples
    --------
    >>> f"{colour_of(8):06x}", colour_of(62) == colour_of(63)
    ('e02010', False)
    """
    if number in CUSTOM:
        return CUSTOM[number]
    # steps of the golden angle keep the hues of neighbours in the periodic table apart
    red, green, blue = colorsys.hls_to_rgb(number * 0.618034 % 1.0, 0.52, 0.5)
    return (int(255 * red) << 16) + (int(255 * green) << 8) + int(255 * blue)


def name_of(number: int) -> str:
    """Return the symbol of an element, or a word for one that the file does not name.

    Examples
    --------
    >>> name_of(12), name_of(-1)
    ('Mg', 'unknown 1')
    """
    return SYMBOLS[number - 1] if 1 <= number <= len(SYMBOLS) else f"unknown {abs(number)}"
