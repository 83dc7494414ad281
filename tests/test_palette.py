"""Every element has a colour of its own, and a name."""

from __future__ import annotations

import colorsys
import itertools

from symfft.palette import CUSTOM, colour_of, name_of


def test_every_element_has_a_colour_of_its_own():
    colours = [colour_of(number) for number in range(1, 119)]
    assert len(set(colours)) == 118
    assert all(0 <= colour < 2**24 for colour in colours)


def test_neighbours_in_the_periodic_table_have_hues_far_apart():
    """Of those whose colour is not given by custom."""

    def hue(number):
        red, green, blue = (colour_of(number) >> shift & 255 for shift in (16, 8, 0))
        return colorsys.rgb_to_hls(red, green, blue)[0]

    for first, second in itertools.pairwise(number for number in range(1, 119) if number not in CUSTOM):
        if second == first + 1:
            apart = abs(hue(first) - hue(second))
            assert min(apart, 1 - apart) > 0.3


def test_an_unknown_element_has_a_name_and_a_colour():
    assert [name_of(number) for number in (-3, 0, 1, 118, 119)] == ["unknown 3", "unknown 0", "H", "Og", "unknown 119"]
    assert 0 <= colour_of(-3) < 2**24
