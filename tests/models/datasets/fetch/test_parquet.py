"""Fetching from collections, as files and from a server on this machine: resumed, and nothing lost."""

from __future__ import annotations

import http.server
import json
import sys
import threading

import numpy as np
import pytest
from fetch_samples import Clock, density

from symfft import SymfftError, read_chgcar
from symfft_models.cli import main
from symfft_models.datasets.fetch import Journal, fetch_parquet
from symfft_models.datasets.fetch.journal import JOURNAL


def collection(path, count=3):
    """Write a collection in the columns of LeMat-Rho: values as JSON text, Cartesian sites, null where it has none."""
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    rows = []
    for seed in range(count):
        made = density(seed)
        rows.append(
            {
                "immutable_id": f"agm{seed:03d}",
                "compressed_charge_density": None if seed == 1 else json.dumps(made.values.tolist()),
                "charge_density_grid_shape": list(made.shape),
                "lattice_vectors": made.lattice.tolist(),
                "species_at_sites": ["Cl", "Na"],
                "cartesian_site_positions": (made.positions[::-1] @ made.lattice).tolist(),
                "space_group_it_number": 221 if seed == 2 else 225,
            }
        )
    pyarrow.parquet.write_table(arrow.Table.from_pylist(rows), path)
    return path


def test_rows_of_a_collection_become_chgcars(tmp_path):
    path = collection(tmp_path / "chunk_0.parquet")
    counts = {"missing": 1, "stored": 2, "new": 2}
    assert fetch_parquet([str(path)], tmp_path / "out") == counts
    back, first = read_chgcar(tmp_path / "out" / "agm000.CHGCAR.gz"), density(0)
    np.testing.assert_allclose(back.values, first.values, rtol=1e-9)
    assert dict(zip(back.numbers.tolist(), back.positions.round(9).tolist(), strict=True)) == {
        11: [0, 0, 0],
        17: [0.5, 0.5, 0.5],
    }
    assert fetch_parquet([str(tmp_path)], tmp_path / "out") == counts | {"new": 0}
    assert fetch_parquet([str(path)], tmp_path / "one", [221]) == {"stored": 1, "new": 1}
    assert fetch_parquet([str(path)], tmp_path / "few", limit=1) == {"stored": 1, "new": 1}


def test_other_columns_units_and_encodings(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    made = density(4)
    flat = (made.values * made.volume).astype("<f4").ravel()
    row = {
        "name": "a/b",
        "rho": flat.tobytes(),
        "grid_shape": list(made.shape),
        "lattice_vectors": made.lattice.tolist(),
        "species_at_sites": ["Na", "Cl"],
        "cartesian_site_positions": (made.positions @ made.lattice).tolist(),
    }
    bad = row | {"name": "bad", "species_at_sites": ["Xx", "Cl"]}
    short = row | {"name": "short", "grid_shape": [2, 2, 2]}
    pyarrow.parquet.write_table(arrow.Table.from_pylist([row, bad, short]), tmp_path / "set.parquet")
    arguments = ["fetch", "parquet", str(tmp_path / "set.parquet"), "-o", str(tmp_path / "out"), "--quiet", "--vasp"]
    assert main([*arguments, "--column", "density=rho", "--column", "id=name"]) == 0
    np.testing.assert_allclose(read_chgcar(tmp_path / "out" / "a_b.CHGCAR.gz").values, made.values, rtol=1e-6)
    with Journal(tmp_path / "out") as journal:
        assert journal.outcomes == {"a/b": "stored", "bad": "unusable", "short": "unusable"}


def test_what_is_no_collection_is_an_error(tmp_path, capsys):
    pytest.importorskip("pyarrow")
    (tmp_path / "text.parquet").write_text("no parquet")
    assert main(["fetch", "parquet", str(tmp_path / "text.parquet"), "-o", str(tmp_path / "out")]) == 2
    assert "is not a parquet file" in capsys.readouterr().err
    path = str(collection(tmp_path / "chunk.parquet"))
    assert main(["fetch", "parquet", path, "-o", str(tmp_path / "out"), "--column", "density=nothing"]) == 2
    assert "has no column nothing; it has cartesian_site_positions" in capsys.readouterr().err
    assert main(["fetch", "parquet", path, "-o", str(tmp_path / "out"), "--group", "225"]) == 0
    assert main(["fetch", "parquet", str(tmp_path / "none"), "-o", str(tmp_path / "out")]) == 2
    assert "no file, folder or address" in capsys.readouterr().err


@pytest.fixture
def server(tmp_path):
    """Serve ``tmp_path`` with byte ranges; the first answer for each file breaks off in the middle."""
    log: list[tuple[str, str | None]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            log.append((self.path, wanted))
            file = tmp_path / self.path.lstrip("/")
            if not file.exists():
                self.send_error(404)
                return
            content = file.read_bytes()
            start = int(wanted[6:-1]) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            breaks = sum(path == self.path for path, _ in log) == 1
            self.wfile.write(content[start : start + len(content) // 2] if breaks else content[start:])

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}", log
        httpd.shutdown()
        thread.join()


def test_a_download_that_breaks_off_goes_on_where_it_was(server, tmp_path):
    address, log = server
    path = collection(tmp_path / "chunk_0.parquet")
    size = path.stat().st_size
    clock = Clock()
    counts = fetch_parquet([f"{address}/chunk_0.parquet"], tmp_path / "out", pace=clock.pace())
    assert counts == {"missing": 1, "stored": 2, "new": 2}
    assert log == [("/chunk_0.parquet", None), ("/chunk_0.parquet", f"bytes={size // 2}-")]
    assert next((tmp_path / "out" / "downloads").glob("*-chunk_0.parquet")).read_bytes() == path.read_bytes()
    fetch_parquet([f"{address}/chunk_0.parquet"], tmp_path / "out", pace=clock.pace())
    assert len(log) == 2
    with pytest.raises(SymfftError, match="answers 404"):
        fetch_parquet([f"{address}/none.parquet"], tmp_path / "out", pace=clock.pace())


def numbered(path, seeds, **changes):
    """A collection whose rows are named by their numbers alone."""
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    path.parent.mkdir(exist_ok=True)
    rows = []
    for place, seed in enumerate(seeds):
        made = density(seed)
        row = {
            "id": place,
            "charge_density": json.dumps(made.values.tolist()),
            "lattice_vectors": made.lattice.tolist(),
            "species_at_sites": ["Na", "Cl"],
            "cartesian_site_positions": (made.positions @ made.lattice).tolist(),
        }
        rows.append(row | changes.get(f"row{place}", {}))
    pyarrow.parquet.write_table(arrow.Table.from_pylist(rows), path)
    return path


def stored_seeds(folder, seeds):
    """Which densities lie in a folder."""
    found = [read_chgcar(path).values for path in folder.glob("*.CHGCAR.gz")]
    return sorted(s for s in seeds if any(np.allclose(values, density(s).values, rtol=1e-9) for values in found))


def test_collections_with_equal_names_and_rows_with_equal_ids_are_all_stored(server, tmp_path):
    """Two addresses with the same last part, two files of the same name, rows with the same numbers."""
    address, _ = server
    numbered(tmp_path / "a" / "chunk.parquet", [1, 2])
    numbered(tmp_path / "b" / "chunk.parquet", [3, 4])
    sources = [f"{address}/a/chunk.parquet", f"{address}/b/chunk.parquet"]
    assert fetch_parquet(sources, tmp_path / "out", pace=Clock().pace())["stored"] == 4
    assert stored_seeds(tmp_path / "out", range(8)) == [1, 2, 3, 4]
    assert fetch_parquet(sources[::-1], tmp_path / "out", pace=Clock().pace())["new"] == 0
    assert fetch_parquet([str(tmp_path / "a"), str(tmp_path / "b")], tmp_path / "two")["stored"] == 4
    assert stored_seeds(tmp_path / "two", range(8)) == [1, 2, 3, 4]
    twice = numbered(tmp_path / "c" / "chunk.parquet", [5, 6], row1={"id": 0})
    assert fetch_parquet([str(twice)], tmp_path / "three")["stored"] == 2
    assert stored_seeds(tmp_path / "three", range(8)) == [5, 6]
    assert fetch_parquet([str(twice)], tmp_path / "three")["new"] == 0
    slashes = numbered(tmp_path / "d" / "chunk.parquet", [5, 6, 7], row0={"id": 5}, row1={"id": 50})
    assert fetch_parquet([str(slashes)], tmp_path / "four")["stored"] == 3


def test_names_that_would_be_one_file_are_two(tmp_path):
    with Journal(tmp_path) as journal:
        for seed, name in enumerate(["a/b", "a_b", "A_B", "x" * 300, "x" * 299 + "y", "..", "é", "ü"]):
            journal.store(name, density(seed))
        assert len(list(tmp_path.glob("*.CHGCAR.gz"))) == 8
    assert stored_seeds(tmp_path, range(8)) == list(range(8))
    with Journal(tmp_path) as journal:
        assert all(journal.knows(name) for name in ("a/b", "a_b", "x" * 300))


@pytest.mark.parametrize(
    "bad",
    [
        {"species_at_sites": ["Si0.5Ge0.5", "Cl"]},
        {"species_at_sites": ["Na:0.5", "Cl"]},
        {"species_at_sites": ["Na+", "Cl"]},
        {"species_at_sites": ["na", "Cl"]},
        {"species_at_sites": ["X", "Cl"]},
        {"species_at_sites": ["Na", None]},
        {"species_at_sites": None},
        {"charge_density": "[" * 100_000},
        {"charge_density": f"[[[{'1' * 5000}]]]"},
        {"charge_density": "[[[1e999]]]"},
        {"charge_density": "[[[NaN]]]"},
        {"charge_density": "{}"},
        {"charge_density": "[[[1], [2, 3]]]"},
        {"lattice_vectors": [[0.0, 0.0, 0.0]] * 3},
        {"lattice_vectors": None},
        {"cartesian_site_positions": [[0.0, 0.0, 0.0]]},
        {"cartesian_site_positions": [[1e300, 0.0, 0.0], [0.0, float("nan"), 0.0]]},
    ],
)
def test_a_bad_row_is_unusable_and_the_next_is_taken(bad, tmp_path):
    path = numbered(tmp_path / "in" / "chunk.parquet", [1, 2, 3], row1=bad)
    assert fetch_parquet([str(path)], tmp_path / "out") == {"stored": 2, "unusable": 1, "new": 2}
    assert stored_seeds(tmp_path / "out", range(8)) == [1, 3]


def test_a_broken_file_does_not_stop_the_others(tmp_path):
    good = numbered(tmp_path / "in" / "a.parquet", [1])
    content = numbered(tmp_path / "in" / "b.parquet", [2, 3]).read_bytes()
    (tmp_path / "in" / "b.parquet").write_bytes(content[: len(content) // 2])
    numbered(tmp_path / "in" / "c.parquet", [4])
    with pytest.raises(SymfftError, match=r"2 densities stored, but .*b\.parquet is not a parquet file"):
        fetch_parquet([str(tmp_path / "in")], tmp_path / "out")
    assert stored_seeds(tmp_path / "out", range(8)) == [1, 4]
    assert good.exists()


@pytest.fixture
def rude_server(tmp_path):
    """Answer as no server should, by the name of the file; a file named ``good`` comes whole."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            content = (tmp_path / "good.parquet").read_bytes()
            self.close_connection = True
            if "status" in self.path:
                self.wfile.write(b"what?\r\n\r\n")
                return
            if "silent" in self.path:
                return
            self.send_response(200)
            if "chunked" in self.path:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(f"{len(content):x}\r\n".encode() + content[:100])
            elif "cut" in self.path:  # no length: only the content tells
                self.end_headers()
                self.wfile.write(content[:-50])
            else:
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["status", "silent", "chunked", "cut", "bad name", "http://127.0.0.1:99999/x"])
def test_a_rude_answer_does_not_stop_the_others(name, rude_server, tmp_path):
    numbered(tmp_path / "good.parquet", [1])
    address = name if "://" in name else f"{rude_server}/{name}.parquet"
    with pytest.raises(SymfftError, match="1 densities stored, but http"):
        fetch_parquet([address, f"{rude_server}/good.parquet"], tmp_path / "out", pace=Clock().pace())
    assert stored_seeds(tmp_path / "out", range(8)) == [1]


def test_a_download_that_was_cut_is_not_kept(rude_server, tmp_path):
    """Also one that an earlier version left there."""
    content = numbered(tmp_path / "good.parquet", [1]).read_bytes()
    fetch_parquet([f"{rude_server}/good.parquet"], tmp_path / "out", pace=Clock().pace())
    (path,) = (tmp_path / "out" / "downloads").iterdir()
    path.write_bytes(content[:-20])
    (tmp_path / "out" / JOURNAL).unlink()
    assert fetch_parquet([f"{rude_server}/good.parquet"], tmp_path / "out", pace=Clock().pace())["stored"] == 1
    assert path.read_bytes() == content


def test_without_pyarrow_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match="parquet needs pyarrow: pip install"):
        fetch_parquet([str(tmp_path)], tmp_path / "out")
