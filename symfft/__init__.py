"""Crystallographic transforms: asymmetric units and symmetric transforms of densities for all 230 space groups."""

from symfft.au import AsymmetricUnit, asymmetric_unit, expand_from_au, reduce_to_au, symmetrize
from symfft.basins.charges import BaderCharges, bader, basin
from symfft.crystal.space_group import SpaceGroup
from symfft.density import Density
from symfft.errors import (
    ChgcarFormatError,
    DensityFormatError,
    IncompatibleGridError,
    NotSymmetricError,
    ShapeError,
    SpaceGroupError,
    SymfftError,
)
from symfft.grid.shape import next_compatible_shape
from symfft.grid.symmetry_check import OperatorCheck, SymmetryReport, check_symmetry
from symfft.io import read_chgcar, read_density, write_chgcar, write_density
from symfft.resampling.densities import resample, standardize
from symfft.resampling.reciprocal import symmetrize_reciprocal
from symfft.transforms.cosine import au_dct, au_idct
from symfft.transforms.dft import au_dft, au_idft, structure_factors
from symfft.transforms.packing import RealBasis
from symfft.transforms.real import au_real_dft, au_real_idft, real_basis

__version__ = "0.1.0"

__all__ = [
    "AsymmetricUnit",
    "BaderCharges",
    "ChgcarFormatError",
    "Density",
    "DensityFormatError",
    "IncompatibleGridError",
    "NotSymmetricError",
    "OperatorCheck",
    "RealBasis",
    "ShapeError",
    "SpaceGroup",
    "SpaceGroupError",
    "SymfftError",
    "SymmetryReport",
    "asymmetric_unit",
    "au_dct",
    "au_dft",
    "au_idct",
    "au_idft",
    "au_real_dft",
    "au_real_idft",
    "bader",
    "basin",
    "check_symmetry",
    "expand_from_au",
    "next_compatible_shape",
    "read_chgcar",
    "read_density",
    "real_basis",
    "reduce_to_au",
    "resample",
    "standardize",
    "structure_factors",
    "symmetrize",
    "symmetrize_reciprocal",
    "write_chgcar",
    "write_density",
]
