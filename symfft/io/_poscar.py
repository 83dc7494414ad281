"""The header of VASP's volumetric files: a structure in POSCAR format."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.elements import ATOMIC_NUMBERS, atomic_number, symbol
from symfft.crystal.lattice import cell_volume
from symfft.io._text import TextReader, leading_numbers, show

#: Atoms a file may have.
MOST_ATOMS = 1_000_000

#: Label behind an atom of a kind without a name.
UNNAMED = re.compile(r"X[1-9]\d{0,5}")
COUNT = re.compile(rb"\s*(\d{1,9})(?:\s|$)")


@dataclass(frozen=True)
class Header:
    """What the header says: a structure, and the words it used."""

    comment: str
    lattice: NDArray[np.float64]
    positions: NDArray[np.float64]
    numbers: NDArray[np.int64]
    species: tuple[tuple[str, int], ...]
    selective_dynamics: NDArray[np.bool_] | None


def read_header(reader: TextReader, species: Sequence[str] | None = None) -> Header:
    """Read comment, scale, lattice, species, counts and positions.

    VASP 4 headers have no element symbols. Then `species` names them, or labels behind the coordinates do (X1, X2, …
    are kinds without a name, -1, -2, …), or the kinds of atom get the numbers -1, -2, … in their order.
    """
    comment = reader.expect_line("a comment").decode("utf-8", "surrogateescape").rstrip()
    scale = _read_scale(reader)
    rows = [_read_vector(reader, f"lattice vector {i + 1}")[0] for i in range(3)]
    lattice = np.array(rows)
    volume = cell_volume(lattice)
    if not 0.0 < volume < np.inf:
        reader.fail(f"expected three independent lattice vectors, their volume is {volume}", line=reader.line - 1)
    if len(scale) == 1 and scale[0] < 0.0:
        scale = [float(np.cbrt(-scale[0] / volume))]
    lattice = lattice * scale
    labels, counts = _read_species(reader)
    if species is not None:
        if len(species) != len(counts):
            reader.fail(f"expected as many species as counts of atoms, got {list(species)} for the counts {counts}")
        labels = list(species)
    total = sum(counts)
    if total == 0:
        reader.fail("expected at least one atom, the counts are all zero", line=reader.line - 1)
    if total > MOST_ATOMS:
        reader.fail(f"expected at most {MOST_ATOMS} atoms, the counts say {total}", line=reader.line - 1)

    mode = reader.expect_line("Direct or Cartesian").strip()
    selective = mode[:1] in (b"S", b"s")
    if selective:
        mode = reader.expect_line("Direct or Cartesian").strip()
    if mode[:1].lower() not in (b"d", b"f", b"c", b"k"):
        reader.fail(f"expected Direct or Cartesian, found {show(mode)}", line=reader.line - 1)
    coordinates, behind = array("d"), []
    for i in range(total):
        vector, rest = _read_vector(reader, f"the coordinates of atom {i + 1} of {total}")
        coordinates.extend(vector)
        behind.append(rest.strip())
    positions = np.array(coordinates).reshape(-1, 3)
    if mode[:1].lower() in (b"c", b"k"):
        positions = np.linalg.solve(lattice.T, (positions * scale).T).T
    numbers = _atomic_numbers(reader, labels, counts, behind, 3 if selective else 0)
    return Header(
        comment=comment,
        lattice=lattice,
        positions=positions,
        numbers=numbers,
        species=tuple(zip(labels, counts, strict=True)) if labels else (),
        selective_dynamics=_flags(reader, behind) if selective else None,
    )


def format_header(
    comment: str,
    lattice: NDArray[np.float64],
    positions: NDArray[np.float64],
    numbers: NDArray[np.int64],
    species: Sequence[tuple[str, int]] = (),
    selective_dynamics: NDArray[np.bool_] | None = None,
) -> bytes:
    """Return the header's text; lattice and positions keep every bit.

    Labels are used where they are single words and fit the numbers; kinds of atom below zero, which have no name, give
    a VASP 4 header, with the element or X1, X2, … behind each atom where counts do not say which atoms are alike.
    """
    runs = [(int(z), len(list(run))) for z, run in groupby(numbers)]
    words = all(label.isascii() and label.isprintable() and label.split() == [label] for label, _ in species)
    named = [n for label, count in species for n in [atomic_number(label)] * count] if words else []
    fitting = len(species) > 0 and named == numbers.tolist()
    labels = list(species) if fitting else [(symbol(z) if z > 0 else "", count) for z, count in runs]
    lines = [" ".join(comment.splitlines()), "   1.00000000000000"]
    lines += ["".join(f" {x!r:>24}" for x in row) for row in lattice.tolist()]
    if all(label for label, _ in labels):
        lines.append("".join(f"   {label:<2}" for label, _ in labels))
    lines.append("".join(f" {count:5d}" for _, count in labels))
    if selective_dynamics is not None:
        lines.append("Selective dynamics")
    lines.append("Direct")
    in_order = np.repeat(-np.arange(1, len(labels) + 1), [count for _, count in labels])
    by_atom = not all(label for label, _ in labels) and not np.array_equal(numbers, in_order)
    for i, row in enumerate(positions.tolist()):
        flags = "" if selective_dynamics is None else "".join("   T" if f else "   F" for f in selective_dynamics[i])
        kind = f"   {symbol(numbers[i]) if numbers[i] > 0 else f'X{-numbers[i]}'}" if by_atom else ""
        lines.append("".join(f" {x!r:>24}" for x in row) + flags + kind)
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _read_scale(reader: TextReader) -> list[float]:
    line = reader.expect_line("the scale of the lattice")
    three, one = leading_numbers(line, 3), leading_numbers(line, 1)
    scale = (three or one or ([], b""))[0]
    if not scale or 0.0 in scale or (len(scale) == 3 and min(scale) < 0.0) or not np.isfinite(scale).all():
        reader.fail(
            f"expected the scale of the lattice (one number, negative for a volume, or three above zero), "
            f"found {show(line)}",
            line=reader.line - 1,
        )
    return scale


def _read_vector(reader: TextReader, what: str) -> tuple[list[float], bytes]:
    line = reader.expect_line(what)
    found = leading_numbers(line, 3)
    if found is None or not all(map(math.isfinite, found[0])):
        reader.fail(f"expected {what} (three numbers), found {show(line)}", line=reader.line - 1)
    return found


def _read_species(reader: TextReader) -> tuple[list[str], list[int]]:
    """Read symbols and counts, either of which VASP spreads over several lines where there are many."""
    labels: list[str] = []
    line = reader.expect_line("element symbols or counts of atoms")
    while not COUNT.match(line) and len(labels) < 10_000:
        if not line.strip():
            reader.fail("expected element symbols or counts of atoms, found a blank line", line=reader.line - 1)
        labels += line.decode("utf-8", "surrogateescape").split()
        line = reader.expect_line("counts of atoms")
    counts: list[int] = []
    while True:
        fields = line.split()
        if not fields or not all(re.fullmatch(rb"\d{1,9}", field) for field in fields):
            expected = f"{len(labels)} counts of atoms" if labels else "counts of atoms"
            reader.fail(f"expected {expected}, found {show(line)}", line=reader.line - 1)
        counts += [int(field) for field in fields]
        if len(counts) >= len(labels):
            break
        line = reader.expect_line(f"{len(labels)} counts of atoms")
    if labels and len(counts) != len(labels):
        reader.fail(f"expected {len(labels)} counts of atoms, found {len(counts)}", line=reader.line - 1)
    return labels, counts


def _atomic_numbers(
    reader: TextReader, labels: list[str], counts: list[int], behind: list[bytes], flags: int
) -> NDArray[np.int64]:
    if labels:
        named = [atomic_number(label) for label in labels]
        for label, number in zip(labels, named, strict=True):
            if number is None:
                reader.fail(f"expected element symbols, found {label!r}; the argument species names the elements")
        return np.repeat(np.array(named, dtype=np.int64), counts)
    words = [(rest.split()[flags : flags + 1] or [b""])[0].decode("ascii", "replace") for rest in behind]
    if all(word in ATOMIC_NUMBERS or UNNAMED.fullmatch(word) for word in words):
        return np.array([ATOMIC_NUMBERS.get(word) or -int(word[1:]) for word in words], dtype=np.int64)
    return np.repeat(-np.arange(1, len(counts) + 1, dtype=np.int64), counts)


def _flags(reader: TextReader, behind: list[bytes]) -> NDArray[np.bool_]:
    flags = np.empty((len(behind), 3), dtype=np.bool_)
    for i, rest in enumerate(behind):
        row = [field.strip(b".")[:1].upper() for field in rest.split()[:3]]
        if len(row) != 3 or not set(row) <= {b"T", b"F"}:
            reader.fail("expected three flags, T or F, behind the coordinates of every atom (selective dynamics)")
        flags[i] = [flag == b"T" for flag in row]
    return flags
