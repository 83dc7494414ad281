"""Entries of a prepared collection, read when they are asked for."""

from __future__ import annotations

import itertools

import pytest
from prepare_samples import OPTIONS, write_samples

from symfft_models.datasets.prepare import PreparedSet, preparation, prepare, standardize, stored_entries


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_samples(folder)
    return folder


@pytest.mark.parametrize("parts", [1, 2])
def test_it_holds_the_entries_of_a_split_in_order(files, tmp_path, monkeypatch, parts):
    monkeypatch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
    splits = itertools.cycle(["train", "val", "train", "test"])
    monkeypatch.setattr(standardize, "split_of", lambda _: next(splits))
    for part in range(parts):
        prepare([str(files)], tmp_path, OPTIONS, batch=5, part=(part, parts))
    every = list(stored_entries(tmp_path))
    assert {entry.split for entry in every} == {"train", "val", "test"}
    for split in ("train", "val", "test"):
        found, wanted = PreparedSet.open(tmp_path, split), [entry for entry in every if entry.split == split]
        assert [entry.id for entry in found] == [entry.id for entry in wanted]
        assert len(found) == len(wanted)
        for row in reversed(range(len(wanted))):
            assert found[row].values.tobytes() == wanted[row].values.tobytes()
        assert [entry.id for entry in found[1:]] == [entry.id for entry in wanted[1:]]


def test_a_folder_without_a_collection_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no prepared set"):
        PreparedSet.open(tmp_path, "train")
