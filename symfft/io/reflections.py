"""Structure factors of crystallography: in electrons, with its sign, to and from MTZ and CIF files through gemmi.

``F(hkl) = ∫ ρ(r) exp(2πi h·r) dr`` over the cell; on a grid of N points, V/N times the sum.
"""

from __future__ import annotations

import logging
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.lattice import METRIC_TOLERANCE, cell_volume, metric_change
from symfft.crystal.space_group import SpaceGroup, as_space_group
from symfft.density import Density
from symfft.errors import DensityFormatError, ShapeError, SpaceGroupError
from symfft.grid.shape import next_compatible_shape
from symfft.io._compressed import DecompressionError, PathLike, Source
from symfft.io._text import MAX_POINTS
from symfft.io.atomic import replace_file
from symfft.io.ccp4 import cell_parameters
from symfft.io.kinds import kind_to_read
from symfft.kinds import Kind

_LOG = logging.getLogger(__name__)

MTZ_SUFFIXES = (".mtz",)
CIF_SUFFIXES = (".cif", ".ent", ".mmcif")
#: No crystal has reflections beyond.
LARGEST_INDEX = 100_000
#: Points of a grid to the shortest wave of a Fourier synthesis.
SAMPLES = 3
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


def unique_reflections(density: Density, space_group: str, resolution: float) -> Reflections:
    """Return F(000) and the structure factors of the unique reflections of a space group down to a resolution.

    Parameters
    ----------
    density : Density
        The charge density.
    space_group : str
        Symbol of its group in this cell.
    resolution : float
        Smallest d, in Å.

    Raises
    ------
    ShapeError
        If the grid does not resolve such a d, or no reflection has so large a one.
    """
    import gemmi

    cell = cell_parameters(density.lattice)
    if (np.array(cell[:3]) / resolution >= density.shape).any():  # at most N/2 waves along an axis of N points
        finest = float((2 * np.array(cell[:3]) / density.shape).max())
        raise ShapeError(f"the grid {density.shape} does not resolve d = {resolution:g} Å: give {finest:.3g} Å or more")
    group = _group(space_group)
    hkl = gemmi.make_miller_array(gemmi.UnitCell(*cell), group, resolution).astype(np.int64)
    if not len(hkl):
        raise ShapeError(f"no reflection has d = {resolution:g} Å or more: give a smaller d")
    hkl = np.concatenate([np.zeros((1, 3), dtype=np.int64), hkl])
    return Reflections(hkl, density.structure_factors(hkl), cell, group.xhm())


def write_structure_factors(
    path: PathLike,
    density: Density,
    resolution: float,
    space_group: SpaceGroup | int | str | None = None,
) -> int:
    """Write the unique structure factors of a charge density, F(000) among them, to an MTZ or a CIF file.

    Amplitudes in electrons (FC) and phases in degrees (PHIC) with the sign of :meth:`Density.structure_factors`; gemmi
    writes them. :func:`symfft.read_density` reads such a file and returns its Fourier synthesis.

    Parameters
    ----------
    path : path-like
        Where to write: ``*.mtz`` or ``*.cif``.
    density : Density
        The charge density, in e/Å³.
    resolution : float
        Smallest d, in Å.
    space_group : SpaceGroup, int or str, optional
        By default the group of the atoms, or that which the file states.

    Returns
    -------
    int
        Number of reflections written.

    Raises
    ------
    DensityFormatError
        If the name is of neither format.
    ShapeError
        If the grid does not resolve such a d, or no reflection has so large a one.
    SpaceGroupError
        If the cell is not one in which a symbol can name the group; :func:`symfft.standardize` goes to one.
    SymfftError
        If the values are not a charge density.

    Examples
    --------
    >>> import tempfile, numpy as np, symfft
    >>> x = np.arange(12) / 12
    >>> waves = sum(np.cos(2 * np.pi * x).reshape(s) for s in ((12, 1, 1), (1, 12, 1), (1, 1, 12)))
    >>> density = symfft.Density(4 + waves, 4.0 * np.eye(3), [[0, 0, 0]], [84])
    >>> path = tempfile.mkdtemp() + "/po.mtz"
    >>> symfft.write_structure_factors(path, density, 2.5)
    3
    >>> again = symfft.read_density(path)
    >>> round(again.electrons, 3), again.space_group().symbol
    (256.0, 'P m -3 m')
    """
    group = density.space_group() if space_group is None else as_space_group(space_group)
    if SpaceGroup.from_symbol(group.symbol) != group:
        raise SpaceGroupError(
            f"in this cell the operators are not those of {group.symbol} in a setting that files of reflections can "
            "name: go to the conventional cell first (symfft.standardize; symfft convert IN OUT --standardize)"
        )
    reflections = unique_reflections(density, group.symbol, resolution)
    write_reflections(path, reflections)
    return len(reflections.hkl)


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
    """Read structure factors with phases from an MTZ or a CIF file, plain or compressed.

    Raises
    ------
    DensityFormatError
        If the file is damaged, or has no pair of columns of calculated amplitudes and phases.
    """
    import gemmi

    try:
        with _plain(path) as (plain, is_mtz):
            if is_mtz:
                return _from_mtz(path, gemmi.read_mtz_file(str(plain)))
            blocks = gemmi.as_refln_blocks(gemmi.cif.read_file(str(plain)))
            return _from_mtz(path, gemmi.CifToMtz().convert_block_to_mtz(blocks[0]))
    except DecompressionError as error:
        raise DensityFormatError(path, f"the compressed data is damaged or cut off ({error})") from error
    except (RuntimeError, ValueError, IndexError, MemoryError, TypeError) as error:
        if isinstance(error, DensityFormatError):
            raise
        raise DensityFormatError(path, f"expected an MTZ or CIF file with structure factors: {error}") from error


def density_of_reflections(
    path: PathLike, reflections: Reflections, *, kind: Kind | None = None, max_points: int = MAX_POINTS
) -> Density:
    """Return the Fourier synthesis ``ρ(x) = 1/V Σ F(h) exp(-2πi h·x)`` over all reflections equivalent to those given.

    Parameters
    ----------
    path : path-like
        Where they came from, for messages.
    reflections : Reflections
        One of each set of equivalents at least; of several, the mean counts. Without F(000) the mean of ρ is zero.
    kind : {"charge", "potential", "elf", "kinetic_energy", "other"}, optional
        What the synthesis is.
    max_points : int
        Largest grid to accept.

    Returns
    -------
    Density
        In e/Å³, on a grid that fits the group with three points to the shortest wave; no atoms, `stated_group` is the
        group of the reflections.

    Raises
    ------
    DensityFormatError
        If there are no reflections, the grid would be too large, or the operators do not map the cell onto itself.
    """
    group, hkl = SpaceGroup.from_symbol(reflections.space_group), reflections.hkl
    if not len(hkl):
        raise DensityFormatError(path, "expected reflections, found none with amplitude and phase")
    lattice = lattice_of_cell(reflections.cell)
    if metric_change(group.rotations, lattice).max() > METRIC_TOLERANCE:
        raise DensityFormatError(
            path, f"the operators of {group.symbol} do not map the cell {reflections.cell} onto itself"
        )
    equivalents = hkl @ group.rotations
    largest = [int(n) for n in np.abs(equivalents).max(axis=(0, 1))]
    wanted = [max(SAMPLES * n, 2 * n + 1) for n in largest]
    shape = next_compatible_shape(group, wanted) if math.prod(wanted) <= max_points else tuple(wanted)
    if math.prod(shape) > max_points:
        raise DensityFormatError(path, f"reflections up to {largest} need more than {max_points} points: too many")
    phases = np.exp(-2j * np.pi * ((group.numerators @ hkl.T) % group.denominator / group.denominator))
    total, count = np.zeros(shape, dtype=np.complex128), np.zeros(shape)
    for same, phase in zip(equivalents, phases, strict=True):
        for sign, values in ((1, reflections.values * phase), (-1, (reflections.values * phase).conj())):
            place = tuple((sign * same % shape).T)
            np.add.at(total, place, values)
            np.add.at(count, place, 1)
    if not count[0, 0, 0]:
        _LOG.warning("%s: F(000) is not among the reflections, so that the mean of the density is zero", path)
    values = np.fft.fftn(total / np.maximum(count, 1)).real / cell_volume(lattice)
    return Density(
        values,
        lattice,
        np.empty((0, 3)),
        np.empty(0, dtype=np.int64),
        kind=kind_to_read(path, kind),
        comment=Path(str(path)).name,
        stated_group=group if group.order > 1 else None,
    )


def lattice_of_cell(cell: tuple[float, ...]) -> NDArray[np.float64]:
    """Return basis vectors with these lengths and angles as rows, a along x and b in the plane of x and y.

    Examples
    --------
    >>> (lattice_of_cell((2.0, 3.0, 4.0, 90.0, 90.0, 120.0)).round(3) + 0).tolist()
    [[2.0, 0.0, 0.0], [-1.5, 2.598, 0.0], [0.0, 0.0, 4.0]]
    """
    import gemmi

    return np.array(gemmi.UnitCell(*cell).orth.mat.tolist(), dtype=np.float64).T


@contextmanager
def _plain(path: PathLike) -> Iterator[tuple[Path, bool]]:
    """Give a decompressed copy of a file, as gemmi reads it, and whether it is MTZ."""
    with Source(path) as source, tempfile.TemporaryDirectory(prefix="symfft-") as folder:
        plain, left = Path(folder) / "reflections", source.largest_expansion()
        head = b""
        with plain.open("wb") as copy:
            while piece := source.stream.read(1 << 20):
                left = None if left is None else left - len(piece)
                if left is not None and left < 0:
                    raise DensityFormatError(path, "the file expands to a hundred times its size: decompress it first")
                head = head or piece[:4]
                copy.write(piece)
        yield plain, head == b"MTZ "


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
    if hkl.size and np.abs(hkl).max() > LARGEST_INDEX:
        raise DensityFormatError(path, f"expected Miller indices up to {LARGEST_INDEX}, found {np.abs(hkl).max()}")
    cell = mtz.cell
    if not (min(cell.parameters) > 0 and cell.is_crystal() and math.isfinite(cell.volume) and cell.volume > 0):
        raise DensityFormatError(path, f"expected lengths and angles of a cell, found {cell.parameters}")
    return Reflections(hkl, values, (cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma), mtz.spacegroup.xhm())


def _group(symbol: str) -> Any:
    import gemmi

    found = gemmi.find_spacegroup_by_name(symbol)
    if found is None:
        raise ShapeError(f"gemmi knows no setting {symbol!r}: go to the conventional cell first")
    return found
