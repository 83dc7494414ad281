"""How a crystal is computed: functional, potentials, cut-off, k-points; the job that the GPAW worker reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symfft import SpaceGroup
from symfft.constants import BOHR, HARTREE
from symfft_models.datasets.bundled.crystals import Crystal

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
#: Elements whose orbitals are so sharp that their products fill the frequencies up to twice the plane waves' largest:
#: d shells and the second row's 2p. The grid of the density must hold those; elsewhere GPAW's default, sqrt(2)
#: coarser, loses nothing that counts (benchmarks/dft_grid.py).
SHARP = frozenset(
    """N O F
    Sc Ti V Cr Mn Fe Co Ni Cu Zn
    Y Zr Nb Mo Tc Ru Rh Pd Ag Cd
    Ta W Re Os Ir Pt Au Hg""".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Recipe:
    """Settings of a computation; energies in eV, lengths in Å."""

    xc: str = "LDA"
    cutoff_ev: float = 600.0
    cutoff_hard_ev: float = 900.0
    smearing_ev: float = 0.1
    kpoint_length: float = 20.0
    density_convergence: float = 1e-5
    # a quarter fewer iterations than with GPAW's 0.05; the densities agree to more than 105 dB
    mixing: float = 0.25
    empty_bands: int = 10
    max_iterations: int = 120

    def cutoff(self, crystal: Crystal) -> float:
        """Plane-wave cut-off in eV."""
        return self.cutoff_hard_ev if HARD.intersection(crystal.species) else self.cutoff_ev

    def kpoints(self, crystal: Crystal) -> list[int]:
        """Points along each axis of the Gamma-centred grid in the primitive cell."""
        primitive = crystal.basis @ crystal.lattice
        return [max(2, round(self.kpoint_length / length)) for length in np.linalg.norm(primitive, axis=1).tolist()]

    def grid_spacing(self, crystal: Crystal) -> float | None:
        """Largest distance (Å) of points on the density's grid, pi / (2 G_max); None stands for GPAW's default."""
        if not SHARP.intersection(crystal.species):
            return None
        return float(np.pi / np.sqrt(8 * self.cutoff(crystal) / HARTREE)) * BOHR

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
            "grid_spacing": self.grid_spacing(crystal),
            "kpoints": self.kpoints(crystal),
            "smearing_ev": self.smearing_ev,
            "density_convergence": self.density_convergence,
            "mixing": self.mixing,
            "empty_bands": self.empty_bands,
            "max_iterations": self.max_iterations,
        }

    def electrons(self, crystal: Crystal, *, primitive: bool) -> int:
        """Valence electrons in the conventional or the primitive cell."""
        total = sum(int(wyckoff[:-1]) * VALENCE[symbol] for symbol, wyckoff, _ in crystal.sites)
        return round(total * abs(float(np.linalg.det(crystal.basis)))) if primitive else total

    def seconds(self, crystal: Crystal) -> float:
        """Expected time on one core: bands × plane waves × irreducible k-points, fitted to the first crystals."""
        volume = abs(float(np.linalg.det(crystal.basis @ crystal.lattice)))
        waves = volume * (self.cutoff(crystal) / 600) ** 1.5
        operations = SpaceGroup.from_number(crystal.space_group).order * abs(float(np.linalg.det(crystal.basis)))
        irreducible = np.prod(self.kpoints(crystal)) / min(24.0, max(operations, 2.0)) + 1
        bands = self.electrons(crystal, primitive=True) / 2 + self.empty_bands
        finer = 2.8 if self.grid_spacing(crystal) else 1.0
        return 1.5 + 1.1e-3 * bands * waves * irreducible * finer
