"""Crystallographic transforms: asymmetric units and symmetric transforms of densities for all 230 space groups."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symfft.analysis.surfaces import Mesh
    from symfft.au import AsymmetricUnit, asymmetric_unit, expand_from_au, reduce_to_au, symmetrize
    from symfft.basins.charges import BaderCharges, bader, basin
    from symfft.basins.cores import frozen_cores
    from symfft.basins.topology import CriticalPoint, CriticalPoints, critical_points
    from symfft.crystal.space_group import SpaceGroup
    from symfft.crystal.wyckoff import Site
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
    from symfft.io import read_chgcar, read_density, write_chgcar, write_density, write_structure_factors
    from symfft.resampling.cells import primitive, supercell
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
    "CriticalPoint",
    "CriticalPoints",
    "Density",
    "DensityFormatError",
    "IncompatibleGridError",
    "Mesh",
    "NotSymmetricError",
    "OperatorCheck",
    "RealBasis",
    "ShapeError",
    "Site",
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
    "critical_points",
    "expand_from_au",
    "frozen_cores",
    "next_compatible_shape",
    "primitive",
    "read_chgcar",
    "read_density",
    "real_basis",
    "reduce_to_au",
    "resample",
    "standardize",
    "structure_factors",
    "supercell",
    "symmetrize",
    "symmetrize_reciprocal",
    "write_chgcar",
    "write_density",
    "write_structure_factors",
]

#: Public names by the module that they come from, which is imported when one of them is first asked for.
_MODULES = {
    "analysis.surfaces": "Mesh",
    "au": "AsymmetricUnit asymmetric_unit expand_from_au reduce_to_au symmetrize",
    "basins.charges": "BaderCharges bader basin",
    "basins.cores": "frozen_cores",
    "basins.topology": "CriticalPoint CriticalPoints critical_points",
    "crystal.space_group": "SpaceGroup",
    "crystal.wyckoff": "Site",
    "density": "Density",
    "errors": (
        "ChgcarFormatError DensityFormatError IncompatibleGridError NotSymmetricError ShapeError SpaceGroupError "
        "SymfftError"
    ),
    "grid.shape": "next_compatible_shape",
    "grid.symmetry_check": "OperatorCheck SymmetryReport check_symmetry",
    "io": "read_chgcar read_density write_chgcar write_density write_structure_factors",
    "resampling.cells": "primitive supercell",
    "resampling.densities": "resample standardize",
    "resampling.reciprocal": "symmetrize_reciprocal",
    "transforms.cosine": "au_dct au_idct",
    "transforms.dft": "au_dft au_idft structure_factors",
    "transforms.packing": "RealBasis",
    "transforms.real": "au_real_dft au_real_idft real_basis",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    module = f"{__name__}.{_MODULE_OF.get(name, name)}"
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = value = getattr(found, name) if name in _MODULE_OF else found
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
