"""Every reader on every kind of bad file: a density or one error of the domain, within memory in proportion."""

from __future__ import annotations

import bz2
import copy
import gzip
import json
import lzma
import math
import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import zstandard
from chgcar_text import chgcar_text, random_grids
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_vaspwave import write_vaspwave

from symfft import Density, DensityFormatError, SpaceGroup, read_density, write_density
from symfft.io.au_file import reduce_density, write_au

Samples = Callable[[str], bytes]
FORMATS = ("vasp", "cube", "ccp4", "xsf", "json", "hdf5", "pymatgen.h5", "npz", "au.h5")
DENSITY = Density(random_grids(1)[0] + 1.0, np.diag([4.0, 5.0, 6.0]), [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])


def json_document() -> dict[str, object]:
    sites = [{"abc": [0.5 * i] * 3, "species": [{"element": e, "occu": 1}]} for i, e in enumerate(("Na", "Cl"))]
    structure = {"lattice": {"matrix": DENSITY.lattice.tolist()}, "sites": sites}
    data = {"total": {"@class": "array", "data": (DENSITY.values * DENSITY.volume).tolist()}}
    return {"@class": "Chgcar", "poscar": {"structure": structure, "comment": "salt"}, "data": data}


def sample(name: str, path: Path) -> None:
    if name == "vasp":
        path.write_text(chgcar_text(random_grids(2), occupancies=3, moments="  0.1 0.2\n"))
    elif name in ("cube", "ccp4", "xsf"):
        write_density(path, DENSITY, format=name)
    elif name == "json":
        path.write_text(json.dumps(json_document()))
    elif name == "hdf5":
        write_vaspwave(path, random_grids(2))
    elif name == "pymatgen.h5":
        with h5py.File(path, "w") as file:
            file["vdata/total"] = DENSITY.values * (8 / DENSITY.values.mean())
            file["lattice"], file["Z"], file["fcoords"] = DENSITY.lattice, DENSITY.numbers, DENSITY.positions
    else:
        with path.open("wb") as file:
            write_au(file, reduce_density(DENSITY, SpaceGroup.from_number(1)), ".npz" if name == "npz" else ".h5")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    folder = tmp_path_factory.mktemp("samples")
    for name in FORMATS:
        sample(name, folder / name)
        assert read_density(folder / name).shape == (3, 4, 5)
    return lambda name: (folder / name).read_bytes()


def outcome(path: Path, data: bytes) -> Density | DensityFormatError:
    """Read data; return a density of finite values, or the error, which pickles."""
    path.write_bytes(data)
    tracemalloc.start()
    error = None
    try:
        found: Density | DensityFormatError = read_density(path)
    except DensityFormatError as caught:
        found = error = caught
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * len(data) + (200 << 20)
    if isinstance(found, Density):
        assert np.isfinite(found.values).all()
    else:
        assert str(path) in str(error)
        assert len(str(error)) < 2000
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.line) == (type(error), str(error), error.line)
        assert str(copy.deepcopy(error)) == str(error)
    return found


@pytest.mark.parametrize("conversion", ["compiled", "plain"], indirect=True)
@pytest.mark.parametrize("name", FORMATS)
def test_cut_anywhere(name: str, samples: Samples, tmp_path: Path) -> None:
    data = samples(name)
    for length in np.unique(np.linspace(0, len(data) - 1, 80).astype(int)).tolist():
        found = outcome(tmp_path / "file", data[:length])
        if isinstance(found, Density):  # what stands at the end of some files says nothing about the density
            np.testing.assert_array_equal(found.values, outcome(tmp_path / "whole", data).values)


PIECES = [b"\0", b"\xff" * 8, b"9" * 12, b"-", b"\n", b"nan", b"1e999", b"{", b"[" * 9]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("name", FORMATS)
def test_bytes_changed_anywhere(name: str, seed: int, samples: Samples, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    changed = bytearray(samples(name))
    for _ in range(random.integers(1, 5)):
        place = random.integers(len(changed))
        piece = PIECES[random.integers(len(PIECES))]
        changed[place : place + len(piece) * random.integers(2)] = piece
    outcome(tmp_path / "file", bytes(changed))


TEXTS: dict[str, Callable[[str], str]] = {
    "a number of 5,000 digits": lambda text: text.replace("1", "1" * 5000, 1),
    "a number out of range": lambda text: text.replace("4.0", "4" + "0" * 400, 1),
    "a line of 10 MB": lambda text: text.replace("\n", "x" * 10**7 + "\n", 1),
    "a line of 10 MB of blanks": lambda text: text.replace("\n", "\n" + " " * 10**7, 3),
    "many blank lines": lambda text: text.replace("\n", "\n" * 10**5),
}


@pytest.mark.parametrize("conversion", ["compiled", "plain"], indirect=True)
@pytest.mark.parametrize("what", TEXTS)
@pytest.mark.parametrize("name", ["vasp", "cube", "xsf", "json"])
def test_hostile_text(name: str, what: str, samples: Samples, tmp_path: Path) -> None:
    outcome(tmp_path / "file", TEXTS[what](samples(name).decode()).encode())


VALUES = [
    None, True, "text", b"text".decode(), -1, 10**400, 10**20, 1e308, math.nan, [], {}, [[]], [1, 2], [[1, 2], [3]],
    [[["x"]]], [[[1e400]]], {"data": None}, [[[10**400]]],
]  # fmt: skip


def places(document: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    found = [path] if path else []
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        if not (len(path) > 3 and isinstance(document, list) and key):
            found += places(value, (*path, key))
    return found


def test_json_of_any_type_in_any_place(tmp_path: Path) -> None:
    for place in places(json_document()):
        for value in VALUES:
            document = json_document()
            inner = document
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
            outcome(tmp_path / "file", json.dumps(document).encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"data": ' + "[" * 100_000, '{"data":' * 50_000, '{"data": ' + "1" * 5000 + "}", '{"a": 1' + "0" * 5000 + "}",
        "{}", '{"data": {}}', '{"data": {"data": {"total": ' + "[" * 60 + "1" + "]" * 60 + "}}}",
        '{"data": {"data": {"total": ' + "[" * 900 + "1" + "]" * 900 + '}, "structure": {}}}', '{"\\ud800": 1}',
    ],
)  # fmt: skip
def test_hostile_json(text: str, tmp_path: Path) -> None:
    assert isinstance(outcome(tmp_path / "file", text.encode()), DensityFormatError)


HDF5_VALUES = [
    np.array([2, -1]), np.array([]), np.array([], dtype="S2"), np.bytes_(b"x"), np.array([b"Na\n99 99", b"Cl"]),
    np.array([2**62, 2**62]), np.array([np.nan, np.inf]), np.array(0), np.array([[0.0]]), h5py.Empty("f8"),
    np.array([1.5, 2.5]), np.array([2**63 + 1], dtype="u8"), "group",
]  # fmt: skip


@pytest.mark.parametrize("name", ["hdf5", "pymatgen.h5", "au.h5"])
def test_data_sets_of_any_type(name: str, samples: Samples, tmp_path: Path) -> None:
    work, names = tmp_path / "work", []
    work.write_bytes(samples(name))
    with h5py.File(work) as file:
        file.visititems(lambda key, item: names.append(key) if isinstance(item, h5py.Dataset) else None)
    for key in names:
        for value in HDF5_VALUES:
            work.write_bytes(samples(name))
            with h5py.File(work, "a") as file:
                del file[key]
                if isinstance(value, str):
                    file.create_group(key)
                else:
                    file[key] = value
            outcome(tmp_path / "file", work.read_bytes())


def test_external_data_is_never_read(samples: Samples, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(np.arange(60.0).tobytes())
    for name, key in (("hdf5", "charge/charge"), ("pymatgen.h5", "vdata/total"), ("au.h5", "values/data")):
        work = tmp_path / "work"
        work.write_bytes(samples(name))
        with h5py.File(work, "a") as file:
            shape = file[key].shape
            del file[key]
            file.create_dataset(key, shape, "f8", external=[(str(secret), 0, 1000)])
        assert isinstance(outcome(tmp_path / "file", work.read_bytes()), DensityFormatError)


HUGE = {
    "vasp": ("    3    4    5\n", "  600  600  600\n"),
    "cube": ("    3 ", "  900 "),
    "xsf": ("4 5 6\n", "800 800 400\n"),
}


@pytest.mark.parametrize("conversion", ["compiled", "plain"], indirect=True)
@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
@pytest.mark.parametrize("name", HUGE)
def test_huge_counts(name: str, compress: Callable[[bytes], bytes], samples: Samples, tmp_path: Path) -> None:
    old, new = HUGE[name]
    text = samples(name).decode()
    assert old in text
    assert isinstance(outcome(tmp_path / "file", compress(text.replace(old, new, 1).encode())), DensityFormatError)
    padded = text.replace(old, new, 1) + "0 " * (1 << 20)
    assert isinstance(outcome(tmp_path / "file", compress(padded.encode())), DensityFormatError)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_huge_map(compress: Callable[[bytes], bytes], samples: Samples, tmp_path: Path) -> None:
    words = np.frombuffer(samples("ccp4"), dtype="<i4").copy()
    words[:3] = words[7:10] = 600
    found = outcome(tmp_path / "file", compress(words.tobytes() + bytes(1 << 24)))
    assert isinstance(found, DensityFormatError)


def test_many_atoms_and_many_occupancies_cost_in_proportion(tmp_path: Path) -> None:
    """20,000 atoms with a section each: the time is seconds where it grows with the square of the file."""
    count = 20_000
    head = chgcar_text(random_grids(1)).split("   Na   Cl\n")[0]
    text = f"{head}   Na\n {count}\nDirect\n" + "0 0 0\n" * count + "\n 1 1 1\n 0.5\n"
    text += "".join(f"augmentation occupancies{(i + 1) % 10000:4d}   1\n 1\n" for i in range(count))
    found = outcome(tmp_path / "file", text.encode())
    assert isinstance(found, Density)
    assert found.augmentation is not None
    assert found.augmentation[0].count("augmentation") == count
