"""Exact operators: matrices of fractions, and Seitz operators (W, w) with w = numerators / denominator."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft.errors import SpaceGroupError

Exact = NDArray[np.object_]

#: Largest denominator that a translation may have.
LARGEST_DENOMINATOR = 10_000


def simplest_fraction(value: Any, tolerance: float) -> Fraction:
    """Return the fraction with the smallest denominator within `tolerance` of `value`.

    Raises
    ------
    SpaceGroupError
        If `value` is not finite, or needs a denominator above 10,000.

    Examples
    --------
    >>> simplest_fraction(0.333334, 1e-5)
    Fraction(1, 3)
    """
    if isinstance(value, (Fraction, int)):
        return Fraction(value)
    x = float(value)
    if not math.isfinite(x):
        raise SpaceGroupError(f"translation {value!r} is not a number")
    for denominator in range(1, LARGEST_DENOMINATOR + 1):
        numerator = round(x * denominator)
        if abs(numerator - x * denominator) <= tolerance * denominator:
            return Fraction(numerator, denominator)
    raise SpaceGroupError(f"translation {x} is not a fraction with a denominator up to {LARGEST_DENOMINATOR}")


def integer_rows(matrix: Exact) -> tuple[int, list[list[int]]]:
    """Return the least common denominator of a matrix of fractions, and its numerators, integers of any size."""
    denominator = math.lcm(*(Fraction(v).denominator for v in matrix.ravel().tolist()))
    return denominator, [[int(v * denominator) for v in row] for row in matrix]


def over_common_denominator(fractions: Exact) -> tuple[int, NDArray[np.int64]]:
    """Return the least common denominator of an array of fractions, and its numerators.

    Examples
    --------
    >>> over_common_denominator(np.array([Fraction(1, 2), Fraction(1, 3)]))
    (6, array([3, 2]))

    Raises
    ------
    SpaceGroupError
        If 64 bits are too few for one of them.
    """
    denominator = math.lcm(*(Fraction(v).denominator for v in fractions.ravel().tolist()))
    numerators = fractions * denominator
    if denominator >= 2**63 or any(abs(v) >= 2**63 for v in numerators.ravel().tolist()):
        raise SpaceGroupError(
            f"fractions with the common denominator {float(denominator):.3g} need integers of more than 64 bits: give "
            "fractions with smaller denominators; where floats were read as fractions, translations that belong "
            "together may have got different ones, so give them as fractions, or let from_structure find the group"
        )
    return denominator, numerators.astype(np.int64)


def inverse_of(matrix: Exact) -> Exact:
    """Invert a 3×3 matrix of fractions, by cofactors."""
    scale, ((a, b, c), (d, e, f), (g, h, i)) = integer_rows(matrix)
    first, second, third = e * i - f * h, f * g - d * i, d * h - e * g
    determinant = a * first + b * second + c * third
    adjugate = [
        [first, c * h - b * i, b * f - c * e],
        [second, a * i - c * g, c * d - a * f],
        [third, b * g - a * h, a * e - b * d],
    ]
    return np.array([[Fraction(scale * v, determinant) for v in row] for row in adjugate], dtype=object)


#: No space group has more matrices.
LARGEST_POINT_GROUP = 48
#: Products of operators stay below this.
LARGEST_INTEGER = 2**62


def canonical_order(rotations: IntArray, numerators: IntArray) -> NDArray[np.intp]:
    """Return the order in which a group lists its operators, whatever order they come in.

    The identity is first; proper rotations precede improper ones, and of both those come first whose proper part turns
    by the smaller angle. Operators with the same W stand together, by increasing translation.
    """
    flat = rotations.reshape(-1, 9)
    a, b, c, d, e, f, g, h, i = flat.T
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return np.lexsort((*numerators.T[::-1], *-flat.T[::-1], -determinant * (a + e + i), -determinant))


def require_group(rotations: IntArray, numerators: IntArray, denominator: int) -> None:
    """Check exactly that operators are distinct, contain the identity and are closed under multiplication.

    Parameters
    ----------
    rotations, numerators, denominator
        Operators (g, 3, 3), (g, 3), int, in canonical order, numerators in [0, denominator).

    Raises
    ------
    SpaceGroupError
        If they are not; the message names the product that is missing.
    """
    reach = 3 * int(np.abs(rotations).max()) + 2
    if reach > 2**20 or reach * denominator > LARGEST_INTEGER:
        raise SpaceGroupError(
            f"matrices with entries up to {reach // 3} and translations with the denominator {denominator} need "
            "integers of more than 64 bits: reduce the cell, or give translations with a smaller common denominator"
        )
    flat = rotations.reshape(-1, 9)
    same = (flat[1:] == flat[:-1]).all(axis=1)
    if (same & (numerators[1:] == numerators[:-1]).all(axis=1)).any():
        raise SpaceGroupError("the list of operators holds one of them twice: give each once")
    if (flat[0] != np.eye(3, dtype=np.int64).ravel()).any() or numerators[0].any():
        raise SpaceGroupError("the operators lack the identity x,y,z: a group contains it")
    first = np.flatnonzero(np.append(True, ~same))
    if len(first) > LARGEST_POINT_GROUP:
        raise SpaceGroupError(
            f"the operators are not closed: they have {len(first)} matrices, and no space group has more than "
            f"{LARGEST_POINT_GROUP}"
        )
    if not _is_closed(rotations, numerators, denominator, first):
        raise SpaceGroupError(
            f"the operators are not closed: the product of {_missing_product(rotations, numerators, denominator)} is "
            "not among them; give all operators of the group, centring translations included"
        )


def _is_closed(rotations: IntArray, numerators: IntArray, denominator: int, first: NDArray[np.intp]) -> bool:
    """Whether distinct operators, of which those in `first` begin a new matrix, are closed.

    They are when the translations are a lattice that every matrix keeps, all operators of a matrix are one of its
    cosets, and products of the first of each lie in the coset that they should. A supercell costs no more than a small
    cell.
    """
    copies = int(np.append(first, len(rotations))[1])
    if (np.diff(np.append(first, len(rotations))) != copies).any():
        return False
    lattice = translation_lattice(numerators[:copies], denominator)
    if lattice[0][0] * lattice[1][1] * lattice[2][2] * copies != denominator**3:
        return False
    basis, kinds, starts = np.array(lattice), rotations[first], numerators[first]
    steps = (numerators.reshape(-1, copies, 3) - starts[:, None]).reshape(-1, 3)
    turned = (kinds @ basis.T).transpose(0, 2, 1).reshape(-1, 3)
    if remainder(steps, basis, denominator).any() or remainder(turned, basis, denominator).any():
        return False
    products = (kinds[:, None] @ kinds).reshape(-1, 1, 9)
    same = (products == kinds.reshape(-1, 9)).all(axis=2)
    moved = (starts @ kinds.transpose(0, 2, 1) + starts[:, None]).reshape(-1, 3)
    apart = moved - starts[same.argmax(axis=1)]
    return bool(same.any(axis=1).all()) and not remainder(apart, basis, denominator).any()


def _missing_product(rotations: IntArray, numerators: IntArray, denominator: int) -> str:
    """Return the names of two operators whose product is not among them."""
    known = {row.tobytes() for row in np.concatenate([rotations.reshape(-1, 9), numerators], axis=1)}
    for w, t in zip(rotations, numerators, strict=True):
        products = np.concatenate([(w @ rotations).reshape(-1, 9), (numerators @ w.T + t) % denominator], axis=1)
        for v, s, row in zip(rotations, numerators, products, strict=True):
            if row.tobytes() not in known:
                both = [triplet(m, [Fraction(int(n), denominator) for n in k]) for m, k in ((w, t), (v, s))]
                return " and ".join(both)
    raise AssertionError("operators that are not closed have a product that is not among them")


def translation_lattice(numerators: IntArray, denominator: int) -> list[list[int]]:
    """Return a triangular basis (rows) of the lattice that vectors and `denominator` times the unit vectors span.

    Entries above a pivot are reduced by it, so that a lattice has one such basis.
    """
    unit = [[denominator * (i == j) for j in range(3)] for i in range(3)]
    basis = row_basis([*unit, *numerators[numerators.any(axis=1)].tolist()])
    for i in range(3):
        if basis[i][i] < 0:
            basis[i] = [-v for v in basis[i]]
        for above in range(i):
            times = basis[above][i] // basis[i][i]
            basis[above] = [v - times * p for v, p in zip(basis[above], basis[i], strict=True)]
    return basis


def remainder(vectors: IntArray, basis: IntArray, denominator: int) -> IntArray:
    """Return what is left of vectors (n, 3) modulo a lattice, given by :func:`translation_lattice`."""
    left = vectors % denominator
    for i in range(3):
        left = left - (left[:, i] // basis[i, i])[:, None] * basis[i]
    return left


def row_basis(vectors: list[list[int]]) -> list[list[int]]:
    """Return a basis, in triangular form, of the lattice that integer vectors generate."""
    rows = [list(v) for v in vectors]
    for column in range(3):
        while True:
            live = [r for r in range(column, len(rows)) if rows[r][column]]
            pivot = min(live, key=lambda r: abs(rows[r][column]))
            rows[column], rows[pivot] = rows[pivot], rows[column]
            if len(live) == 1:
                break
            for r in range(column + 1, len(rows)):
                times = rows[r][column] // rows[column][column]
                rows[r] = [v - times * p for v, p in zip(rows[r], rows[column], strict=True)]
    return rows[:3]


def triplet(rotation: IntArray, translation: Iterable[Fraction]) -> str:
    """Return an operator as a coordinate triplet, ``'-x,y+1/2,-z'``; fractions that are not simple as decimals."""
    parts = []
    for row, shift in zip(rotation.tolist(), translation, strict=True):
        text = ""
        for coefficient, axis in zip(row, "xyz", strict=True):
            if coefficient:
                size = "" if abs(coefficient) == 1 else f"{abs(coefficient)}*"
                text += ("-" if coefficient < 0 else "+" if text else "") + size + axis
        simple = shift.denominator <= LARGEST_DENOMINATOR
        parts.append(text + (f"+{shift if simple else format(float(shift), '.12g')}" if shift else ""))
    return ",".join(parts)


def change_basis(
    rotations: IntArray, numerators: IntArray, denominator: int, transformation: Exact, shift: Exact
) -> tuple[IntArray, IntArray, int]:
    """Carry operators over to the cell with ``x = P x' + p``, exactly.

    Operators that do not map the new cell's lattice onto itself (supercells of lower symmetry) drop out; translations
    of the old lattice that are none of the new cell's (supercells) join in.

    Parameters
    ----------
    rotations, numerators, denominator
        Operators (g, 3, 3), (g, 3), int.
    transformation, shift : (3, 3) and (3,) arrays of Fraction or int
        P and p.

    Returns
    -------
    tuple
        Rotations, numerators and denominator in the new cell.

    Raises
    ------
    SpaceGroupError
        If the result needs integers of more than 64 bits.
    """
    den_p, p_int = over_common_denominator(transformation)
    den_i, i_int = over_common_denominator(inverse_of(transformation))
    scaled = i_int @ rotations @ p_int
    keep = np.all(scaled % (den_p * den_i) == 0, axis=(1, 2))
    w = scaled[keep] // (den_p * den_i)

    den_s, both = over_common_denominator(np.array([*shift, Fraction(1, denominator)], dtype=object))
    whole = den_i * den_s
    size = int(np.abs(i_int).max()) * (9 * int(np.abs(rotations).max()) + 6)
    if size * max(whole, int(np.abs(both).max())) > LARGEST_INTEGER:
        raise SpaceGroupError(
            f"in that cell and with that origin translations need the denominator {whole}, and integers of more than "
            "64 bits: reduce the cell, or take an origin with a smaller common denominator"
        )
    moved = (rotations[keep] - np.eye(3, dtype=np.int64)) @ both[:3] + numerators[keep] * (den_s // denominator)
    t = moved @ i_int.T % whole
    lattice = np.array(translation_lattice(i_int.T % den_i, den_i))
    counts = (den_i // np.diag(lattice)).tolist()
    steps = np.indices(counts).reshape(3, -1).T @ lattice % den_i * den_s
    all_t = (t[:, None, :] + steps) % whole
    rows = np.concatenate([np.repeat(w, len(steps), axis=0).reshape(-1, 9), all_t.reshape(-1, 3)], axis=1)
    rows = rows[np.lexsort(rows.T)]
    rows = rows[np.append(True, (rows[1:] != rows[:-1]).any(axis=1))]
    return rows[:, :9].reshape(-1, 3, 3), rows[:, 9:], whole
