"""How a crystal is computed: functional, cut-off, k-points, starting moments; the worker's job; its cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft import SpaceGroup
from symfft_models.datasets.crystals import Crystal

XC = "PBE"
CUTOFF_EV = 520.0
SMEARING_EV = 0.1
DENSITY_CONVERGENCE = 1e-5
#: Gamma-centred k-points: this length (Å) over that of each primitive cell vector.
KPOINT_LENGTH = 22.0
MAX_ITERATIONS = 120
MIXING = 0.25
#: Elements that are computed spin-polarised, with the moments (Bohr magnetons) that they begin with, all parallel.
STARTING_MOMENT = {"Cr": 3.0, "Mn": 4.0, "Fe": 3.0, "Co": 2.0, "Ni": 1.0}
SETTINGS = {
    "xc": XC,
    "cutoff_ev": CUTOFF_EV,
    "smearing_ev": SMEARING_EV,
    "density_convergence": DENSITY_CONVERGENCE,
    "max_iterations": MAX_ITERATIONS,
    "mixing": MIXING,
}


def job(crystal: Crystal, order: float, **provenance: Any) -> dict[str, Any]:
    """Return what the worker needs, and what the packed set says of the crystal, ready for JSON.

    Parameters
    ----------
    crystal : Crystal
        In the reference setting; its primitive cell is computed.
    order : float
        Place in the queue: the smallest comes first.
    **provenance
        What is known of where the crystal comes from: ``potential``, ``formation_ev`` and the like.
    """
    cell, symbols, positions = crystal.cell(primitive=True)
    moments = [STARTING_MOMENT.get(symbol, 0.0) for symbol in symbols]
    return SETTINGS | {
        "id": crystal.id,
        "order": order,
        "cell": cell.tolist(),
        "symbols": symbols,
        "positions": positions.tolist(),
        "moments": moments if any(moments) else None,
        "kpoints": kpoints(cell),
        "crystal": {
            "prototype": crystal.prototype,
            "formula": crystal.formula,
            "composition": crystal.composition,
            "space_group": crystal.space_group,
            "constants": crystal.constants,
            "sites": crystal.sites,
            "source": crystal.source,
            "volume_factor": round(crystal.jitter**3, 6),
        }
        | provenance,
    }


def kpoints(cell: np.ndarray[Any, Any]) -> list[int]:
    """Return the points along each axis of the primitive cell's Gamma-centred grid.

    Examples
    --------
    >>> import numpy as np
    >>> kpoints(np.diag([4.0, 4.0, 30.0]))
    [6, 6, 1]
    """
    return [max(1, round(KPOINT_LENGTH / length)) for length in np.linalg.norm(cell, axis=1).tolist()]


def seconds(crystal: Crystal, valence: dict[str, int]) -> float:
    """Return the expected time on one core, fitted to the first hundred: half to 1.8 of it came true."""
    cell, symbols, _ = crystal.cell(primitive=True)
    operations = SpaceGroup.from_number(crystal.space_group).order * abs(float(np.linalg.det(crystal.basis)))
    irreducible = 2 * np.prod(kpoints(cell)) / min(48.0, 2 * operations) + 2
    bands = sum(valence[symbol] for symbol in symbols) / 2 + 4
    work = irreducible * bands * float(np.linalg.det(cell)) * (7.4e-4 + 4.6e-6 * bands)
    return float(1.9 + work * (5 if STARTING_MOMENT.keys() & set(symbols) else 1))
