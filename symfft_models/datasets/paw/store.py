"""A set of PAW densities as their parts, in one packed HDF5 file; layout: ``docs/decisions/0003-data-format.md``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from symfft import DensityFormatError, ShapeError
from symfft.io.atomic import replacement
from symfft.io.hdf5 import import_h5py, open_checked
from symfft_models.data.columns import metadata_column, read_column, write_column
from symfft_models.data.entry import Site
from symfft_models.datasets.crystals import crystal_name, listed_name
from symfft_models.datasets.paw.entry import PawEntry

FORMAT = "symfft-density-parts"
FORMAT_VERSION = 1
SPLITS = ("train", "val", "test", "hard")

Columns = Mapping[str, NDArray[Any]]

#: Name of every column with its type (str: text) and shape, in terms of entries n, sites s, elements e and radii r.
COLUMNS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "id": (str, ("n",)),
    "composition": (str, ("n",)),
    "prototype": (str, ("n",)),
    "split": (str, ("n",)),
    "space_group": (np.int16, ("n",)),
    "lattice": (np.float64, ("n", 3, 3)),
    "electrons": (np.float64, ("n",)),
    "site_offsets": (np.int64, ("n+1",)),
    "site_symbol": (str, ("s",)),
    "site_wyckoff": (str, ("s",)),
    "site_position": (np.float64, ("s", 3)),
    "site_multipoles": (np.float32, ("s", 2, 9)),
    "site_moment": (np.float32, ("s",)),
    "reflection_offsets": (np.int64, ("n+1",)),
    "setup_symbol": (str, ("e",)),
    "setup_fingerprint": (str, ("e",)),
    "setup_valence": (np.int64, ("e",)),
    "setup_core": (np.int64, ("e",)),
    "setup_cutoff": (np.float64, ("e",)),
    "setup_r_comp": (np.float64, ("e",)),
    "setup_radius": (np.float64, ("r",)),
    "setup_valence_density": (np.float32, ("e", "r")),
    "setup_core_density": (np.float32, ("e", "r")),
}
#: Columns of the reflections, read when the first density is asked for.
REFLECTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "hkl": (np.int16, ("m", 3)),
    "soft_real": (np.float32, ("m",)),
    "soft_imag": (np.float32, ("m",)),
    "spin_real": (np.float32, ("m",)),
    "spin_imag": (np.float32, ("m",)),
}
ENTRY_TEXTS = ("id", "composition", "prototype", "split")


@dataclass(frozen=True)
class Setup:
    """PAW setup of an element, with the radial densities of its free atom (electrons per cubic bohr at radii in bohr).

    Attributes
    ----------
    valence, core : int
        Electrons.
    cutoff, r_comp : float
        Largest cut-off radius, and radius of the shape function, in bohr.
    radius, valence_density, core_density : (r,) float
        All-electron, spherical.
    """

    symbol: str
    fingerprint: str
    valence: int
    core: int
    cutoff: float
    r_comp: float
    radius: NDArray[np.float64]
    valence_density: NDArray[np.float32]
    core_density: NDArray[np.float32]


class _File:
    """A file's columns; those of the reflections come when they are first used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise FileNotFoundError(f"no density set at {path}")
        with open_checked(path) as file:
            self.attributes = dict(file.attrs)
            _require_format(path, self.attributes)
            self.columns = _read(path, file, COLUMNS)
            if "metadata" not in file:
                raise DensityFormatError(path, "metadata is missing")
            self.metadata = {name: read_column(column) for name, column in file["metadata"].items()}
        for column in (*self.columns.values(), *self.metadata.values()):
            column.flags.writeable = False
        n = len(self.columns["id"])
        self.sizes = {"n": n, "n+1": n + 1, "s": len(self.columns["site_symbol"])}
        self.sizes |= {"e": len(self.columns["setup_symbol"]), "r": self.columns["setup_radius"].size}
        self.sizes["m"] = int(self.columns["reflection_offsets"][-1]) if len(self.columns["reflection_offsets"]) else 0
        _require_shapes(path, self.columns, COLUMNS, self.sizes)
        for name, column in self.metadata.items():
            if column.shape != (n,):
                raise DensityFormatError(path, f"metadata/{name} has shape {column.shape}, expected ({n},)")
        for name, total in (("site_offsets", self.sizes["s"]), ("reflection_offsets", self.sizes["m"])):
            ends = self.columns[name]
            if ends[0] != 0 or ends[-1] != total or (np.diff(ends) < 0).any():
                raise DensityFormatError(path, f"{name} must rise from 0 to {total}")
        unknown = set(self.columns["site_symbol"].tolist()) - set(self.columns["setup_symbol"].tolist())
        if unknown:
            raise DensityFormatError(path, f"no setup for {', '.join(sorted(unknown))}")

    @cached_property
    def reflections(self) -> Columns:
        """Columns of the reflections."""
        with open_checked(self.path) as file:
            columns = _read(self.path, file, REFLECTIONS)
        _require_shapes(self.path, columns, REFLECTIONS, self.sizes)
        for name, column in columns.items():
            if not np.isfinite(column).all():
                raise DensityFormatError(self.path, f"{name} holds numbers that are not finite")
            column.flags.writeable = False
        return columns

    @cached_property
    def complex_reflections(self) -> list[NDArray[np.complex64]]:
        """Structure factors of the soft density and of the magnetization, as complex numbers."""
        found = []
        for name in ("soft", "spin"):
            values = np.empty(self.sizes["m"], dtype=np.complex64)
            values.real, values.imag = self.reflections[f"{name}_real"], self.reflections[f"{name}_imag"]
            values.flags.writeable = False
            found.append(values)
        return found

    @cached_property
    def sites(self) -> list[Site]:
        """Occupied orbits of all entries."""
        columns = [self.columns[f"site_{name}"].tolist() for name in ("symbol", "wyckoff", "position")]
        return [Site(symbol, wyckoff, tuple(position)) for symbol, wyckoff, position in zip(*columns, strict=True)]

    @cached_property
    def metadata_rows(self) -> list[tuple[Any, ...]]:
        """Metadata of all entries, as Python's numbers and texts."""
        if not self.metadata:
            return [()] * self.sizes["n"]
        return list(zip(*(column.tolist() for column in self.metadata.values()), strict=True))


@dataclass(frozen=True, eq=False)
class PawSet(Sequence[PawEntry]):
    """PAW densities of a file, read-only; :meth:`select` gives a part without copying.

    Opening reads everything but the reflections, which come when the first density is asked for.

    Examples
    --------
    >>> from symfft_models.datasets.paw import load_paw
    >>> densities = load_paw()
    >>> magnesia = densities.find("rock-salt-MgO")
    >>> magnesia.split, magnesia.electrons, magnesia.shape
    ('hard', 64.0, (32, 32, 32))
    >>> bool(abs(magnesia.density().electrons - 64) < 1e-9)
    True
    """

    file: _File
    rows: NDArray[np.int64]

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Read a set.

        Raises
        ------
        DensityFormatError
            If the file is truncated, of another kind or a newer version, refers to other files, declares more than it
            holds, or its parts do not fit together.
        FileNotFoundError
            If there is none.
        """
        file = _File(Path(path))
        return cls(file, np.arange(file.sizes["n"]))

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Text and numbers that describe the set as a whole."""
        return self.file.attributes

    @property
    def path(self) -> Path:
        """Where the set lies."""
        return self.file.path

    @property
    def space_groups(self) -> tuple[int, ...]:
        """Numbers of the space groups that occur, ascending."""
        return tuple(int(number) for number in np.unique(self.column("space_group")))

    @cached_property
    def setups(self) -> dict[str, Setup]:
        """PAW setups by element."""
        columns = {n.removeprefix("setup_"): c for n, c in self.file.columns.items() if n.startswith("setup_")}
        radius = columns.pop("radius")
        rows = (
            {name: column[i] if column.ndim > 1 else column[i].item() for name, column in columns.items()}
            for i in range(len(columns["symbol"]))
        )
        return {row["symbol"]: Setup(radius=radius, **row) for row in rows}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return replace(self, rows=self.rows[index])
        row = int(self.rows[index])
        columns, reflections = self.file.columns, self.file.reflections
        soft, spin = self.file.complex_reflections
        sites = slice(*columns["site_offsets"][row : row + 2].tolist())
        part = slice(*columns["reflection_offsets"][row : row + 2].tolist())
        symbols = columns["site_symbol"][sites].tolist()
        return PawEntry(
            space_group=int(columns["space_group"][row]),
            lattice=columns["lattice"][row],
            electrons=float(columns["electrons"][row]),
            sites=tuple(self.file.sites[sites]),
            hkl=reflections["hkl"][part],
            soft=soft[part],
            soft_spin=spin[part],
            multipoles=columns["site_multipoles"][sites],
            r_comp=np.array([self.setups[symbol].r_comp for symbol in symbols]),
            moments=columns["site_moment"][sites],
            metadata=dict(zip(self.file.metadata, self.file.metadata_rows[row], strict=True)),
            **{name: str(columns[name][row]) for name in ENTRY_TEXTS},
        )

    def __iter__(self) -> Iterator[PawEntry]:
        return (self[index] for index in range(len(self)))

    def select(self, space_group: int | None = None, split: str | None = None) -> Self:
        """Return the entries of a space group, of a split, or of both.

        Raises
        ------
        ValueError
            If the split is none of "train", "val", "test", "hard".
        """
        keep = np.ones(len(self.rows), dtype=bool)
        if space_group is not None:
            keep &= self.column("space_group") == space_group
        if split is not None:
            if split not in SPLITS:
                raise ValueError(f"split {split!r} is not one of {', '.join(SPLITS)}")
            keep &= self.column("split") == split
        return replace(self, rows=self.rows[keep])

    def find(self, identifier: str) -> PawEntry:
        """Return the entry of that name.

        Raises
        ------
        KeyError
            If there is none; the message lists near ones.
        """
        names = self.column("id").tolist()
        if identifier in names:
            return self[names.index(identifier)]
        near = ", ".join(get_close_matches(identifier, names, n=3)) or "none"
        raise KeyError(f"no entry {identifier!r} among {len(names)}; near ones: {near}")

    def distinct(self) -> Self:
        """Return each crystal once: in the listed cell where there is one, else relaxed, else at another volume."""
        places: dict[str, tuple[bool, bool, str, int]] = {}
        for place, (name, factor) in enumerate(zip(self.column("id"), self.column("volume_factor"), strict=True)):
            crystal = crystal_name(name)
            rank = (bool(factor != 1), listed_name(name) != crystal, name, place)
            places[crystal] = min(places.get(crystal, rank), rank)
        return replace(self, rows=self.rows[sorted(place for *_, place in places.values())])

    def column(self, name: str) -> NDArray[Any]:
        """Return one column of the entries, or of their metadata, in order."""
        source = self.file.columns if name in self.file.columns else self.file.metadata
        return source[name][self.rows]


def paw_path() -> Path:
    """Return where the PAW densities that come with the package lie."""
    return Path(str(resources.files(__package__).joinpath("paw.h5")))


@cache
def load_paw() -> PawSet:
    """Return the PAW densities that come with the package, read once by a process."""
    return PawSet.open(paw_path())


def write_paw(
    path: str | os.PathLike[str], entries: Iterable[PawEntry], setups: Iterable[Setup], attributes: Mapping[str, Any]
) -> None:
    """Write entries, setups and attributes to one file, which appears complete or not at all.

    Structure factors are rounded to a hundred-millionth of the largest of their entry, so that the file compresses.

    Parameters
    ----------
    path : path-like
        File to write or replace.
    entries : iterable of PawEntry
        In the order in which they are to be stored. Metadata that an entry lacks becomes NaN, "" or False.
    setups : iterable of Setup
        Of all elements that occur, on the same radii.
    attributes : mapping
        Text and numbers that describe the set as a whole.

    Raises
    ------
    ShapeError
        If a name occurs twice, a split is unknown, or a number is not finite.
    """
    entries, setups = list(entries), list(setups)
    for name, times in Counter(entry.id for entry in entries).items():
        if times > 1:
            raise ShapeError(f"the name {name!r} occurs {times} times; every entry of a set needs its own")
    for entry in entries:
        if entry.split not in SPLITS:
            raise ShapeError(f"{entry.id} has the split {entry.split!r}, not one of {', '.join(SPLITS)}")
        if not all(np.isfinite(part).all() for part in (entry.soft, entry.soft_spin, entry.multipoles)):
            raise ShapeError(f"{entry.id} holds values that are not finite")
    sites = [site for entry in entries for site in entry.sites]
    columns: dict[str, Any] = {name: [getattr(entry, name) for entry in entries] for name in ENTRY_TEXTS}
    columns |= {name: [getattr(entry, name) for entry in entries] for name in ("space_group", "electrons", "lattice")}
    columns |= {
        "site_offsets": np.cumsum([0, *(len(entry.sites) for entry in entries)]),
        "site_symbol": [site.symbol for site in sites],
        "site_wyckoff": [site.wyckoff for site in sites],
        "site_position": [site.position for site in sites],
        "site_multipoles": np.concatenate([entry.multipoles for entry in entries]),
        "site_moment": np.concatenate([entry.moments for entry in entries]),
        "reflection_offsets": np.cumsum([0, *(len(entry.hkl) for entry in entries)]),
        "setup_radius": setups[0].radius,
        "hkl": np.concatenate([entry.hkl for entry in entries]),
    }
    for name in COLUMNS:
        if name.startswith("setup_") and name != "setup_radius":
            columns[name] = [getattr(setup, name.removeprefix("setup_")) for setup in setups]
    for kind, parts in (("soft", [e.soft for e in entries]), ("spin", [e.soft_spin for e in entries])):
        rounded = np.concatenate([_rounded(part, entry.soft) for part, entry in zip(parts, entries, strict=True)])
        columns |= {f"{kind}_real": rounded.real, f"{kind}_imag": rounded.imag}
    with replacement(path) as partial, import_h5py().File(partial, "w") as file:
        file.attrs.update(dict(attributes) | {"format": FORMAT, "format_version": FORMAT_VERSION})
        for name, (kind, _) in (COLUMNS | REFLECTIONS).items():
            write_column(file, name, columns[name] if kind is str else np.asarray(columns[name], dtype=kind))
        group = file.create_group("metadata")
        for name in sorted({name for entry in entries for name in entry.metadata}):
            write_column(group, name, metadata_column([entry.metadata.get(name) for entry in entries]))


def _rounded(values: NDArray[np.complex64], scale: NDArray[np.complex64]) -> NDArray[np.complex128]:
    """Values to the nearest multiple of a power of two below 1e-8 of the largest of `scale`."""
    step = 2.0 ** np.floor(np.log2(1e-8 * float(np.abs(scale).max())))
    return np.asarray(np.round(values.astype(np.complex128) / step) * step + 0.0)


def _require_format(path: Path, attributes: Mapping[str, Any]) -> None:
    if attributes.get("format") != FORMAT:
        raise DensityFormatError(path, f"attribute format is {attributes.get('format')!r}, expected {FORMAT!r}")
    version = attributes.get("format_version")
    if version != FORMAT_VERSION:
        raise DensityFormatError(path, f"format version {version}; this release of symfft reads {FORMAT_VERSION}")


def _read(path: Path, file: Any, table: Mapping[str, tuple[Any, Any]]) -> dict[str, NDArray[Any]]:
    columns = {}
    for name, (kind, _) in table.items():
        if name not in file:
            raise DensityFormatError(path, f"{name} is missing")
        columns[name] = read_column(file[name])
        fits = columns[name].dtype.kind == "U" if kind is str else columns[name].dtype == kind
        if not fits and columns[name].size:
            expected = "text" if kind is str else np.dtype(kind).name
            raise DensityFormatError(path, f"{name} holds {columns[name].dtype}, expected {expected}")
    return columns


def _require_shapes(
    path: Path, columns: Columns, table: Mapping[str, tuple[Any, Any]], sizes: Mapping[str, int]
) -> None:
    for name, (_, shape) in table.items():
        expected = tuple(sizes.get(length, length) for length in shape)
        if columns[name].shape != expected:
            raise DensityFormatError(path, f"{name} has shape {columns[name].shape}, expected {expected}")
