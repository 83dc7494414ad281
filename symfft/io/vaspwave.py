"""Densities and potentials in HDF5 files of VASP (``vaspwave.h5``, ``vaspout.h5``) and of pymatgen.

VASP 6 writes ``/charge/charge`` as ρ·V and ``/locpot/total`` in eV, both as (blocks, Nz, Ny, Nx) with the dimensions in
``grid`` beside them (``LCHARGH5``, ``LVHAR`` or ``LVTOT`` with ``LH5``), and since 6.4.3 the potentials of
``WRT_POTENTIAL`` under ``/results/potential`` as scalar potential and field (up = V + B, down = V − B). Occupancies
stand in ``/charge/aug_occupancies_s01`` …, the structure in one of several groups. The layout is that of py4vasp's
schema and pymatgen's ``Vaspwave``. pymatgen's ``VolumetricData.to_hdf5`` writes the grids of a ``Chgcar`` or ``Locpot``
under ``/vdata``, without a word on which of both it is: without `kind` a file counts as a charge density if the mean of
ρ·V is a whole number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.elements import atomic_number
from symfft.crystal.lattice import cell_volume
from symfft.density import Density
from symfft.errors import DensityFormatError, ShapeError
from symfft.exchange import format_augmentation
from symfft.io._blocks import fields_of_blocks
from symfft.io._compressed import PathLike
from symfft.io._poscar import MOST_ATOMS
from symfft.io._text import MAX_POINTS
from symfft.io.foreign import what_hdf5_is
from symfft.io.hdf5 import open_checked
from symfft.io.kinds import kind_of_name, kind_to_read
from symfft.kinds import Kind

STRUCTURES = ("structure/positions", "locpot/position", "results/positions", "input/poscar")
#: Data sets of grids and the kind of their values, in the order in which they are looked for.
DATASETS: dict[str, Kind] = {
    "charge/charge": "charge",
    "locpot/total": "potential",
    "results/potential/total": "potential",
    "results/potential/hartree": "potential",
    "results/potential/ionic": "potential",
    "results/potential/xc": "potential",
}
#: Grids of pymatgen by the number of blocks.
PYMATGEN_KEYS = (("total",), ("total", "diff"), ("spin_up", "spin_down"), ("total", "diff_x", "diff_y", "diff_z"))


def read_vaspwave(
    path: PathLike, *, kind: Kind | None = None, dataset: str | None = None, max_points: int = MAX_POINTS
) -> Density:
    """Read a charge density or a potential from a ``vaspwave.h5``, a ``vaspout.h5`` or a file of pymatgen.

    Parameters
    ----------
    path : path-like
        The HDF5 file.
    kind : {"charge", "potential", "elf", "kinetic_energy", "other"}, optional
        What to read: by default the charge density, or the potential where that is all there is. Files of pymatgen do
        not say what they hold; there it must be given unless the file's name says it.
    dataset : str, optional
        Which data set to read, such as ``"results/potential/hartree"``.
    max_points : int
        Largest grid to accept.

    Returns
    -------
    Density
        ``values`` in e/Å³ or eV; magnetization or spin down, and augmentation occupancies (seven digits, as in a
        CHGCAR) where the file has them.

    Raises
    ------
    DensityFormatError
        If the file is not HDF5, is damaged, refers to other files, declares more than it holds, or lacks a data set.
    SymfftError
        If h5py is missing.
    """
    with open_checked(path) as file:
        try:
            if (what := what_hdf5_is({*file.keys(), *file.attrs.keys()})) is not None:
                raise DensityFormatError(path, f"this is {what}")
            if "vdata" in file:
                if dataset is not None:
                    raise DensityFormatError(
                        path, f"dataset {dataset!r} (--dataset) does not apply: a file of pymatgen holds one density"
                    )
                return _read_pymatgen(path, file, kind, max_points)
            return _read_vasp(path, file, kind, dataset, max_points)
        except ShapeError as error:
            raise DensityFormatError(path, str(error)) from error


def _read_vasp(path: PathLike, file: Any, kind: Kind | None, dataset: str | None, max_points: int) -> Density:
    name = _choose(path, file, kind, dataset)
    found = kind_to_read(path, kind, DATASETS[name])
    lattice, positions, numbers, species, comment = _structure(path, file)
    blocks = list(_grids(path, file, name, max_points) / (cell_volume(lattice) if found == "charge" else 1.0))
    if found == "potential" and len(blocks) == 2 and name.startswith("results/"):
        blocks = [blocks[0] + blocks[1], blocks[0] - blocks[1]]
    texts = _occupancies(path, file, len(numbers), len(blocks)) if found == "charge" else None
    return Density(
        lattice=lattice,
        positions=positions,
        numbers=numbers,
        species=species,
        comment=comment,
        augmentation=texts,
        **fields_of_blocks(blocks, found),
    )


def _choose(path: PathLike, file: Any, kind: Kind | None, dataset: str | None) -> str:
    if dataset is not None:
        name = dataset.strip("/")
        if name not in DATASETS or name not in file:
            there = [known for known in DATASETS if known in file]
            raise DensityFormatError(path, f"expected one of the data sets {there}, not {dataset!r}")
        return name
    for name, its_kind in DATASETS.items():
        if name in file and kind in (None, its_kind):
            return name
    raise DensityFormatError(
        path,
        f"expected one of the data sets {', '.join('/' + name for name in DATASETS)}"
        + (f" of the kind {kind}" if kind else "")
        + " (VASP writes them with LCHARGH5 = .TRUE., LVHAR or LVTOT = .TRUE., WRT_POTENTIAL = total)",
    )


def _grids(path: PathLike, file: Any, name: str, max_points: int) -> NDArray[np.float64]:
    """Return the blocks of a data set as (blocks, Nx, Ny, Nz)."""
    data = _data_set(path, file, name)
    size = _numbers(path, file, f"{name.rpartition('/')[0]}/grid", 3)
    shape = data.shape
    grid = tuple(size.tolist())
    if len(shape) != 4 or shape[0] not in (1, 2, 4) or shape[1:] != grid[::-1] or 0 in shape:
        raise DensityFormatError(
            path, f"expected /{name} as (1, 2 or 4 blocks, Nz, Ny, Nx) with the grid {grid}, found {shape}"
        )
    return _values(path, data, max_points).transpose(0, 3, 2, 1)


def _values(path: PathLike, data: Any, max_points: int) -> NDArray[np.float64]:
    points = int(np.prod(data.shape[-3:]))
    if data.dtype.kind != "f" or points > max_points:
        raise DensityFormatError(
            path, f"expected floating-point data on at most {max_points} points in {data.name}, found {points} "
            f"of type {data.dtype}"
        )  # fmt: skip
    return np.asarray(data[()], dtype=np.float64)


def _occupancies(path: PathLike, file: Any, atoms: int, blocks: int) -> tuple[str, ...] | None:
    texts = []
    for i in range(1, blocks + 1):
        names = f"charge/aug_occupancies_ions_s{i:02d}", f"charge/aug_occupancies_s{i:02d}"
        if any(name not in file for name in names):
            return None
        counts, values = (np.asarray(_data_set(path, file, name)[()]) for name in names)
        fits = counts.shape == (atoms,) and values.ndim == 2 and len(values) >= atoms and counts.dtype.kind in "iu"
        if not fits or values.dtype.kind != "f" or (counts < 0).any() or (counts > values.shape[1]).any():
            raise DensityFormatError(
                path, f"expected occupancies of {atoms} ions in /{names[1]}, found {values.shape} and {counts.shape}"
            )
        texts.append(format_augmentation({i + 1: values[i, :n] for i, n in enumerate(counts.tolist()) if n}))
    return tuple(texts) if all(texts) else None


def _read_pymatgen(path: PathLike, file: Any, kind: Kind | None, max_points: int) -> Density:
    names = set(file["vdata"]) if hasattr(file["vdata"], "keys") else set()
    keys = next((keys for keys in PYMATGEN_KEYS if set(keys) == names), None)
    if keys is None:
        raise DensityFormatError(
            path, f"expected the grids total, total and diff, spin_up and spin_down, or four, found {sorted(names)[:9]}"
        )
    grids = [_data_set(path, file, f"vdata/{key}") for key in keys]
    if any(len(grid.shape) != 3 or grid.shape != grids[0].shape for grid in grids):
        raise DensityFormatError(path, f"expected grids of three axes, found {[grid.shape for grid in grids]}")
    blocks = [_values(path, grid, max_points) for grid in grids]
    if kind is None and kind_of_name(path) is None and not _looks_like_charge(keys, blocks[0]):
        raise DensityFormatError(
            path,
            "a file of pymatgen does not say what it holds, and the mean of its values is not a number of electrons: "
            'say what it is with kind="charge" or kind="potential" (--kind)',
        )
    found = kind_to_read(path, kind)
    lattice = _numbers(path, file, "lattice", 9, "f").reshape(3, 3)
    numbers = _numbers(path, file, "Z", None)
    positions = _numbers(path, file, "fcoords", 3 * len(numbers), "f").reshape(-1, 3)
    if not 0.0 < cell_volume(lattice) < np.inf:
        raise DensityFormatError(path, f"expected three independent lattice vectors, found {lattice.tolist()}")
    divisor = cell_volume(lattice) if found == "charge" else 1.0
    fields = fields_of_blocks([block / divisor for block in blocks], found)
    return Density(lattice=lattice, positions=positions, numbers=numbers, **fields)


def _looks_like_charge(keys: tuple[str, ...], total: NDArray[np.float64]) -> bool:
    """Whether the mean of ρ·V is a whole number of electrons, which only chance makes of a potential."""
    electrons = float(total.mean())
    return keys[0] == "total" and electrons > 0.5 and abs(electrons - round(electrons)) < 0.02


def _structure(
    path: PathLike, file: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], tuple[tuple[str, int], ...], str]:
    name = next((name for name in STRUCTURES if name in file), None)
    if name is None:
        raise DensityFormatError(path, f"expected a structure in one of {', '.join('/' + name for name in STRUCTURES)}")
    group = file[name]
    labels = _labels(path, file, f"{name}/ion_types")
    counts = _numbers(path, file, f"{name}/number_ion_types", len(labels))
    named = [atomic_number(label) for label in labels]
    known = None not in named and all(label.split() == [label] for label in labels)
    if not known or (counts < 1).any() or (counts > MOST_ATOMS).any() or counts.sum() > MOST_ATOMS:
        raise DensityFormatError(
            path, f"expected a structure, found the ions {labels[:20]} with counts {counts.tolist()[:20]}"
        )
    numbers = np.repeat(np.array(named, dtype=np.int64), counts)
    # Some versions keep the trajectory's axis: the last step counts.
    lattice = _numbers(path, file, f"{name}/lattice_vectors", None, "f")[-9:]
    positions = _numbers(path, file, f"{name}/position_ions", None, "f")[-3 * len(numbers) :]
    if lattice.size != 9 or positions.size != 3 * len(numbers) or not 0 < cell_volume(lattice.reshape(3, 3)) < np.inf:
        raise DensityFormatError(
            path,
            f"expected a structure, found no three independent lattice vectors and {len(numbers)} positions in /{name}",
        )
    lattice, positions = lattice.reshape(3, 3), positions.reshape(-1, 3)
    scale = float(_numbers(path, file, f"{name}/scale", 1, "f")[0]) if "scale" in group else 1.0
    if scale == 0.0:
        raise DensityFormatError(path, f"expected a scale other than zero in /{name}/scale")
    if scale < 0.0:
        scale = float(np.cbrt(-scale / cell_volume(lattice)))
    lattice = np.asarray(lattice * scale, dtype=np.float64)
    if "direct_coordinates" in group and _numbers(path, file, f"{name}/direct_coordinates", 1)[0] != 1:
        positions = np.asarray(np.linalg.solve(lattice.T, (positions * scale).T).T, dtype=np.float64)
    comment = " ".join(_labels(path, file, f"{name}/system")) if "system" in group else ""
    return lattice, positions, numbers, tuple(zip(labels, counts.tolist(), strict=True)), comment


def _numbers(path: PathLike, file: Any, name: str, count: int | None, kinds: str = "iu") -> NDArray[Any]:
    """Return the finite numbers of a data set, flat."""
    array = _array(path, file, name)
    allowed = kinds + "iu" if kinds == "f" else kinds
    if array.dtype.kind not in allowed or count not in (None, array.size) or not np.isfinite(array).all():
        wanted = "finite numbers" if kinds == "f" else "integers"
        how_many = "" if count is None else f"{count} "
        raise DensityFormatError(
            path, f"expected {how_many}{wanted} in /{name}, found {array.size} values of type {array.dtype}"
        )
    return array.astype(np.float64 if kinds == "f" else np.int64)


def _labels(path: PathLike, file: Any, name: str) -> list[str]:
    array = _array(path, file, name)
    if array.dtype.kind not in "SO":
        raise DensityFormatError(path, f"expected text in /{name}, found values of type {array.dtype}")
    return [
        (value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)).strip()
        for value in array.tolist()
    ]


def _array(path: PathLike, file: Any, name: str) -> NDArray[Any]:
    return np.ravel(_data_set(path, file, name)[()])


def _data_set(path: PathLike, file: Any, name: str) -> Any:
    data = file.get(name)
    if data is None or not hasattr(data, "dtype") or data.shape is None:
        raise DensityFormatError(path, f"expected the data set /{name}")
    return data
