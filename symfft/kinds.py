"""What the values of a density are, and in which units."""

from __future__ import annotations

from typing import Literal

Kind = Literal["charge", "potential", "elf", "kinetic_energy", "other"]
KINDS: tuple[Kind, ...] = ("charge", "potential", "elf", "kinetic_energy", "other")
UNITS: dict[Kind, str] = {"charge": "e/Å³", "potential": "eV", "elf": "", "kinetic_energy": "eV/Å³", "other": ""}
