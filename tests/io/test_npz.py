"""Archives of arrays: whole ones come back, anything else is one of a few errors."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from symfft.io.npz import DAMAGE, LARGEST_EXPANSION, read_npz, require_plausible


def test_arrays_come_back_all_or_some(tmp_path: Path) -> None:
    arrays = {"one": np.arange(5), "two": np.array("text"), "three": np.eye(2)}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    found = read_npz(tmp_path / "a.npz")
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    assert set(read_npz(tmp_path / "a.npz", lambda has: [n for n in ("one", "four") if has(n)])) == {"one"}


def test_cut_anywhere(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", one=np.arange(500), two=np.eye(9))
    whole = (tmp_path / "a.npz").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "a.npz").write_bytes(whole[:length])
        with pytest.raises(DAMAGE):
            read_npz(tmp_path / "a.npz")


def test_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", one=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_npz(tmp_path / "a.npz")


def test_more_than_the_file_can_hold_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "zeros.npz", one=np.zeros(10**6))
    assert not read_npz(tmp_path / "zeros.npz")["one"].any()
    require_plausible(10, 10 * LARGEST_EXPANSION)
    with pytest.raises(ValueError, match="10 bytes declare"):
        require_plausible(10, 10 * LARGEST_EXPANSION + 1)
    member = zipfile.ZipInfo("one.npy")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        archive.writestr(member, b"")
        member.file_size = 1 << 40
    with pytest.raises(ValueError, match="more than they can hold"):
        read_npz(tmp_path / "bomb.npz")
