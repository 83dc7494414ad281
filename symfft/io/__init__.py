"""Readers and writers of density files, one file a format."""

from symfft.io.any_format import read_density, write_density
from symfft.io.ccp4 import read_ccp4, write_ccp4
from symfft.io.chgcar import read_chgcar, write_chgcar
from symfft.io.cube import read_cube, write_cube
from symfft.io.materials_project import read_materials_project
from symfft.io.reflections import write_structure_factors
from symfft.io.vaspwave import read_vaspwave
from symfft.io.xsf import read_xsf, write_xsf

__all__ = [
    "read_ccp4",
    "read_chgcar",
    "read_cube",
    "read_density",
    "read_materials_project",
    "read_vaspwave",
    "read_xsf",
    "write_ccp4",
    "write_chgcar",
    "write_cube",
    "write_density",
    "write_structure_factors",
    "write_xsf",
]
