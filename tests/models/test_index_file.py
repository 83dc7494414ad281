"""Index files: what a command left there is read, whatever else lies there is refused."""

from __future__ import annotations

import json

import pytest

from symfft_models.index_file import IndexFileError, read_index

FIELDS = {"file": str, "number": int, "group": (int, type(None))}
ENTRY = {"file": "a", "number": 1, "group": None}


def test_what_was_written_is_read(tmp_path):
    written = {"request": {"seed": 0}, "samples": [ENTRY, {"error": "unreadable"}]}
    (tmp_path / "index.json").write_text(json.dumps(written))
    assert read_index(tmp_path / "index.json", "samples", FIELDS) == written


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\xfe", b"[1, 2", b"1", b"null", b"[]", b"{}", b"[" * 100_000, b"1" * 5000,
        *(json.dumps({"samples": samples}).encode() for samples in (
            None, {}, "samples", [1], ["error"], [None], [[]], [{}], [{**ENTRY, "number": "1"}],
            [ENTRY, {**ENTRY, "file": []}], [{"file": "a", "number": 1}],
        )),
    ],
)  # fmt: skip
def test_whatever_else_is_one_error_that_names_the_file(content, tmp_path):
    path = tmp_path / "index.json"
    path.write_bytes(content)
    if content.endswith(b'"number": 1}]}'):
        assert read_index(path, "samples", FIELDS)["samples"] == [{"file": "a", "number": 1}]  # a null may be left out
        return
    with pytest.raises(IndexFileError, match=r"index\.json: not the index of an earlier call; delete it"):
        read_index(path, "samples", FIELDS)
