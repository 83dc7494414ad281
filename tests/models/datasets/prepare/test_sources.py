"""Inputs are found in folders, globs and lists, lazily, and parted by path alone."""

from __future__ import annotations

import itertools
import os

import pytest

from symfft_models.datasets.prepare.sources import in_part, input_files


@pytest.fixture
def tree(tmp_path):
    for name in ("a/CHGCAR", "a/b/CHGCAR.gz", "a/b/INCAR", "c/x.cube", "c/vaspwave.h5", "c/POTCAR", "d/CHG", "d/CHGX"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path


def names(tree, *inputs, **options):
    return sorted(os.path.relpath(name, tree) for name in input_files(inputs, **options))


def test_a_folder_is_searched_to_any_depth_for_density_files(tree):
    assert names(tree, str(tree)) == ["a/CHGCAR", "a/b/CHGCAR.gz", "c/vaspwave.h5", "c/x.cube", "d/CHG"]
    assert names(tree, str(tree), patterns=("*car",)) == ["a/CHGCAR", "a/b/INCAR", "c/POTCAR"]


def test_a_glob_takes_what_it_matches_and_no_folder(tree):
    assert names(tree, str(tree / "**" / "CHGCAR*")) == ["a/CHGCAR", "a/b/CHGCAR.gz"]
    assert names(tree, str(tree / "*")  + "/*") == [
        "a/CHGCAR", "c/POTCAR", "c/vaspwave.h5", "c/x.cube", "d/CHG", "d/CHGX"
    ]  # fmt: skip


def test_a_list_has_one_path_a_line_from_its_own_folder(tree):
    (tree / "list.txt").write_text(f"# comment\na/CHGCAR\n\n{tree}/c/x.cube\nnot/there\r\n")
    assert names(tree, f"@{tree}/list.txt") == ["a/CHGCAR", "c/x.cube", "not/there"]


def test_what_does_not_exist_is_an_error(tree):
    with pytest.raises(FileNotFoundError, match=r"no file, folder or match of .*nowhere"):
        list(input_files([str(tree / "nowhere")]))


def test_links_to_folders_are_not_followed_in_circles(tree):
    (tree / "a" / "up").symlink_to(tree)
    assert len(names(tree, str(tree))) == 5


def test_a_list_is_read_as_it_is_used(tree):
    def endless():
        yield str(tree / "a" / "CHGCAR")
        raise AssertionError("read ahead")

    assert next(input_files(endless())).endswith("CHGCAR")


def test_a_long_list_takes_no_memory(tmp_path):
    import tracemalloc

    with open(tmp_path / "list", "w") as file:
        file.writelines(f"{i}/CHGCAR\n" for i in range(100_000))
    tracemalloc.start()
    assert sum(1 for _ in input_files([f"@{tmp_path}/list"])) == 100_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_parts_are_disjoint_complete_and_even():
    paths = [f"run/{i}/CHGCAR" for i in range(3000)]
    parts = [[path for path in paths if in_part(path, part, 5)] for part in range(5)]
    assert sorted(itertools.chain(*parts)) == sorted(paths)
    assert all(500 < len(part) < 700 for part in parts)
