"""Elements as points of a space in which like ones are near each other."""

from __future__ import annotations

from functools import cache

import numpy as np

from symfft_models._array_types import FloatArray, IntArray

# fmt: off
#: Electronegativity of the elements from hydrogen on (Pauling's scale; noble gases: Allen's).
ELECTRONEGATIVITY = np.array(
    [
        2.20, 4.16, 0.98, 1.57, 2.04, 2.55, 3.04, 3.44, 3.98, 4.79, 0.93, 1.31, 1.61, 1.90, 2.19, 2.58, 3.16, 3.24,
        0.82, 1.00, 1.36, 1.54, 1.63, 1.66, 1.55, 1.83, 1.88, 1.91, 1.90, 1.65, 1.81, 2.01, 2.18, 2.55, 2.96, 2.97,
        0.82, 0.95, 1.22, 1.33, 1.60, 2.16, 1.90, 2.20, 2.28, 2.20, 1.93, 1.69, 1.78, 1.96, 2.05, 2.10, 2.66, 2.58,
        0.79, 0.89, 1.10, 1.12, 1.13, 1.14, 1.13, 1.17, 1.20, 1.20, 1.10, 1.22, 1.23, 1.24, 1.25, 1.10, 1.27, 1.30,
        1.50, 2.36, 1.90, 2.20, 2.20, 2.28, 2.54, 2.00, 1.62, 2.33, 2.02, 2.00, 2.20, 2.20, 0.70, 0.90, 1.10, 1.30,
        1.50, 1.38, 1.36, 1.28, 1.30, 1.30,
    ]
)
# fmt: on
#: Atomic number of the noble gas that ends each period.
NOBLE = np.array([0, 2, 10, 18, 36, 54, 86])
#: Largest atomic number that the table has.
LAST = len(ELECTRONEGATIVITY)


def place(numbers: IntArray) -> tuple[IntArray, IntArray]:
    """Return period and group (lanthanides and actinides: 3) of atomic numbers.

    Examples
    --------
    >>> import numpy as np
    >>> [part.tolist() for part in place(np.array([1, 8, 26, 58, 79]))]
    [[1, 2, 4, 6, 6], [1, 16, 8, 3, 11]]
    """
    numbers = np.asarray(numbers)
    period = np.searchsorted(NOBLE, numbers)
    before, after = numbers - NOBLE[period - 1], np.append(NOBLE, 118)[period] - numbers
    long = period > 5
    group = np.where(before <= 2, before, 18 - after)
    group = np.where(long & (before > 2) & (after >= 15), 3, group)
    return period, np.where(numbers == 2, 18, group)


def usual_valence(numbers: IntArray) -> FloatArray:
    """Return the electrons outside the noble-gas core, and outside the filled d shell of later groups.

    Examples
    --------
    >>> import numpy as np
    >>> usual_valence(np.array([1, 2, 8, 11, 26, 31])).tolist()
    [1.0, 2.0, 6.0, 1.0, 8.0, 3.0]
    """
    numbers = np.asarray(numbers)
    _, group = place(numbers)
    return np.where(numbers == 2, 2, np.where(group < 13, group, group - 10)).astype(np.float64)


@cache
def coordinates() -> FloatArray:
    """Return the coordinates (LAST, 6) of the elements from hydrogen on.

    Electronegativity, covalent radius, period, group, and whether the group lies among the d metals, in units in which
    elements at a distance of 1 are alike.
    """
    numbers = np.arange(1, LAST + 1)
    period, group = place(numbers)
    transition = (group > 2) & (group < 13)
    return np.stack(
        [
            1.5 * (ELECTRONEGATIVITY - 2),
            2.0 * (covalent_radii() - 1.4),
            0.5 * (period - 4),
            (group - np.where(group > 12, 10, 0) - 4) / 3,
            1.0 * transition,
            1.0 * (group > 12),
        ],
        axis=1,
    )


@cache
def covalent_radii() -> FloatArray:
    """Return the covalent radii (LAST,) in Å of the elements from hydrogen on."""
    import gemmi

    return np.array([gemmi.Element(int(number)).covalent_r for number in range(1, LAST + 1)])
