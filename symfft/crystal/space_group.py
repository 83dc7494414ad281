"""Space groups as exact Seitz operators.

An operator (W, w) maps a point x to ``W x + w`` in fractional coordinates. W is an integer matrix, w a vector of exact
rationals, kept as integer numerators over one common denominator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import IntArray
from symfft._immutable import Immutable, frozen
from symfft.crystal.exact import exact_translations
from symfft.crystal.operators import (
    LARGEST_INTEGER,
    Exact,
    canonical_order,
    change_basis,
    inverse_of,
    over_common_denominator,
    require_group,
    simplest_fraction,
    translation_lattice,
    triplet,
)
from symfft.errors import SpaceGroupError

if TYPE_CHECKING:
    import gemmi

#: Translations given as floats are read as the simplest fraction within this distance.
TRANSLATION_TOLERANCE = 1e-5
#: Most operators, and common denominator of the translations, of a setting in gemmi's table.
LARGEST_ORDER, TABLE_DENOMINATOR = 192, 24


class SpaceGroup(Immutable):
    """A space group in a definite setting: all Seitz operators of the given cell, centring translations included.

    Build one with :meth:`from_number`, :meth:`from_symbol`, :meth:`from_hall`, :meth:`from_operators` or
    :meth:`from_structure`. Operators are listed in one order, whatever order they were given in: by rotation, the
    identity first and proper ones before improper ones, then by translation. So two groups are equal when their lists
    of operators are, and what is known of the operators of one holds for the other, number by number.

    Parameters
    ----------
    rotations : (g, 3, 3) int
        Matrix parts W.
    numerators : (g, 3) int
        Translation parts, ``w = numerators / denominator``.
    denominator : int
        Common denominator of the translations.
    number : int, optional
        Number in International Tables A; found from the operators where it is not given.
    symbol : str, optional
        Hermann-Mauguin symbol with its setting; likewise.

    Raises
    ------
    SpaceGroupError
        If the operators do not form a group modulo lattice translations (checked exactly).

    Examples
    --------
    >>> from symfft import SpaceGroup
    >>> group = SpaceGroup.from_number(225)
    >>> group.symbol, group.order
    ('F m -3 m', 192)
    >>> SpaceGroup.from_symbol("P 21/c").triplets
    ('x,y,z', '-x,y+1/2,-z+1/2', '-x,-y,-z', 'x,-y+1/2,z+1/2')
    """

    _rotations: IntArray
    _numerators: IntArray
    _denominator: int
    _number: int | None
    _symbol: str | None
    #: Finds the group of a structure; :mod:`symfft.crystal.standard_setting`, which needs groups, sets it.
    of_structure: ClassVar[Callable[..., SpaceGroup]]

    def __init__(
        self,
        rotations: ArrayLike,
        numerators: ArrayLike,
        denominator: int,
        *,
        number: int | None = None,
        symbol: str | None = None,
    ) -> None:
        w, t = _whole(rotations, "rotations"), _whole(numerators, "translation numerators")
        if w.ndim != 3 or w.shape[1:] != (3, 3) or t.shape != (len(w), 3) or not len(w):
            raise SpaceGroupError(
                f"rotations of shape {w.shape} and translations of shape {t.shape} are not a list of operators: "
                "give (g, 3, 3) and (g, 3) with g >= 1"
            )
        if not 1 <= denominator <= LARGEST_INTEGER:
            raise SpaceGroupError(f"the denominator {denominator} of translations must be between 1 and 2^62")
        t = t % denominator
        divisor = math.gcd(denominator, *np.unique(t).tolist())
        order = canonical_order(w, t)
        vars(self).update(
            _rotations=frozen(np.ascontiguousarray(w[order])),
            _numerators=frozen(np.ascontiguousarray(t[order] // divisor)),
            _denominator=denominator // divisor,
            _number=number,
            _symbol=symbol,
        )
        require_group(self._rotations, self._numerators, self._denominator)

    # ---- construction ---------------------------------------------------------------------------------------------

    @classmethod
    def from_number(cls, number: int) -> SpaceGroup:
        """Return the ITA reference setting of a number: origin choice 2, hexagonal axes, unique axis b.

        Raises
        ------
        SpaceGroupError
            If `number` is not between 1 and 230.
        """
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not 1 <= number <= 230:
            raise SpaceGroupError(f"space-group number {number!r} does not exist: give an integer from 1 to 230")
        return reference_group(int(number))

    @classmethod
    def from_symbol(cls, symbol: str) -> SpaceGroup:
        """Return the group with a Hermann-Mauguin symbol, such as ``"F d -3 m:1"`` or ``"R -3 m:R"``.

        Without a suffix, origin choice 2 and hexagonal axes are meant, as in :meth:`from_number`.

        Raises
        ------
        SpaceGroupError
            If the symbol is unknown.
        """
        import gemmi

        entry = gemmi.find_spacegroup_by_name(str(symbol), prefer="2H")
        if entry is None:
            raise SpaceGroupError(
                f"space-group symbol {symbol!r} is unknown: give a Hermann-Mauguin symbol such as 'P 21/c' or "
                "'F d -3 m:1', or use from_hall for a Hall symbol"
            )
        return _from_gemmi(entry.operations(), number=entry.number, symbol=entry.xhm())

    @classmethod
    def from_hall(cls, hall: str) -> SpaceGroup:
        """Return the group with a Hall symbol, such as ``"-F 4 2 3"``; any change of basis is allowed.

        Raises
        ------
        SpaceGroupError
            If the symbol cannot be parsed.
        """
        import gemmi

        try:
            return _from_gemmi(gemmi.symops_from_hall(str(hall)))
        except (RuntimeError, ValueError) as error:
            raise SpaceGroupError(f"Hall symbol {hall!r} cannot be read: {error}") from None

    @classmethod
    def from_operators(cls, rotations: ArrayLike, translations: ArrayLike) -> SpaceGroup:
        """Return the group of the given operators.

        Parameters
        ----------
        rotations : (g, 3, 3) int
            Matrix parts W, identity included.
        translations : (g, 3)
            Translation parts w: fractions, or floats within 1e-5 of a simple fraction; or floats with all their digits
            of a group whose origin is not a simple fraction, which is rounded to a multiple of 2⁻⁴⁰.

        Raises
        ------
        SpaceGroupError
            If a matrix is not integer, or the operators do not form a group.

        Examples
        --------
        >>> import numpy as np
        >>> SpaceGroup.from_operators([np.eye(3), -np.eye(3)], [[0, 0, 0], [0, 0, 0.5]]).symbol
        'P -1'
        """
        w = _whole(rotations, "rotations")
        t = np.asarray(translations, dtype=object)
        if t.ndim != 2 or t.shape[1] != 3:
            raise SpaceGroupError(f"translations of shape {t.shape} are not a list of vectors: give (g, 3)")
        values = t.ravel().tolist()
        try:
            known = {v: _fraction(v) for v in set(values)}
            denominator = math.lcm(*(v.denominator for v in known.values()))
            whole = {v: v_exact.numerator * (denominator // v_exact.denominator) for v, v_exact in known.items()}
            return cls(w, np.array([whole[v] for v in values], dtype=object).reshape(t.shape), denominator)
        except SpaceGroupError as error:
            try:
                found = _about_real_origin(w, t.astype(np.float64))
            except (SpaceGroupError, TypeError, ValueError):
                found = None
            if found is None:
                raise error from None
            return found

    @classmethod
    def from_structure(
        cls,
        lattice: ArrayLike,
        positions: ArrayLike,
        numbers: ArrayLike,
        symprec: float = 1e-3,
        *,
        shape: Sequence[int] | None = None,
    ) -> SpaceGroup:
        """Return the space group of a crystal, in the cell and with the origin that it has.

        The operators are exact. Their common origin is fitted to all sites, by least squares: it is a multiple of 1/24,
        a point of a grid, or another simple fraction where the sites allow for that, else it is a multiple of 2⁻⁴⁰; see
        :mod:`symfft.crystal.exact`. Any cell will do: primitive, conventional, supercell.

        Parameters
        ----------
        lattice : (3, 3) float
            Basis vectors as rows, in Å.
        positions : (n, 3) float
            Fractional coordinates.
        numbers : (n,) int
            Atomic numbers, or any labels of the kinds of atom.
        symprec : float
            Largest displacement, in Å, at which an atom still counts as symmetric; 1e-10 to 1.
        shape : (3,) int, optional
            Grid of a density of the crystal: an origin that may lie on one of its points is taken to.

        Raises
        ------
        SpaceGroupError
            If the structure or `symprec` is unusable, or no group is found.
        ShapeError
            If `shape` is not three positive integers.

        Examples
        --------
        >>> import numpy as np
        >>> fcc = 2.0 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
        >>> group = SpaceGroup.from_structure(fcc, [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])
        >>> group.number, group.order
        (225, 48)
        """
        return cls.of_structure(lattice, positions, numbers, symprec, shape)

    # ---- what it holds --------------------------------------------------------------------------------------------

    @property
    def rotations(self) -> IntArray:
        """Matrix parts W, (g, 3, 3) int64, read-only."""
        return self._rotations

    @property
    def numerators(self) -> IntArray:
        """Translation parts times :attr:`denominator`, (g, 3) int64, read-only."""
        return self._numerators

    @property
    def denominator(self) -> int:
        """Smallest common denominator of the translations."""
        return self._denominator

    @cached_property
    def translations(self) -> Exact:
        """Translation parts w, (g, 3) array of :class:`fractions.Fraction`; ``.astype(float)`` gives numbers."""
        return frozen(
            np.array([[Fraction(int(v), self._denominator) for v in row] for row in self._numerators], dtype=object)
        )

    @property
    def order(self) -> int:
        """Number of operators of the cell, centring translations included (192 for F m -3 m)."""
        return len(self._rotations)

    @property
    def number(self) -> int:
        """Number in International Tables A."""
        return self._type[0]

    @property
    def symbol(self) -> str:
        """Hermann-Mauguin symbol; where the setting is in no table, the symbol of the group's type."""
        return self._type[1]

    @cached_property
    def triplets(self) -> tuple[str, ...]:
        """Operators as coordinate triplets, ``'-x,y+1/2,-z'``."""
        return tuple(triplet(w, t) for w, t in zip(self._rotations, self.translations, strict=True))

    @cached_property
    def is_centrosymmetric(self) -> bool:
        """Whether some operator has W = -1."""
        return bool((self._rotations == -np.eye(3, dtype=np.int64)).all(axis=(1, 2)).any())

    @cached_property
    def _type(self) -> tuple[int, str]:
        if self._number is not None and self._symbol is not None:
            return self._number, self._symbol
        return _identify(self)

    @cached_property
    def _key(self) -> tuple[int, bytes, bytes]:
        return self._denominator, self._rotations.tobytes(), self._numerators.tobytes()

    def __eq__(self, other: object) -> bool:
        """Whether two groups have the same operators and number.

        In a left-handed cell P 43 has the operators that P 41 has in a right-handed one: what is cached for one of two
        groups may then not serve the other.
        """
        if self is other:
            return True
        if not isinstance(other, SpaceGroup) or self._key != other._key:
            return False
        # Of bare operators both numbers follow from them: none needs to be found.
        return (self._number is None and other._number is None) or self.number == other.number

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple[Callable[..., SpaceGroup], tuple[object, ...]]:
        return _restored, (self._rotations, self._numerators, self._denominator, self._number, self._symbol)

    def __repr__(self) -> str:
        return f"SpaceGroup({self.symbol!r}, number {self.number}, order {self.order})"


def as_space_group(group: SpaceGroup | int | str) -> SpaceGroup:
    """Accept a group, a number or a Hermann-Mauguin symbol, once, where it comes in."""
    if isinstance(group, SpaceGroup):
        return group
    return SpaceGroup.from_symbol(group) if isinstance(group, str) else SpaceGroup.from_number(group)


# ---- inside ---------------------------------------------------------------------------------------------------------


def _restored(
    rotations: IntArray, numerators: IntArray, denominator: int, number: int | None, symbol: str | None
) -> SpaceGroup:
    """Return a group that was pickled."""
    return SpaceGroup(rotations, numerators, denominator, number=number, symbol=symbol)


def _from_gemmi(operations: gemmi.GroupOps, number: int | None = None, symbol: str | None = None) -> SpaceGroup:
    ops = list(operations)
    scale = ops[0].DEN
    rotations = np.array([op.rot for op in ops]) // scale
    return SpaceGroup(rotations, np.array([op.tran for op in ops]), scale, number=number, symbol=symbol)


@cache
def reference_group(number: int) -> SpaceGroup:
    """Return the ITA reference setting of a number from 1 to 230."""
    import gemmi

    entry = next(e for e in gemmi.spacegroup_table() if e.number == number and e.is_reference_setting())
    return _from_gemmi(entry.operations(), number=number, symbol=entry.xhm())


def _fraction(value: object) -> Fraction:
    try:
        return simplest_fraction(value, TRANSLATION_TOLERANCE) % 1
    except (TypeError, ValueError) as error:
        if isinstance(error, SpaceGroupError):
            raise
        raise SpaceGroupError(f"translation {value!r} is not a number") from None


def _about_real_origin(rotations: IntArray, translations: NDArray[np.float64]) -> SpaceGroup | None:
    """Return the group of operators whose common origin is not a simple fraction; None where they are not its."""
    own = translations[(rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))]
    if not len(own) or not np.isfinite(translations).all():
        return None
    centring = [[simplest_fraction(v, TRANSLATION_TOLERANCE) for v in row] for row in own.tolist()]
    parts, numerators = over_common_denominator(np.array(centring, dtype=object))
    inner = np.array(translation_lattice(numerators % parts, parts), dtype=object) * Fraction(1, parts)
    to_own, to_inner = inner.T.astype(np.float64), inverse_of(inner).T
    _, first = np.unique(rotations.reshape(-1, 9), axis=0, return_index=True)
    turned = to_inner.astype(np.float64) @ rotations[first] @ to_own
    w = np.rint(turned).astype(np.int64)
    t = translations[first] @ to_inner.astype(np.float64).T
    exact = exact_translations(w, t, np.full(t.shape, TRANSLATION_TOLERANCE))
    simple = exact.numerators.astype(object) * Fraction(1, exact.denominator)
    moved = simple + (w - np.eye(3, dtype=np.int64)).astype(object) @ exact.origin
    denominator, whole = over_common_denominator(moved)
    zero = np.zeros(3, dtype=object) * Fraction(1)
    found = SpaceGroup(*change_basis(w, whole, denominator, to_inner, zero))
    if found.order != len(rotations):
        return None
    for v, s in zip(rotations, translations, strict=True):
        apart = found.numerators[(found.rotations == v).all(axis=(1, 2))] / found.denominator - s
        if not len(apart) or np.abs(apart - np.rint(apart)).max(axis=1).min() > TRANSLATION_TOLERANCE:
            return None
    return found


def _whole(values: ArrayLike, what: str) -> IntArray:
    """Return an array of integers as int64."""
    try:
        given = np.asarray(values)
        whole = given.astype(np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise SpaceGroupError(f"{what} are not an array of integers: {error}") from None
    if given.dtype.kind == "f" and (not np.isfinite(given).all() or (np.abs(given) > 2**53).any()):
        raise SpaceGroupError(f"{what} must be finite integers below 2^53")
    if (whole != given).any():
        raise SpaceGroupError(f"{what} must be integer matrices: express the operators in the basis of the cell")
    return whole


def _identify(group: SpaceGroup) -> tuple[int, str]:
    """Find number and symbol: in gemmi's table of settings, else with spglib, from one operator of each matrix."""
    import gemmi
    import spglib

    if group.order <= LARGEST_ORDER and TABLE_DENOMINATOR % group.denominator == 0:
        entry = gemmi.find_spacegroup_by_ops(gemmi.GroupOps([gemmi.Op(name) for name in group.triplets]))
        if entry is not None:
            return entry.number, entry.xhm()
    copies = int((group.rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2)).sum())
    basis = np.array(translation_lattice(group.numerators[:copies], group.denominator)).T / group.denominator
    inverse = np.linalg.inv(basis)
    rotations = np.rint(inverse @ group.rotations[::copies] @ basis).astype(np.int64)
    translations = group.numerators[::copies] / group.denominator @ inverse.T
    found = spglib.get_spacegroup_type_from_symmetry(rotations, translations, lattice=_invariant_lattice(rotations))
    if found is None:
        raise SpaceGroupError("spglib does not recognise the type of these operators")
    return int(found.number), reference_group(int(found.number)).symbol


def _invariant_lattice(rotations: IntArray) -> NDArray[np.float64]:
    """Return basis vectors (rows) whose metric all matrices leave unchanged: the mean of WᵀW."""
    metric = np.einsum("gki,gkj->ij", rotations, rotations) / len(rotations)
    return np.ascontiguousarray(np.linalg.cholesky(metric))
