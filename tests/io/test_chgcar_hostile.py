"""Cut, garbled, oversized and lying files: a clear error, at once, in little memory, and never half a density."""

from __future__ import annotations

import gzip
import lzma
import random
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from chgcar_text import HEADER, chgcar_text, occupancies_text, random_grids
from test_chgcar_read import grids, read_text

from symfft import Density, read_chgcar
from symfft.errors import ChgcarFormatError
from symfft.io._text import WINDOW

MOMENTS = "  0.200000000000E+01 -0.100000000000E+01\n"


@pytest.fixture(scope="module")
def spin_text() -> str:
    return chgcar_text(random_grids(2, (3, 3, 2)), occupancies=7, moments=MOMENTS)


def same(a: Density, b: Density) -> bool:
    """Whether two densities are one, but for white space."""
    return (
        a.blocks == b.blocks
        and all(np.array_equal(x, y) for x, y in zip(grids(a), grids(b), strict=True))
        and np.array_equal(a.lattice, b.lattice)
        and np.array_equal(a.positions, b.positions)
        and np.array_equal(a.numbers, b.numbers)
        and a.augmentation == b.augmentation
        and a.site_moments == b.site_moments
    )


def test_a_file_cut_anywhere_is_refused_or_whole(tmp_path: Path, spin_text: str) -> None:
    whole = read_text(tmp_path, spin_text)
    # Cut right behind the first grid, or before the site moments, it is a whole file of another calculation.
    others = [spin_text.index("augmentation"), spin_text.index(MOMENTS)]
    accepted = {len(spin_text) - 1, *(end + extra for end in others for extra in (-1, 0)), others[1] + 1, others[1] + 2}
    lines = set()
    for length in range(len(spin_text)):
        if length in accepted:
            density = read_text(tmp_path, spin_text[:length])
            assert same(density, whole) == (length == len(spin_text) - 1)
            assert same(density, read_text(tmp_path, spin_text[:length].rstrip() + "\n"))
            continue
        with pytest.raises(ChgcarFormatError) as caught:
            read_text(tmp_path, spin_text[:length])
        assert f"line {caught.value.line}: " in str(caught.value)
        lines.add(caught.value.line)
    assert len(lines) > 0.9 * spin_text.count("\n")


def test_a_file_without_augmentation_cut_anywhere(tmp_path: Path) -> None:
    text = chgcar_text(random_grids(1, (2, 3, 4)))
    whole = read_text(tmp_path, text)
    for length in range(len(text) - 1):
        with pytest.raises(ChgcarFormatError):
            read_text(tmp_path, text[:length])
    assert same(read_text(tmp_path, text[:-1]), whole)


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
def test_a_compressed_file_cut_or_changed_anywhere_is_refused(
    tmp_path: Path, spin_text: str, compress: Callable[[bytes], bytes]
) -> None:
    data = compress(spin_text.encode())
    whole = read_text(tmp_path, data)
    rng = random.Random(7)
    for length in range(6, len(data), 7):
        with pytest.raises(ChgcarFormatError, match="damaged or cut off"):
            read_text(tmp_path, data[:length])
    for _ in range(150):
        place = rng.randrange(10, len(data))
        changed = bytearray(data)
        changed[place] ^= 1 << rng.randrange(8)
        with suppress(ChgcarFormatError):
            assert same(read_text(tmp_path, bytes(changed)), whole)


def test_garbled_files_are_refused_or_hold_finite_numbers(tmp_path: Path, spin_text: str) -> None:
    rng = random.Random(11)
    alphabet = [bytes([b]) for b in b" \n\r\t0159.+-EeDdTx*/,\0\x80\xff"]
    refused = 0
    for _ in range(1000):
        data = spin_text.encode()
        for _ in range(rng.choice((1, 1, 1, 2, 10))):
            place = rng.randrange(len(data))
            piece = b"".join(rng.choices(alphabet, k=rng.choice((1, 1, 1, 5))))
            data = data[:place] + piece + data[place + rng.choice((0, 1, 1, 40)) :]
        try:
            density = read_text(tmp_path, data)
        except ChgcarFormatError:
            refused += 1
        else:
            assert all(np.isfinite(grid).all() for grid in grids(density))
    assert 300 < refused < 1000


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\n" * 5000, b"\0" * 1000, b"\x7fELF" + bytes(range(256)) * 40, b" " * 10**6]
)
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ChgcarFormatError, match="line"):
        read_text(tmp_path, data)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("   1.00000000000000", "one", 2, "expected the scale of the lattice"),
        ("   1.00000000000000", "0.0", 2, "expected the scale of the lattice"),
        ("   1.00000000000000", "1.0 -1.0 1.0", 2, "expected the scale of the lattice"),
        ("     4.000000    0.000000", "     4.000000    NaN", 3, "expected lattice vector 1"),
        ("     4.000000    0.000000    0.000000", "  0.0 5.0 0.0", 5, "three independent lattice vectors"),
        ("     4.000000    0.000000    0.000000", "  1E308 1E308 1E308", 5, "three independent lattice vectors"),
        ("   Na   Cl", "   Na   Qq", None, "expected element symbols, found 'Qq'"),
        ("   Na   Cl", "", 6, "expected element symbols or counts"),
        ("     1     1", "     1", 8, "expected 2 counts of atoms, found 'Direct'"),
        ("     1     1", "     1     1     1", 7, "expected 2 counts of atoms, found 3"),
        ("     1     1", "     0     0", 7, "expected at least one atom"),
        ("     1     1", " 900000000 1", 7, "expected at most 1000000 atoms"),
        ("Direct", "Fractal", None, ""),
        ("Direct", "Polar", 8, "expected Direct or Cartesian, found 'Polar'"),
        ("  0.500000  0.500000  0.500000", "  0.500000  0.500000", 10, "expected the coordinates of atom 2 of 2"),
        ("    3    4    5\n", "    3    4\n", 12, "expected three positive grid dimensions, found '3    4'"),
        ("    3    4    5\n", "    3    4    0\n", 12, "expected three positive grid dimensions"),
        ("    3    4    5\n", "    3    4   -5\n", 12, "expected three positive grid dimensions"),
        ("    3    4    5\n", "    3    4    6\n", 25, "72 grid values .* from line 13 on, the file ends after 60"),
        ("    3    4    5\n", "    3    4    4\n", 22, "expected the line to end after the last of the grid values"),
        ("    3    4    5\n", "    5    2    4\n", 22, "expected the end of the block, or moments of 2 sites"),
    ],
)  # fmt: skip
def test_messages_name_the_line(tmp_path: Path, old: str, new: str, line: int | None, message: str) -> None:
    text = chgcar_text(random_grids(1)).replace(old, new, 1)
    if not message:
        read_text(tmp_path, text)  # VASP looks at the first letter only
        return
    with pytest.raises(ChgcarFormatError, match=message) as caught:
        read_text(tmp_path, text)
    if line is not None:
        assert caught.value.line == line
        assert str(caught.value).startswith(f"{tmp_path / 'CHGCAR'}, line {line}: ")


@pytest.mark.parametrize("velocities", ["", "\n  0.0 0.0 0.0\n  1.5E-01 -.2 0.3\n"])
def test_a_structure_alone_is_told_from_a_density(tmp_path: Path, velocities: str) -> None:
    """POSCAR and CONTCAR."""
    structure = chgcar_text(random_grids(1)).partition("\n\n")[0] + "\n"
    assert structure.endswith("0.500000\n")
    with pytest.raises(ChgcarFormatError, match="a structure without a density, `symfft-vae predict` makes one"):
        read_text(tmp_path, structure + velocities)


def test_a_bad_number_is_shown_with_its_line(tmp_path: Path) -> None:
    text = chgcar_text(random_grids(1)).splitlines()
    for bad, message in (
        ("0.12E+", "found '0.12E+'"),
        ("*****************", "did not fit its field"),
        ("NaN", "found 'NaN'"),
    ):
        lines = list(text)
        lines[15] = " 1.0 2.0 " + bad + " 4.0 5.0"
        with pytest.raises(ChgcarFormatError) as caught:
            read_text(tmp_path, "\n".join(lines) + "\n")
        assert caught.value.line == 16
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        ("hello\n", "expected augmentation .*, site moments, the next block or the end of the file, found 'hello'"),
        ("augmentation occupancies\n", "expected an ion and a count of occupancies"),
        ("augmentation occupancies   1****\n", "expected an ion and a count of occupancies"),
        ("augmentation occupancies \xff  3\n", "expected an ion and a count of occupancies"),
        ("augmentation occupancies   1   3\n 1.0 2.0\n", "expected 3 augmentation .* of ion 1 from line 26 on"),
        ("augmentation occupancies   1   3\n 1.0 2.0 3.0 4.0\n", "expected the line to end after the last"),
        ("augmentation occupancies   1   3\n 1.0 2.0 3.0\n", "expected augmentation .* of 2 ions, found those of 1"),
        ("    3    4    6\n", r"expected the grid dimensions \(3, 4, 5\) again, found \(3, 4, 6\)"),
        ("    3    4    5\n", "at least 119 bytes, the file has only 0 more bytes"),
        ("  0.1 0.2\n", "expected another block after the site moments, the file ends"),
        ("  0.1 0.2\n" * 4, "expected the end of the block, or moments of 2 sites, found more numbers"),
        ("\n" * 2000, "more than 1000 blank lines"),
        (" " * 100_000, "more than 65536 bytes"),
    ],
)  # fmt: skip
def test_what_follows_the_grid(tmp_path: Path, tail: str, message: str) -> None:
    with pytest.raises(ChgcarFormatError, match=message):
        read_text(tmp_path, (chgcar_text(random_grids(1)) + tail).encode("latin-1"))


def test_the_second_block_needs_occupancies_where_the_first_has_them(tmp_path: Path) -> None:
    first, second = random_grids(2)
    text = chgcar_text([first], occupancies=7) + chgcar_text([second]).removeprefix(HEADER)
    with pytest.raises(ChgcarFormatError, match="as many augmentation occupancies after block 2 as after the first"):
        read_text(tmp_path, text)


def peak_memory(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress])
@pytest.mark.parametrize("shape", ["  640  640  640", " 1000 1000 1000", "999999999 999999999 999999999"])
def test_a_small_file_cannot_claim_memory(tmp_path: Path, compress: Callable[[bytes], bytes], shape: str) -> None:
    path = tmp_path / "CHGCAR"
    path.write_bytes(compress((HEADER + shape + "\n" + " 0.12345678901E+00" * 50).encode()))

    def read() -> None:
        with pytest.raises(ChgcarFormatError, match=r"expected 262144000 grid values|expected a grid of at most"):
            read_chgcar(path)

    read()
    dictionary = 8 << 20 if compress is lzma.compress else 0
    assert peak_memory(read) < dictionary + 8 * WINDOW


def test_max_points_can_be_raised(tmp_path: Path) -> None:
    text = chgcar_text(random_grids(1))
    assert read_text(tmp_path, text, max_points=60).values.size == 60
    with pytest.raises(ChgcarFormatError, match=r"at most 59 points, found 60; the argument max_points"):
        read_text(tmp_path, text, max_points=59)


@pytest.mark.parametrize("filler", [b" ", b"\n", b"1 ", b"1", b"0.5-", b"\0"])
@pytest.mark.parametrize("place", ["comment", "symbols", "grid", "augmentation", "end"])
def test_a_decompression_bomb_is_not_followed(tmp_path: Path, filler: bytes, place: str) -> None:
    text = chgcar_text(random_grids(1), occupancies=7).encode()
    before = {
        "comment": 0,
        "symbols": text.index(b"   Na"),
        "grid": text.index(b"    3    4    5") + 16,
        "augmentation": text.index(b"augmentation") + 33,
        "end": len(text),
    }[place]
    path = tmp_path / "CHGCAR"
    path.write_bytes(gzip.compress(text[:before] + filler * (20_000_000 // len(filler)) + text[before:], 1))

    def read() -> None:
        with pytest.raises(ChgcarFormatError):
            read_chgcar(path)

    assert peak_memory(read) < 8 * WINDOW


def test_memory_follows_the_text(tmp_path: Path) -> None:
    """An honest compressed file: two copies of the grid, and a little."""
    path = tmp_path / "CHGCAR.gz"
    path.write_bytes(gzip.compress((HEADER + "   80   80   80\n" + " 0.12345678901E+00" * 80**3 + "\n").encode(), 1))
    read_chgcar(path)
    assert peak_memory(lambda: read_chgcar(path)) < 3 * 8 * 80**3 + 8 * WINDOW


def test_no_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_chgcar(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        read_chgcar(tmp_path)


def test_many_atoms_with_occupancies_of_a_cut_file(tmp_path: Path) -> None:
    text = chgcar_text(random_grids(1), occupancies=0) + occupancies_text(2, 138)
    for length in range(len(text) - 600, len(text) - 1):
        with pytest.raises(ChgcarFormatError):
            read_text(tmp_path, text[:length])
