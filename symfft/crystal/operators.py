"""Exact operators: matrices of fractions, and Seitz operators (W, w) with w = numerators / denominator."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.errors import SpaceGroupError

IntArray = NDArray[np.int64]
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
    raise SpaceGroupError(f"translation {x} is no fraction with a denominator up to {LARGEST_DENOMINATOR}")


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
    """
    denominator = math.lcm(*(Fraction(v).denominator for v in fractions.ravel().tolist()))
    return denominator, (fractions * denominator).astype(np.int64)


def inverse_of(matrix: Exact) -> Exact:
    """Invert a 3×3 matrix of fractions, by cofactors."""
    a, b, c = matrix * Fraction(1)
    adjugate = np.array([np.cross(b, c), np.cross(c, a), np.cross(a, b)], dtype=object).T
    return np.asarray(adjugate / (a @ np.cross(b, c)))


def require_group(rotations: IntArray, numerators: IntArray, denominator: int) -> None:
    """Check exactly that operators are distinct, contain the identity and are closed under multiplication.

    Raises
    ------
    SpaceGroupError
        If they are not; the message names the product that is missing.
    """
    kinds, kind = np.unique(rotations.reshape(-1, 9), axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    lookup = {row.tobytes(): i for i, row in enumerate(kinds)}
    matrices = kinds.reshape(-1, 3, 3)
    products = np.einsum("aij,bjk->abik", matrices, matrices).reshape(len(kinds), len(kinds), 9)
    table = np.array([[lookup.get(row.tobytes(), -1) for row in block] for block in products])
    weights = np.array([denominator**2, denominator, 1])
    stride = denominator**3
    keys = np.sort(kind * stride + numerators @ weights)
    if np.any(np.diff(keys) == 0):
        raise SpaceGroupError("the list of operators holds one of them twice: give each once")
    identity = lookup.get(np.eye(3, dtype=np.int64).tobytes(), -1)
    if identity < 0 or not np.any(keys == identity * stride):
        raise SpaceGroupError("the operators lack the identity x,y,z: a group contains it")
    for a in range(len(rotations)):
        product = (numerators @ rotations[a].T + numerators[a]) % denominator
        key = table[kind[a], kind] * stride + product @ weights
        missing = np.flatnonzero((table[kind[a], kind] < 0) | ~np.isin(key, keys, kind="sort"))
        if len(missing):
            names = [
                triplet(rotations[i], [Fraction(int(v), denominator) for v in numerators[i]]) for i in (a, missing[0])
            ]
            raise SpaceGroupError(
                f"the operators are not closed: the product of {names[0]} and {names[1]} is not among them; "
                "give all operators of the group, centring translations included"
            )


def triplet(rotation: IntArray, translation: Iterable[Fraction]) -> str:
    """Return an operator as a coordinate triplet, ``'-x,y+1/2,-z'``."""
    parts = []
    for row, shift in zip(rotation.tolist(), translation, strict=True):
        text = ""
        for coefficient, axis in zip(row, "xyz", strict=True):
            if coefficient:
                size = "" if abs(coefficient) == 1 else f"{abs(coefficient)}*"
                text += ("-" if coefficient < 0 else "+" if text else "") + size + axis
        parts.append(text + (f"+{shift}" if shift else ""))
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
    """
    den_p, p_int = over_common_denominator(transformation)
    den_i, i_int = over_common_denominator(inverse_of(transformation))

    scaled = np.einsum("ij,gjk,kl->gil", i_int, rotations, p_int)
    keep = np.all(scaled % (den_p * den_i) == 0, axis=(1, 2))
    w = scaled[keep] // (den_p * den_i)

    den_s, both = over_common_denominator(np.array([*shift, Fraction(1, denominator)], dtype=object))
    p_shift = both[:3]
    moved = rotations[keep] @ p_shift + numerators[keep] * (den_s // denominator) - p_shift
    whole = den_i * den_s
    t = np.mod(moved @ i_int.T, whole)

    steps = np.stack(np.meshgrid(*(np.arange(den_i),) * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    lattice = np.unique(np.mod(steps @ i_int.T * den_s, whole), axis=0)
    all_t = np.mod(t[:, None, :] + lattice[None, :, :], whole).reshape(-1, 3)
    rows = np.concatenate([np.repeat(w, len(lattice), axis=0).reshape(-1, 9), all_t], axis=1)
    _, first = np.unique(rows, axis=0, return_index=True)
    rows = rows[np.sort(first)]
    return rows[:, :9].reshape(-1, 3, 3), rows[:, 9:], whole
