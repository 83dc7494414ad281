"""Files of reduced densities: nothing is lost, others can read them, and no damage goes unnoticed."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import zipfile

import h5py
import numpy as np
import pytest
from crystals import crystal, odd_magnetization
from hypothesis import given
from hypothesis import strategies as st

import naive
import strategies
from symfft import Density, DensityFormatError, NotSymmetricError, SpaceGroup
from symfft.cli import main
from symfft.io import read_density, write_density
from symfft.io.au_file import expand_density, is_au_file, read_au, reduce_density, write_au

GRIDS = ("values", "magnetization", "spin_down")


def stored(record, tmp_path, suffix):
    path = tmp_path / f"au{suffix}"
    with path.open("wb") as file:
        write_au(file, record, suffix)
    return path


def through_a_file(density, group, tmp_path, suffix, **options):
    path = stored(reduce_density(density, group, **options), tmp_path, suffix)
    assert is_au_file(path)
    return expand_density(read_au(path), path)


def assert_same(new, old, grids=GRIDS):
    for field in dataclasses.fields(Density):
        a, b = getattr(new, field.name), getattr(old, field.name)
        if isinstance(b, np.ndarray) and field.name not in grids:
            np.testing.assert_array_equal(a, b)
        elif field.name not in GRIDS:
            assert a == b
    for name in grids:
        a, b = getattr(new, name), getattr(old, name)
        assert (a is None) == (b is None)
        if b is not None:
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-14 * np.abs(b).max())


@given(strategies.densities(), st.sampled_from([".npz", ".h5"]))
def test_any_group_setting_and_grid_comes_back(tmp_path_factory, grouped, suffix):
    group, rho = grouped
    density = Density(rho, np.eye(3), np.empty((0, 3)), np.empty(0, dtype=np.int64))
    folder = tmp_path_factory.mktemp("au", numbered=True)
    new = through_a_file(density, group, folder, suffix)
    np.testing.assert_allclose(new.values, rho, rtol=0, atol=1e-13 * np.abs(rho).max())
    again = through_a_file(new, group, folder, suffix)
    np.testing.assert_allclose(again.values, new.values, rtol=0, atol=1e-14 * np.abs(rho).max())


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_everything_that_a_file_held_comes_back(suffix, tmp_path):
    occupancies = "".join(f"augmentation occupancies{i + 1:4d}   1\n  0.1E+00\n" for i in range(4))
    field, _ = odd_magnetization(14)
    density = crystal(
        14,
        magnetization=field,
        selective_dynamics=np.arange(12).reshape(4, 3) % 2 == 0,
        species=(("O_s/0a1b", 4),),
        augmentation=(occupancies, occupancies.replace("0.1", "0.2")),
        site_moments=("  1.0 -1.0  1.0 -1.0\n",),
    )
    density = dataclasses.replace(density, comment="Zeile \udcfc mit Bytes, die kein UTF-8 sind")
    assert_same(through_a_file(density, density.space_group(), tmp_path, suffix), density)
    dropped = through_a_file(density, density.space_group(), tmp_path, suffix, augmentation=False)
    assert (dropped.augmentation, dropped.site_moments) == (None, None)
    spins = dataclasses.replace(
        density, kind="potential", values=density.values + field, spin_down=density.values - field, magnetization=None
    )
    assert_same(through_a_file(spins, density.space_group(), tmp_path, suffix), spins)


def test_a_reversed_magnetization_is_kept_on_the_unit_of_half_the_group(tmp_path):
    field, _ = odd_magnetization(62)
    density = crystal(62, magnetization=field)
    record = reduce_density(density, density.space_group())
    assert len(record["values/rotations"]) == 8
    assert len(record["magnetization/rotations"]) == 4
    assert record["magnetization/data"].shape == (naive.burnside(proper(62), field.shape),)
    assert_same(expand_density(record, "memory"), density)


def proper(number):
    group = SpaceGroup.from_number(number)
    keep = np.linalg.det(group.rotations) > 0
    return SpaceGroup.from_operators(group.rotations[keep], group.translations[keep])


def test_a_noncollinear_magnetization_is_kept_as_it_is(tmp_path):
    vectors = np.random.default_rng(0).standard_normal((3, 6, 8, 10))
    density = crystal(14, magnetization=vectors)
    record = reduce_density(density, density.space_group())
    assert record["magnetization/data"].shape == (3, 480)
    assert_same(expand_density(record, "memory"), density)


def test_single_precision_is_what_it_says(tmp_path):
    density = crystal(225)
    record = reduce_density(density, density.space_group(), dtype=np.float32)
    assert record["values/data"].dtype == np.float32
    new = expand_density(record, "memory").values
    assert 0 < np.abs(new - density.values).max() < 1e-7 * density.values.max()


def test_what_breaks_the_symmetry_is_not_reduced():
    density = crystal(225)
    rough = density.with_values(density.values + 0.1 * np.random.default_rng(0).random(density.shape))
    with pytest.raises(NotSymmetricError):
        reduce_density(rough, density.space_group())
    spins = dataclasses.replace(rough, kind="potential", spin_down=density.values)
    with pytest.raises(NotSymmetricError):
        reduce_density(spins, density.space_group())


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_other_programs_can_expand_it_with_the_operators_alone(suffix, tmp_path):
    """As the documentation says: NumPy or h5py, the points, and W x + w."""
    density = crystal(194)
    path = stored(reduce_density(density, density.space_group()), tmp_path, suffix)
    entries = ("data", "indices", "multiplicity", "rotations", "translations", "denominator")
    if suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            shape, lattice, metadata = file["shape"], file["lattice"], json.loads(file["metadata"].tobytes())
            data, indices, multiplicity, w, t, d = (file[f"values/{e}"] for e in entries)
    else:
        with h5py.File(path) as file:
            shape, lattice, metadata = (
                file["shape"][()],
                file["lattice"][()],
                json.loads(file["metadata"][()].tobytes()),
            )
            data, indices, multiplicity, w, t, d = (file[f"values/{e}"][()] for e in entries)
    rho = np.full(shape, np.nan)
    for rotation, translation in zip(w, t):
        x = indices / shape
        image = np.rint((x @ rotation.T + translation / d) * shape).astype(int) % shape
        rho[tuple(image.T)] = data
    np.testing.assert_allclose(rho, density.values, rtol=1e-14)
    electrons = (multiplicity * data).sum() / shape.prod() * abs(np.linalg.det(lattice))
    assert metadata["electrons"] == pytest.approx(electrons, rel=1e-12)
    assert metadata["space_group"] == {"number": 194, "symbol": "P 63/m m c"}


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_reduce_and_expand_by_command(suffix, tmp_path, capsys):
    density = crystal(227)
    source, au, back = tmp_path / "CHGCAR", tmp_path / f"au{suffix}", tmp_path / "back.vasp"
    write_density(source, density)
    assert main(["reduce", str(source), "-o", str(au)]) == 0
    assert f"ratio {512 / naive.burnside(SpaceGroup.from_number(227), (8, 8, 8)):.1f}" in capsys.readouterr().out
    assert main(["expand", str(au), "-o", str(back)]) == 0
    assert_same(read_density(back), read_density(source), grids=())
    np.testing.assert_allclose(read_density(back).values, read_density(source).values, rtol=1e-10)
    assert main(["expand", str(au), "-o", str(au)]) == 2
    for command in ("info", "check"):
        assert main([command, str(au), str(back)]) == 0
    capsys.readouterr()
    assert main(["reduce", str(au), "-o", str(tmp_path / "again.npz"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["residual"] == 0.0
    again, once = (read_au(path)["values/data"] for path in (tmp_path / "again.npz", au))
    np.testing.assert_allclose(again, once, rtol=1e-14)


# ---- damage ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def record():
    field, _ = odd_magnetization(14)
    return reduce_density(crystal(14, magnetization=field), crystal(14).space_group())


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_damaged_files_are_refused_or_read_but_never_crash(suffix, record, tmp_path):
    path = stored(record, tmp_path, suffix)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    cut = [whole[:n] for n in rng.integers(0, len(whole), 30)]
    for position in rng.integers(0, len(whole), 120):
        garbled = bytearray(whole)
        garbled[position] ^= int(rng.integers(1, 256))
        cut.append(bytes(garbled))
    for content in cut:
        path.write_bytes(content)
        try:
            density = expand_density(read_au(path), path)
        except DensityFormatError as error:
            refused += str(path) in str(error)
        else:
            assert density.shape == (6, 8, 10)
    assert refused >= 30


def replaced(record, **entries):
    return {**record, **{key.replace("__", "/"): value for key, value in entries.items()}}


def without(record, key):
    return {k: v for k, v in record.items() if k != key}


def metadata(record, **changes):
    content = {**json.loads(record["metadata"].tobytes()), **changes}
    return replaced(record, metadata=np.frombuffer(json.dumps(content).encode(), dtype=np.uint8))


WRONG = {
    "an unknown format": lambda r: metadata(r, format="other"),
    "a later version": lambda r: metadata(r, version=2),
    "metadata that is not JSON": lambda r: replaced(r, metadata=np.arange(256, dtype=np.uint8)),
    "metadata that is a list": lambda r: replaced(r, metadata=np.frombuffer(b"[1]", dtype=np.uint8)),
    "an unknown kind": lambda r: metadata(r, kind="smell"),
    "species of the wrong form": lambda r: metadata(r, species=[["Fe", "many"]]),
    "species that are no list": lambda r: metadata(r, species=3),
    "texts that are a number": lambda r: metadata(r, augmentation=5),
    "too few texts": lambda r: metadata(r, augmentation=["one"]),
    "no values": lambda r: without(r, "values/data"),
    "no lattice": lambda r: without(r, "lattice"),
    "no operators": lambda r: without(r, "values/rotations"),
    "a flat cell": lambda r: replaced(r, lattice=np.ones((3, 3))),
    "a lattice of two vectors": lambda r: replaced(r, lattice=np.ones((2, 3))),
    "a grid of zero": lambda r: replaced(r, shape=np.array([0, 8, 10])),
    "a grid in two dimensions": lambda r: replaced(r, shape=np.array([6, 8])),
    "a grid too large for its values": lambda r: replaced(r, shape=np.array([6000, 8000, 10])),
    "a gigantic grid": lambda r: replaced(r, shape=np.array([2**40, 2**40, 2**40])),
    "too few values": lambda r: replaced(r, values__data=r["values/data"][:-1]),
    "complex values": lambda r: replaced(r, values__data=r["values/data"].astype(complex)),
    "values that are not finite": lambda r: replaced(r, values__data=r["values/data"] * np.nan),
    "one point many times": lambda r: replaced(r, values__indices=r["values/indices"] * 0),
    "points outside of the grid": lambda r: replaced(r, values__indices=r["values/indices"] + 100),
    "operators that do not form a group": lambda r: replaced(r, values__translations=r["values/translations"] * 0 + 1),
    "a denominator of zero": lambda r: replaced(r, values__denominator=np.array(0)),
    "rotations that are none": lambda r: replaced(r, values__rotations=r["values/rotations"] * 0),
    "as many rotations as points": lambda r: replaced(
        r,
        values__rotations=np.arange(9 * 3000, dtype=np.int32).reshape(3000, 3, 3),
        values__translations=np.zeros((3000, 3), dtype=np.int32),
    ),
    "numbers of no atom": lambda r: replaced(r, numbers=r["numbers"][:1]),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_contents_that_do_not_fit_together_are_refused(what, suffix, record, tmp_path, capsys):
    path = stored(WRONG[what](record), tmp_path, suffix)
    with pytest.raises(DensityFormatError):
        expand_density(read_au(path), path)
    assert main(["expand", str(path), "-o", str(tmp_path / "x.vasp")]) == 2
    assert capsys.readouterr().err.count("symfft: error: ") == 1
    assert not (tmp_path / "x.vasp").exists()


def test_nothing_is_unpickled(record, tmp_path):
    class Bomb:
        def __reduce__(self):
            return exec, ("raise SystemExit('unpickled')",)

    path = tmp_path / "evil.npz"
    objects = np.empty((3, 3), dtype=object)
    objects[:] = Bomb()
    np.savez_compressed(path, **{**record, "lattice": objects})
    assert b"unpickled" in zipfile.ZipFile(path).read("lattice.npy")
    with pytest.raises(DensityFormatError):
        read_au(path)
    path.write_bytes(pickle.dumps([1]))
    assert not is_au_file(path)
    with pytest.raises(DensityFormatError):
        read_au(path)


def test_a_small_file_cannot_ask_for_much_memory(record, tmp_path):
    path = tmp_path / "bomb.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**13,)})
    np.savez_compressed(path, **without(record, "values/data"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("values/data.npy", header.getvalue())
    with pytest.raises(DensityFormatError):
        read_au(path)
    path = stored(without(record, "values/data"), tmp_path, ".h5")
    with h5py.File(path, "a") as file:
        file.create_dataset("values/data", shape=(10**10,), dtype="f8", chunks=(10**6,))
    with pytest.raises(DensityFormatError, match="more than they can hold"):
        read_au(path)


def test_other_files_are_not_taken_for_reduced_densities(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = 1
    (tmp_path / "CHGCAR").write_text("text")
    assert not any(is_au_file(path) for path in tmp_path.iterdir())
    for path in tmp_path.iterdir():
        assert main(["info", str(path)]) == 2


def test_a_missing_entry_is_named(record, tmp_path):
    path = stored(record, tmp_path, ".npz")
    with np.load(path, allow_pickle=False) as archive:
        rest = {name: archive[name] for name in archive.files if name != "metadata"}
    np.savez(path, **rest)
    with pytest.raises(DensityFormatError, match=r"lacks the entry 'metadata'$"):
        read_au(path)
