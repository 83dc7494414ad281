"""Densities through ``ase.io.read`` and ``ase.io.write``, as ASE's plugins do it (entry point ``ase.ioformats``).

``ase.io.read("CHGCAR")`` returns atoms whose ``info["density"]`` is the :class:`symfft.Density`; ``ase.io.write``
writes it back, to CHGCAR, LOCPOT, *.ccp4, …, and with ``format="symfft"`` to any name that
:func:`symfft.write_density` takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ase.utils.plugins import ExternalIOFormat

from symfft.density import Density
from symfft.errors import SymfftError
from symfft.io._compressed import PathLike
from symfft.io.any_format import read_density, write_density

#: What ASE lists in ``ase info --formats``; formats that ASE has itself (cube, xsf) are left to it.
FORMAT = ExternalIOFormat(
    desc="Volumetric densities (symfft)",
    code="1S",
    module="symfft.io.ase_format",
    glob=["*CHGCAR*", "*AECCAR*", "*PARCHG*", "*LOCPOT*", "*ELFCAR*", "*TAUCAR*", "*vaspwave.h5"],
    ext=["ccp4", "mrc"],
)

#: Key of ``Atoms.info``.
KEY = "density"
#: How far, in Å, atoms may be from those of the density that is written with them.
TOLERANCE = 1e-4


def read_symfft(filename: PathLike, **options: Any) -> Any:
    """Return ASE ``Atoms`` with the density as ``info["density"]``; options as in :func:`symfft.read_density`."""
    density = read_density(filename, **options)
    atoms, _ = density.to_ase()
    atoms.info[KEY] = density
    return atoms


def write_symfft(
    filename: PathLike, atoms: Any, *, density: Any = None, kind: Any = "charge", file_format: str | None = None
) -> None:
    """Write the density that atoms carry, or one given beside them.

    Parameters
    ----------
    filename : path-like
        Its name says the format, as in :func:`symfft.write_density`.
    atoms : ase.Atoms
        The crystal.
    density : Density or (Nx, Ny, Nz) float, optional
        By default ``atoms.info["density"]``; an array is a density over the cell of the atoms.
    kind : {"charge", "potential", "elf", "kinetic_energy", "other"}
        What an array holds.
    file_format : {"vasp", "cube", "ccp4", "xsf"}, optional
        The format where the name does not say it.

    Raises
    ------
    SymfftError
        If there is no density, or the atoms are not those that it belongs to.
    """
    density = atoms.info.get(KEY) if density is None else density
    if density is None:
        raise SymfftError('the atoms carry no density: give one, or set atoms.info["density"]')
    if not isinstance(density, Density):
        density = Density.from_ase(atoms, density, kind=kind)
    elif not _same_crystal(atoms, density):
        raise SymfftError(
            "the atoms are not those of the density, which belongs to one structure: give the density that does, or "
            'delete atoms.info["density"]'
        )
    write_density(filename, density, format=file_format)


def _same_crystal(atoms: Any, density: Density) -> bool:
    own, _ = density.to_ase()
    if len(atoms) != len(own) or (atoms.numbers != own.numbers).any():
        return False
    if np.abs(atoms.cell.array - density.lattice).max() > TOLERANCE:
        return False
    apart = atoms.get_scaled_positions(wrap=False) - density.positions
    return bool((np.abs((apart - np.rint(apart)) @ density.lattice) <= TOLERANCE).all())
