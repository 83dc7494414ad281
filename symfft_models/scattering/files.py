"""Structures of files, and what they are called."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from symfft import SymfftError, read_density
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.structure import SYMPREC, StructureError, crystal_of, whole_crystal

#: Largest file of a structure, bytes: one with a density is read by :func:`symfft.read_density`.
LARGEST = 20_000_000
#: What helps where a file's format is not the one of its name.
REMEDY = (
    "its name says which format a file has: POSCAR, .cif or .xyz for a structure, CHGCAR, .cube, .xsf or .ccp4 for a "
    "density; give it that of what it holds"
)


def read_structure(path: Path, symprec: float = SYMPREC) -> Crystal:
    """Return the crystal of a file: CIF, POSCAR, extended XYZ or whatever ASE reads; or a density's own structure.

    Raises
    ------
    StructureError
        If the file is no structure of whole atoms in a periodic cell.
    FileNotFoundError
        If there is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    name = path.name.lower()
    if name.endswith(".cif"):
        return _read_cif(path, symprec)
    if path.stat().st_size > LARGEST or re.search(r"chgcar|\.cube|\.cub$|\.xsf|\.ccp4|\.(gz|xz|bz2|zst)$", name):
        try:
            return crystal_of(read_density(path), symprec)
        except SymfftError as error:
            raise StructureError(f"{path}: {error}" if str(path) not in str(error) else str(error)) from None
    return _read_ase(path, symprec)


def one_line(error: Exception) -> str:
    """Return what another library says is wrong."""
    return " ".join(str(error).split()) or "it does not say why"


def _read_cif(path: Path, symprec: float) -> Crystal:
    """All atoms of the cell of a CIF's first block that has atoms, by gemmi."""
    import gemmi

    try:
        structure = gemmi.read_small_structure(str(path))
    except (RuntimeError, ValueError, OSError, IndexError) as error:
        why = "it has no data block" if isinstance(error, IndexError) else one_line(error)
        raise StructureError(f"{path}: no CIF that can be read ({why}); {REMEDY}") from None
    atoms = structure.get_all_unit_cell_sites()
    if not atoms:
        raise StructureError(f"{path}: the CIF has no atoms")
    for atom in atoms:
        if atom.occ < 0.999:
            raise StructureError(f"{path}: site {atom.label} is occupied by {atom.occ:g}: whole atoms are needed")
        if atom.element.atomic_number == 0:
            raise StructureError(f"{path}: site {atom.label} has no element that is known ({atom.type_symbol!r})")
    lattice = np.array(structure.cell.orth.mat.tolist()).T
    positions = np.array([atom.fract.tolist() for atom in atoms])
    try:
        return whole_crystal(lattice, positions, [atom.element.atomic_number for atom in atoms], symprec)
    except StructureError as error:
        raise StructureError(f"{path}: {error}") from None


def _read_ase(path: Path, symprec: float) -> Crystal:
    try:
        import ase.io
    except ModuleNotFoundError:
        raise StructureError(
            f"{path}: ASE reads structures other than CIFs and densities: pip install ase, or give a CIF"
        ) from None
    vasp = re.search(r"poscar|contcar|\.vasp$", path.name.lower())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            atoms: Any = ase.io.read(path, format="vasp" if vasp else None, index=-1)
    except Exception as error:  # ASE's readers raise whatever their parsers do
        kind = "POSCAR" if vasp else "structure"
        raise StructureError(f"{path}: no {kind} that ASE can read ({one_line(error)}); {REMEDY}") from None
    if not np.all(atoms.get_pbc()):
        raise StructureError(f"{path}: not periodic along all three axes: a density needs a crystal")
    try:
        return crystal_of(atoms, symprec)
    except StructureError as error:
        raise StructureError(f"{path}: {error}") from None
