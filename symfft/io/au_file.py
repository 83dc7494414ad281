"""Files that hold a density on its asymmetric unit: everything needed to get it back, without symfft if need be.

The same names in a NumPy archive (.npz) and in an HDF5 file (.h5): ``metadata`` (JSON text as bytes), ``shape``,
``lattice``, ``positions``, ``numbers``, and for each grid of the density (``values``, ``magnetization``, ``spin_down``)
a folder with ``data`` (..., n), ``indices`` (n, 3) of the points that they belong to, ``multiplicity`` (n,) and the
group's ``rotations`` (g, 3, 3), ``translations`` (g, 3, numerators) over ``denominator``. A magnetization that changes
sign under some operators is kept on the asymmetric unit of those that leave it unchanged.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from symfft._shape import as_shape
from symfft.au import TOLERANCE, asymmetric_unit, expand_from_au, reduce_to_au
from symfft.crystal.space_group import SpaceGroup
from symfft.density import Density
from symfft.errors import DensityFormatError, NotSymmetricError, SpaceGroupError
from symfft.grid.symmetry_check import check_symmetry
from symfft.io.hdf5 import import_h5py, open_checked
from symfft.io.npz import DAMAGE, read_npz, require_plausible

Record = dict[str, NDArray[Any]]

FORMAT, VERSION = "symfft-au", 1
SUFFIXES = (".npz", ".h5", ".hdf5")
GRIDS = ("values", "magnetization", "spin_down")
GROUP_ENTRIES = ("indices", "multiplicity", "rotations", "translations", "denominator")

_MAGIC = {b"PK\x03\x04": ".npz", b"\x89HDF": ".h5"}


def reduce_density(
    density: Density,
    space_group: SpaceGroup,
    *,
    tolerance: float = TOLERANCE,
    dtype: DTypeLike = np.float64,
    augmentation: bool = True,
) -> Record:
    """Reduce all grids of a density to asymmetric units.

    Parameters
    ----------
    density : Density
        The density; its total must have the symmetry of the group.
    space_group : SpaceGroup
        The group.
    tolerance : float
        Largest residual, relative to the largest value of a grid, at which an operator counts as kept.
    dtype : float32 or float64
        Of the stored values.
    augmentation : bool
        Whether to keep augmentation occupancies and site moments.

    Returns
    -------
    dict of arrays
        What :func:`write_au` writes.

    Raises
    ------
    NotSymmetricError
        If the total breaks the symmetry, or the operators that a magnetization keeps do not form a group.
    IncompatibleGridError
        If the grid does not fit the group.
    """
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "kind": density.kind,
        "electrons": density.electrons if density.kind == "charge" else None,
        "comment": density.comment,
        "species": density.species,
        "augmentation": density.augmentation if augmentation else None,
        "site_moments": density.site_moments if augmentation else None,
        "space_group": {"number": space_group.number, "symbol": space_group.symbol},
    }
    record: Record = {
        "metadata": np.frombuffer(json.dumps(metadata).encode("ascii"), dtype=np.uint8),
        "shape": np.array(density.shape, dtype=np.int64),
        "lattice": density.lattice,
        "positions": density.positions,
        "numbers": density.numbers,
    }
    if density.selective_dynamics is not None:
        record["selective_dynamics"] = density.selective_dynamics
    if density.spin_down is not None:
        # each spin may have less symmetry than both together
        total = density.values + density.spin_down
        reduce_to_au(total, asymmetric_unit(space_group, density.shape), tolerance=tolerance)
    for name in GRIDS:
        grid = getattr(density, name)
        if grid is None:
            continue
        by_spin = density.spin_down is not None or name == "magnetization"
        group = _kept_by(grid, space_group, tolerance, name) if by_spin else space_group
        au = asymmetric_unit(group, density.shape)
        record |= {
            f"{name}/data": reduce_to_au(grid, au, tolerance=tolerance).astype(dtype),
            f"{name}/indices": au.indices.astype(np.min_scalar_type(max(density.shape))),
            f"{name}/multiplicity": au.multiplicity.astype(np.min_scalar_type(group.order)),
            f"{name}/rotations": group.rotations.astype(np.int16),
            f"{name}/translations": group.numerators.astype(np.int32),
            f"{name}/denominator": np.array(group.denominator, dtype=np.int32),
        }
    return record


def expand_density(record: Mapping[str, NDArray[Any]], path: str | os.PathLike[str]) -> Density:
    """Expand a record to the density on the whole grid: every point gets, bit for bit, the value of its orbit.

    Parameters
    ----------
    record : mapping of arrays
        As :func:`read_au` gives it.
    path : path-like
        Where it came from, for messages.

    Raises
    ------
    DensityFormatError
        If an entry is missing or does not fit the others.
    """
    with _damage(path):
        metadata = _metadata(record)
        if metadata.get("format") != FORMAT or metadata.get("version") != VERSION:
            raise DensityFormatError(path, f"expected the format {FORMAT}, version {VERSION}, found another")
        n0, n1, n2 = _entry(record, "shape", "iu", (3,)).tolist()
        shape = as_shape((n0, n1, n2))
        grids = {name: _expand_grid(record, name, shape) for name in GRIDS if f"{name}/data" in record}
        numbers = _entry(record, "numbers", "i", (None,))
        flags = "selective_dynamics"
        return Density(
            values=grids["values"],
            lattice=_entry(record, "lattice", "f", (3, 3)),
            positions=_entry(record, "positions", "f", (len(numbers), 3)),
            numbers=numbers,
            magnetization=grids.get("magnetization"),
            spin_down=grids.get("spin_down"),
            kind=metadata["kind"],
            comment=metadata["comment"],
            species=tuple((label, count) for label, count in metadata["species"]),
            selective_dynamics=_entry(record, flags, "b", (len(numbers), 3)) if flags in record else None,
            augmentation=_as_tuple(metadata["augmentation"]),
            site_moments=_as_tuple(metadata["site_moments"]),
            stated_group=None if len(numbers) else _stated_group(record, metadata),
        )


def write_au(file: BinaryIO, record: Mapping[str, NDArray[Any]], suffix: str) -> None:
    """Write a record to an open file, as a NumPy archive or as HDF5."""
    if suffix == ".npz":
        np.savez_compressed(file, **cast(Any, record))
        return
    memory = io.BytesIO()  # HDF5 wants to read what it has written
    with import_h5py().File(memory, "w", libver="latest") as target:
        for key, array in record.items():
            options = {"compression": "gzip", "compression_opts": 9, "shuffle": True} if array.nbytes > 512 else {}
            target.create_dataset(key, data=array, **options)
    file.write(memory.getbuffer())


def read_au(path: str | os.PathLike[str]) -> Record:
    """Read a record from a NumPy archive or HDF5 file; nothing is unpickled.

    Raises
    ------
    DensityFormatError
        If the file is damaged or not of this kind.
    OSError
        If it cannot be opened.
    """
    suffix = _container(path)
    if suffix is None:
        raise DensityFormatError(path, "expected a NumPy archive or an HDF5 file, found neither")
    with _damage(path):
        if suffix == ".npz":
            return read_npz(path, _entries)
        with open_checked(path) as source:
            entries = _entries(source.__contains__)
            if any(getattr(source[key], "shape", None) is None for key in entries):
                raise DensityFormatError(path, "expected a data set for every entry of a reduced density")
            require_plausible(os.stat(path).st_size, sum(int(source[key].nbytes) for key in entries))
            return {key: np.asarray(source[key][()]) for key in entries}


def is_au_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds a reduced density, judged by its content."""
    suffix = _container(path)
    try:
        if suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                return "metadata.npy" in archive.namelist()
        if suffix == ".h5":
            with import_h5py().File(os.fspath(path), "r") as source:
                return "metadata" in source and "values/data" in source
    except DAMAGE:
        return suffix == ".npz"
    return False


# ---- inside ---------------------------------------------------------------------------------------------------------


def _kept_by(grid: NDArray[np.float64], group: SpaceGroup, tolerance: float, name: str) -> SpaceGroup:
    """Return the subgroup that leaves every component of a grid unchanged."""
    even = np.array(
        [
            [math.inf if o.even is None else o.even for o in check_symmetry(component, group).operators]
            for component in grid.reshape(-1, *grid.shape[-3:])
        ]
    )
    kept = (even <= tolerance).all(axis=0)
    if kept.all():
        return group
    try:
        return SpaceGroup.from_operators(group.rotations[kept], group.translations[kept])
    except SpaceGroupError:
        raise NotSymmetricError(
            f"{kept.sum()} of {group.order} operators of {group.symbol} keep the {name} within the tolerance of "
            f"{tolerance:g}, which do not form a group: raise or lower the tolerance"
        ) from None


def _metadata(record: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    metadata = json.loads(_entry(record, "metadata", "u", (None,)).astype(np.uint8).tobytes())
    if not isinstance(metadata, dict):
        raise ValueError("metadata is not a JSON object")
    species, texts = metadata["species"], [metadata["augmentation"], metadata["site_moments"]]
    if not (
        isinstance(metadata["comment"], str)
        and isinstance(species, list)
        and all(isinstance(pair, list) and list(map(type, pair)) == [str, int] for pair in species)
        and all(text is None or (isinstance(text, list) and all(isinstance(t, str) for t in text)) for text in texts)
    ):
        raise ValueError("metadata has an entry of another form")
    return metadata


def _stated_group(record: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> SpaceGroup | None:
    """Return the group that a density without atoms was reduced by, where all of it was reduced by one."""
    if "values/rotations" not in record:
        return None
    rotations, translations, denominator = (
        np.asarray(record[f"values/{entry}"], dtype=np.int64) for entry in ("rotations", "translations", "denominator")
    )
    group = SpaceGroup(rotations, translations, int(denominator))
    stated = metadata.get("space_group")
    return group if isinstance(stated, dict) and stated.get("number") == group.number else None


def _as_tuple(texts: list[str] | None) -> tuple[str, ...] | None:
    return None if texts is None else tuple(texts)


def _expand_grid(record: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, int, int]) -> NDArray[np.float64]:
    rotations = _entry(record, f"{name}/rotations", "i", (None, 3, 3)).astype(np.int64)
    translations = _entry(record, f"{name}/translations", "i", (len(rotations), 3)).astype(np.int64)
    denominator = int(_entry(record, f"{name}/denominator", "i", ()))
    data = record[f"{name}/data"]
    if data.dtype.kind != "f" or data.ndim not in (1, 2):
        raise ValueError(f"{name}/data has the shape {data.shape} and type {data.dtype}")
    indices = _entry(record, f"{name}/indices", "ui", (data.shape[-1], 3)).astype(np.int64)
    if len(np.unique(rotations.reshape(-1, 9), axis=0)) > 48 or not 1 <= denominator <= 10_000:
        raise ValueError(f"{name}/rotations and {name}/denominator are those of no space group")
    if math.prod(shape) > len(rotations) * len(indices) or (indices < 0).any() or (indices >= shape).any():
        raise ValueError(f"{name}/indices are not an asymmetric unit of the grid {shape}")
    au = asymmetric_unit(SpaceGroup(rotations, translations, denominator), shape)
    orbits = au.labels[tuple(indices.T)]
    if not np.array_equal(np.sort(orbits), np.arange(au.size)):
        raise ValueError(f"{name}/indices do not hold one point of each orbit")
    ordered = np.empty(data.shape)
    ordered[..., orbits] = data
    return np.asarray(expand_from_au(ordered, au))


def _entry(record: Mapping[str, NDArray[Any]], key: str, kinds: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    array = record[key]
    fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if array.dtype.kind not in kinds or not fits:
        raise ValueError(f"{key} has the shape {array.shape} and type {array.dtype}")
    return array


def _entries(contains: Callable[[str], bool]) -> list[str]:
    names = ["metadata", "shape", "lattice", "positions", "numbers"]
    for grid in GRIDS:
        if contains(f"{grid}/data"):
            names += [f"{grid}/{entry}" for entry in ("data", *GROUP_ENTRIES)]
    return names + ["selective_dynamics"] * contains("selective_dynamics")


def _container(path: str | os.PathLike[str]) -> str | None:
    with open(path, "rb") as file:
        return _MAGIC.get(file.read(4))


@contextmanager
def _damage(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say of every way in which a file can be wrong which file it is."""
    try:
        yield
    except DensityFormatError:
        raise
    except DAMAGE as error:
        if isinstance(error, KeyError):
            what = f"lacks the entry {str(error.args[0]).removesuffix(' is not a file in the archive')!r}"
        else:
            what = f"is damaged: {str(error) or type(error).__name__}"
        raise DensityFormatError(path, f"this file of a reduced density {what}") from error
