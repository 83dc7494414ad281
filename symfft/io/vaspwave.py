"""The charge density in VASP's HDF5 file, ``vaspwave.h5`` (``LCHARGH5 = .TRUE.``).

``/charge/charge`` holds ρ·V as (blocks, Nz, Ny, Nx) and ``/charge/grid`` the three dimensions; occupancies stand in
``/charge/aug_occupancies_s01`` …, the structure in ``/structure/positions``, ``/results/positions`` or
``/input/poscar`` (layout as in py4vasp's schema and pymatgen's Vaspwave).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.elements import atomic_number
from symfft.density import Density, cell_volume, format_augmentation
from symfft.errors import DensityFormatError, ShapeError, SymfftError
from symfft.io._compressed import PathLike
from symfft.io._text import MAX_POINTS

STRUCTURES = ("structure/positions", "results/positions", "input/poscar")


def read_vaspwave(path: PathLike, *, max_points: int = MAX_POINTS) -> Density:
    """Read the charge density of a ``vaspwave.h5``.

    Parameters
    ----------
    path : path-like
        The HDF5 file.
    max_points : int
        Largest grid to accept.

    Returns
    -------
    Density
        ``values`` in e/Å³; magnetization and augmentation occupancies (seven digits, as in a CHGCAR) where the file
        has them.

    Raises
    ------
    DensityFormatError
        If the file is not HDF5, is damaged, or lacks one of its data sets.
    SymfftError
        If h5py is missing.
    """
    h5py = _h5py()
    with open(path, "rb"):  # an OSError from here on is about the content
        pass
    try:
        with h5py.File(path, "r") as file:
            return _read(path, file, max_points)
    except (OSError, KeyError, RuntimeError) as error:
        raise DensityFormatError(path, f"expected an HDF5 file with a charge density: {error}") from error
    except ShapeError as error:
        raise DensityFormatError(path, str(error)) from error


def _read(path: PathLike, file: Any, max_points: int) -> Density:
    lattice, positions, numbers, species, comment = _structure(path, file)
    raw = _charge(path, file, max_points)
    volume = cell_volume(lattice)
    blocks = [np.ascontiguousarray(raw[i].T) / volume for i in range(len(raw))]
    texts = []
    for i in range(1, len(blocks) + 1):
        lengths = file.get(f"charge/aug_occupancies_ions_s{i:02d}")
        values = file.get(f"charge/aug_occupancies_s{i:02d}")
        if lengths is None or values is None or len(lengths) != len(numbers) or len(values) < len(numbers):
            break
        counts = [int(n) for n in lengths[()]]
        texts.append(format_augmentation({ion: values[ion - 1, :n] for ion, n in enumerate(counts, start=1) if n}))
    return Density(
        values=blocks[0],
        lattice=lattice,
        positions=positions,
        numbers=numbers,
        magnetization=None if len(blocks) == 1 else blocks[1] if len(blocks) == 2 else np.stack(blocks[1:]),
        comment=comment,
        species=species,
        augmentation=tuple(texts) if len(texts) == len(blocks) and all(texts) else None,
    )


def _charge(path: PathLike, file: Any, max_points: int) -> NDArray[np.float64]:
    for name in ("charge/grid", "charge/charge"):
        if name not in file:
            raise DensityFormatError(path, f"expected the data set /{name} (VASP writes it with LCHARGH5 = .TRUE.)")
    charge = file["charge/charge"]
    grid = tuple(int(n) for n in np.ravel(file["charge/grid"][()])[:3])
    shape = charge.shape
    if len(shape) != 4 or shape[0] not in (1, 2, 4) or shape[1:] != grid[::-1] or 0 in shape:
        raise DensityFormatError(
            path, f"expected /charge/charge as (1, 2 or 4 blocks, Nz, Ny, Nx) with /charge/grid {grid}, found {shape}"
        )
    if charge.size // shape[0] > max_points:
        raise DensityFormatError(path, f"expected at most {max_points} points, found the grid {grid}")
    stored = charge.id.get_storage_size()
    # Uncompressed data has its full size in the file; no filter gains more than a factor of a thousand.
    needed = charge.size * charge.dtype.itemsize
    if charge.dtype.kind != "f" or stored < (needed if charge.compression is None else needed // 1100):
        raise DensityFormatError(
            path, f"expected {needed} bytes of floating-point data in /charge/charge, found {stored}"
        )
    return np.asarray(charge[()], dtype=np.float64)


def _structure(
    path: PathLike, file: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], tuple[tuple[str, int], ...], str]:
    group = next((file[name] for name in STRUCTURES if name in file), None)
    if group is None:
        raise DensityFormatError(path, f"expected a structure in one of {', '.join('/' + name for name in STRUCTURES)}")
    lattice = np.array(group["lattice_vectors"][()], dtype=np.float64)
    positions = np.array(group["position_ions"][()], dtype=np.float64)
    # Some versions keep the trajectory's axis: the last step counts.
    lattice, positions = (a[-1] if a.ndim == 3 and len(a) else a for a in (lattice, positions))
    labels = [_text(label) for label in np.ravel(group["ion_types"][()])]
    counts = [int(n) for n in np.ravel(group["number_ion_types"][()])]
    scale = float(np.ravel(group["scale"][()])[0]) if "scale" in group else 1.0
    named = [atomic_number(label) for label in labels]
    consistent = lattice.shape == (3, 3) and positions.shape == (sum(counts), 3) and len(labels) == len(counts)
    if not consistent or None in named or not 0.0 < cell_volume(lattice) < np.inf:
        raise DensityFormatError(
            path,
            f"expected a structure, found the ions {labels} with counts {counts}, lattice vectors "
            f"{lattice.tolist()} and positions of shape {positions.shape}",
        )
    if scale < 0.0:
        scale = float(np.cbrt(-scale / cell_volume(lattice)))
    lattice = lattice * scale
    if "direct_coordinates" in group and int(np.ravel(group["direct_coordinates"][()])[0]) != 1:
        positions = np.linalg.solve(lattice.T, (positions * scale).T).T
    numbers = np.repeat(np.array(named, dtype=np.int64), counts)
    comment = _text(group["system"][()]) if "system" in group else ""
    return lattice, positions, numbers, tuple(zip(labels, counts, strict=True)), comment


def _text(value: Any) -> str:
    return (value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)).strip()


def _h5py() -> ModuleType:
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise SymfftError('HDF5 files need the package h5py: pip install "symfft[io]"') from error
    return cast(ModuleType, h5py)
