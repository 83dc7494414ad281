"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from symfft.io.atomic import remove_partial_files, replace_file, replacement, write_text


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    target = tmp_path / "file"
    write_text(target, "old")
    for opened in (replace_file, replacement):
        with pytest.raises(ZeroDivisionError), opened(target):
            raise ZeroDivisionError
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_old_file_is_there_until_the_block_ends(tmp_path):
    target = tmp_path / "file"
    write_text(target, "old")
    with replace_file(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_text() == "old"
    assert target.read_text() == "new"


def test_permissions_and_links_stay(tmp_path):
    target, link = tmp_path / "file", tmp_path / "link"
    write_text(target, "old")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask
    target.chmod(0o640)
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_name_as_long_as_the_file_system_allows(tmp_path):
    target = tmp_path / ("é" * 125)
    write_text(target, "text")
    assert target.read_text() == "text"


def test_a_file_that_a_library_replaces_or_removes_itself(tmp_path):
    with replacement(tmp_path / "file") as temporary:
        temporary.unlink()
        temporary.write_text("text")
    assert (tmp_path / "file").read_text() == "text"


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_an_error_names_the_file_that_was_to_be_written(step, tmp_path, monkeypatch):
    def full(*arguments):
        name = () if step == "fsync" else arguments[:1]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *name)

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_text(tmp_path / "file", "text")
    assert caught.value.filename == str(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_text(tmp_path / "none" / "file", "text")
    assert caught.value.filename == str(tmp_path / "none" / "file")


def test_an_error_of_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replacement(tmp_path / "file"):
        (tmp_path / "other").read_text()
    assert caught.value.filename == tmp_path / "other" or caught.value.filename == str(tmp_path / "other")


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".file.abc.part").write_text("half")
    (tmp_path / "file.part").write_text("somebody's own")
    remove_partial_files(tmp_path)
    assert os.listdir(tmp_path) == ["file.part"]
