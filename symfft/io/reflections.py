"""Structure factors of crystallography: in electrons, with its sign, to and from MTZ and CIF files through gemmi.

``F(hkl) = ∫ ρ(r) exp(2πi h·r) dr`` over the cell; on a grid of N points, V/N times the sum.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft.density import Density
from symfft.errors import DensityFormatError, ShapeError
from symfft.io._compressed import PathLike
from symfft.io.atomic import replace_file
from symfft.io.ccp4 import cell_parameters

MTZ_SUFFIXES = (".mtz",)
CIF_SUFFIXES = (".cif", ".ent", ".mmcif")
#: Pairs of columns, amplitude and phase, that are looked for, in this order.
COLUMNS = (("FC", "PHIC"), ("FWT", "PHWT"), ("F-model", "PHIF-model"), ("FP", "PHIM"), ("F_calc", "phase_calc"))


@dataclass(frozen=True)
class Reflections:
    """Structure factors with the cell and the space group that they belong to.

    Attributes
    ----------
    hkl : (n, 3) int64
        Miller indices.
    values : (n,) complex128
        F(hkl) in electrons.
    cell : tuple of six floats
        a, b, c in Å, α, β, γ in degrees.
    space_group : str
        Hermann-Mauguin symbol.
    """

    hkl: NDArray[np.int64]
    values: NDArray[np.complex128]
    cell: tuple[float, ...]
    space_group: str


def factors_of_density(density: Density, hkl: ArrayLike) -> NDArray[np.complex128]:
    """Return structure factors in electrons with the crystallographic sign, ``V/N Σ ρ exp(2πi h·x)``.

    Parameters
    ----------
    density : Density
        The charge density, in e/Å³; F(000) is its number of electrons.
    hkl : (n, 3) int
        Miller indices of this cell, of less than half the points of the grid each.

    Returns
    -------
    (n,) complex128

    Raises
    ------
    ShapeError
        If an index is beyond what the grid resolves.

    Examples
    --------
    >>> import numpy as np
    >>> wave = 1.0 + 0.5 * np.cos(2 * np.pi * (np.arange(8) / 8 - 0.25))[:, None, None] * np.ones((8, 4, 4))
    >>> factors_of_density(Density(wave, 2.0 * np.eye(3), [], []), [[0, 0, 0], [1, 0, 0]]).round(12) + 0
    array([8.+0.j, 0.+2.j])
    """
    indices = np.asarray(hkl)
    if indices.ndim != 2 or indices.shape[1] != 3 or indices.dtype.kind not in "iu":
        raise ShapeError(f"hkl has the shape {indices.shape} and type {indices.dtype}, it must be (n, 3) integers")
    if (2 * np.abs(indices) >= density.shape).any():
        worst = indices[(2 * np.abs(indices) >= density.shape).any(axis=1)][0].tolist()
        raise ShapeError(f"the grid {density.shape} does not resolve the reflection {worst}: |h| must be below N/2")
    spectrum = np.fft.ifftn(density.values) * density.volume
    return np.asarray(spectrum[tuple((indices % density.shape).T)], dtype=np.complex128)


def unique_reflections(density: Density, space_group: str, resolution: float) -> Reflections:
    """Return the structure factors of the unique reflections of a space group down to a resolution.

    Parameters
    ----------
    density : Density
        The charge density.
    space_group : str
        Symbol of its group in this cell.
    resolution : float
        Smallest d, in Å.
    """
    import gemmi

    cell = cell_parameters(density.lattice)
    group = _group(space_group)
    hkl = gemmi.make_miller_array(gemmi.UnitCell(*cell), group, resolution).astype(np.int64)
    return Reflections(hkl, factors_of_density(density, hkl), cell, group.xhm())


def write_reflections(path: PathLike, reflections: Reflections) -> None:
    """Write structure factors as amplitudes and phases (FC, PHIC) to ``*.mtz`` or ``*.cif``, atomically.

    Raises
    ------
    DensityFormatError
        If the name says neither.
    """
    import gemmi

    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = _group(reflections.space_group)
    mtz.set_cell_for_all(gemmi.UnitCell(*reflections.cell))
    mtz.add_dataset("symfft")
    mtz.add_column("FC", "F")
    mtz.add_column("PHIC", "P")
    phases = np.degrees(np.angle(reflections.values))
    mtz.set_data(np.column_stack([reflections.hkl, np.abs(reflections.values), phases]).astype(np.float32))
    name = os.fspath(path).lower()
    if name.endswith(MTZ_SUFFIXES):
        with replace_file(path) as file:
            file.write(mtz.write_to_bytes())
    elif name.endswith(CIF_SUFFIXES):
        with replace_file(path) as file:
            file.write(gemmi.MtzToCif().write_cif_to_string(mtz).encode())
    else:
        raise DensityFormatError(path, "the name of a file of structure factors must end in .mtz or .cif")


def read_reflections(path: PathLike) -> Reflections:
    """Read structure factors with phases from an MTZ or a CIF file.

    Raises
    ------
    DensityFormatError
        If the file is damaged, or has no pair of columns of calculated amplitudes and phases.
    """
    import gemmi

    with open(path, "rb"):  # an OSError from here on is about the content
        pass
    try:
        if os.fspath(path).lower().endswith(CIF_SUFFIXES):
            blocks = gemmi.as_refln_blocks(gemmi.cif.read(os.fspath(path)))
            mtz = gemmi.CifToMtz().convert_block_to_mtz(blocks[0])
        else:
            mtz = gemmi.read_mtz_file(os.fspath(path))
        return _from_mtz(path, mtz)
    except (RuntimeError, ValueError, IndexError, OSError) as error:
        if isinstance(error, DensityFormatError):
            raise
        raise DensityFormatError(path, f"expected an MTZ or CIF file with structure factors: {error}") from error


def _from_mtz(path: PathLike, mtz: Any) -> Reflections:
    labels = {column.label for column in mtz.columns}
    pair = next((pair for pair in COLUMNS if set(pair) <= labels), None)
    if pair is None or mtz.spacegroup is None:
        raise DensityFormatError(
            path, f"expected a space group and columns like FC and PHIC, found {sorted(labels)[:20]}"
        )
    amplitudes, phases = (np.array(mtz.column_with_label(label).array, dtype=np.float64) for label in pair)
    known = np.isfinite(amplitudes) & np.isfinite(phases)
    values = (amplitudes[known] * np.exp(1j * np.radians(phases[known]))).astype(np.complex128)
    hkl = np.array(mtz.make_miller_array(), dtype=np.int64)[known]
    cell = mtz.cell
    return Reflections(hkl, values, (cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma), mtz.spacegroup.xhm())


def _group(symbol: str) -> Any:
    import gemmi

    found = gemmi.find_spacegroup_by_name(symbol)
    if found is None:
        raise ShapeError(f"gemmi knows no setting {symbol!r}: go to the conventional cell first")
    return found
