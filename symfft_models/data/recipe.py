"""How a crystal is computed: functional, potentials, cut-off, k-points; the job that the GPAW worker reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symfft_models.data.crystals import Crystal

#: Valence electrons of the Hartwigsen-Goedecker-Hutter potentials of this recipe; an element not listed has none.
VALENCE: dict[str, int] = {
    symbol: electrons
    for electrons, symbols in {
        1: "H Li Na K Rb Cs",
        2: "He Be Mg Ca Sr Ba",
        3: "B Al Ga In Tl Sc Y",
        4: "C Si Ge Sn Pb Ti Zr",
        5: "N P As Sb Bi V Nb Ta",
        6: "O S Se Te Po Cr Mo W",
        7: "F Cl Br I At Mn Tc Re",
        8: "Ne Ar Kr Xe Rn Fe Ru Os",
        9: "Co Rh Ir",
        10: "Ni Pd Pt",
        11: "Cu Ag Au",
        12: "Zn Cd Hg",
    }.items()
    for symbol in symbols.split()
}

#: Elements with a d shell that would otherwise lie in the core: they take the potential with semicore electrons.
SEMICORE = frozenset({"Cu", "Ag", "Au", "Zn", "Cd", "Hg"})
#: Elements with hard potentials, which need the higher cut-off.
HARD = frozenset({"C", "N", "O", "F"})


@dataclass(frozen=True)
class Recipe:
    """Settings of a computation; energies in eV, lengths in Å."""

    xc: str = "LDA"
    cutoff_ev: float = 600.0
    cutoff_hard_ev: float = 900.0
    smearing_ev: float = 0.1
    kpoint_length: float = 20.0
    density_convergence: float = 1e-5
    empty_bands: int = 10
    max_iterations: int = 120

    def cutoff(self, crystal: Crystal) -> float:
        """Plane-wave cut-off in eV."""
        return self.cutoff_hard_ev if HARD.intersection(crystal.species) else self.cutoff_ev

    def kpoints(self, crystal: Crystal) -> int:
        """Points along each axis of the Gamma-centred grid in the primitive cell."""
        primitive, _, _ = crystal.cell(primitive=True)
        return max(2, round(self.kpoint_length / float(np.linalg.norm(primitive[0]))))

    def job(self, crystal: Crystal) -> dict[str, Any]:
        """Return what the worker needs, ready for JSON."""
        cell, symbols, positions = crystal.cell(primitive=True)
        return {
            "id": crystal.id,
            "cell": cell.tolist(),
            "symbols": symbols,
            "positions": positions.tolist(),
            "xc": self.xc,
            "setups": {"default": "hgh"} | dict.fromkeys(sorted(SEMICORE.intersection(symbols)), "hgh.sc"),
            "cutoff_ev": self.cutoff(crystal),
            "kpoints": [self.kpoints(crystal)] * 3,
            "smearing_ev": self.smearing_ev,
            "density_convergence": self.density_convergence,
            "empty_bands": self.empty_bands,
            "max_iterations": self.max_iterations,
        }

    def electrons(self, crystal: Crystal, *, primitive: bool) -> int:
        """Valence electrons in the cubic or the primitive cell."""
        _, symbols, _ = crystal.cell(primitive=primitive)
        return sum(VALENCE[symbol] for symbol in symbols)

    def seconds(self, crystal: Crystal) -> float:
        """Expected time on one core: bands × plane waves × irreducible k-points, fitted to the first crystals."""
        cell, _, _ = crystal.cell(primitive=True)
        waves = abs(float(np.linalg.det(cell))) * (self.cutoff(crystal) / 600) ** 1.5
        irreducible = self.kpoints(crystal) ** 3 / 24 + 1
        bands = self.electrons(crystal, primitive=True) / 2 + self.empty_bands
        return 2.0 + 1.5e-3 * bands * waves * irreducible
