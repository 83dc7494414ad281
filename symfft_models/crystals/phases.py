"""Energies against competing phases, all by one potential."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.optimize import linprog

from symfft_models.crystals.relaxed import Relaxed, load_relaxed


def lowest_mixture(amounts: Mapping[str, float], phases: Iterable[Relaxed] | None = None) -> tuple[float, list[str]]:
    """Return the lowest energy (eV per atom) of a mixture of phases with a composition, and the phases in it.

    Parameters
    ----------
    amounts : mapping
        Share of each element in the atoms; they sum to 1.
    phases : iterable of Relaxed, optional
        By default the relaxed crystals that come with the package.

    Returns
    -------
    energy : float
        NaN where the phases do not hold an element.
    names : list of str
        Phases of the mixture, the largest share first.

    Examples
    --------
    >>> energy, names = lowest_mixture({"Mg": 1.0})
    >>> names
    ['hcp-Mg']
    """
    chosen = [p for p in (load_relaxed() if phases is None else phases) if p.amounts.keys() <= amounts.keys()]
    if set().union(*(p.amounts for p in chosen)) < set(amounts):
        return float("nan"), []
    shares = np.array([[p.amounts.get(symbol, 0.0) for p in chosen] for symbol in amounts])
    energies = np.array([p.energy for p in chosen])
    result = linprog(energies, A_eq=shares, b_eq=list(amounts.values()), bounds=(0, None))
    if result.status != 0:
        return float("nan"), []
    order = np.argsort(-result.x, kind="stable")
    return float(result.fun), [chosen[i].crystal.id for i in order if result.x[i] > 1e-6]
