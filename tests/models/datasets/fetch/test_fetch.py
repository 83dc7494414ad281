"""Fetching, against recorded answers and a server on this machine: resumed, paced, and nothing lost."""

from __future__ import annotations

import http.server
import json
import sys
import threading
import types

import numpy as np
import pytest

from symfft import Density, SymfftError, read_chgcar
from symfft_models.cli import main
from symfft_models.datasets.fetch import Journal, Pace, fetch_materials_project, fetch_parquet
from symfft_models.datasets.fetch.journal import JOURNAL
from symfft_models.datasets.fetch.materials_project import ATTEMPTS, FAILURES


def density(seed=0, a=5.6):
    """A rock salt with noise of its cell's whole grid and 8 electrons."""
    fcc = a * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    values = np.random.default_rng(seed).uniform(0.5, 1.5, (4, 5, 6))
    made = Density(values, fcc, [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])
    return made.with_values(values * 8 / made.electrons)


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def pace(self, per_second=2.0):
        def sleep(seconds):
            self.waits.append(seconds)
            self.now += seconds

        return Pace(per_second, clock=lambda: self.now, sleep=sleep)


class Project:
    """The Materials Project's client as far as it is used, with recorded answers: a Chgcar as its own JSON, or None."""

    def __init__(self, answers, groups=None):
        self.answers, self.groups, self.asked, self.searches = answers, groups or {}, [], []

    def __call__(self, key, mute_progress_bars):
        assert key == "recorded-key"
        assert mute_progress_bars
        return self

    def __enter__(self):
        summary = types.SimpleNamespace(search=self.search)
        self.materials = types.SimpleNamespace(summary=summary)
        return self

    def __exit__(self, *exception):
        return None

    def search(self, spacegroup_number, has_props, fields):
        assert (has_props, fields) == (["charge_density"], ["material_id"])
        self.searches.append(spacegroup_number)
        return [types.SimpleNamespace(material_id=name) for name in self.groups[spacegroup_number]]

    def get_charge_density_from_material_id(self, identifier):
        self.asked.append(identifier)
        answer = self.answers[identifier]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            from pymatgen.io.vasp.outputs import Chgcar

            return Chgcar.from_dict(json.loads(answer))
        return answer


@pytest.fixture
def project(monkeypatch):
    """Return a function that puts recorded answers in the place of mp-api."""

    def make(answers, groups=None):
        made = Project(answers, groups)
        monkeypatch.setitem(sys.modules, "mp_api", types.ModuleType("mp_api"))
        client = types.ModuleType("mp_api.client")
        client.MPRester = made
        monkeypatch.setitem(sys.modules, "mp_api.client", client)
        monkeypatch.setenv("MP_API_KEY", "recorded-key")
        return made

    return make


def recorded(seed=0):
    from monty.json import MontyEncoder

    return json.dumps(density(seed).to_pymatgen().as_dict(), cls=MontyEncoder)


def test_a_group_is_listed_once_and_every_density_becomes_a_chgcar(project, tmp_path):
    made = project({"mp-1": recorded(1), "mp-2": None, "mp-3": recorded(3)}, {225: ["mp-3", "mp-1", "mp-2"]})
    assert fetch_materials_project(tmp_path, [225], pace=Clock().pace()) == {"missing": 1, "stored": 2, "new": 2}
    for seed in (1, 3):
        back = read_chgcar(tmp_path / f"mp-{seed}.CHGCAR.gz")
        np.testing.assert_allclose(back.values, density(seed).values, rtol=1e-9)
        np.testing.assert_allclose(back.lattice, density(seed).lattice, atol=1e-12)
    # neither the list nor any material is asked for again, the missing one included
    assert fetch_materials_project(tmp_path, [225], pace=Clock().pace()) == {"missing": 1, "stored": 2, "new": 0}
    assert (made.searches, made.asked) == ([225], ["mp-1", "mp-2", "mp-3"])


def test_requests_are_spaced_and_failures_tried_again(project, tmp_path):
    made = project({"mp-1": [OSError("reset"), OSError("reset"), recorded(1)], "mp-2": recorded(2)})
    clock = Clock()
    counts = fetch_materials_project(tmp_path, identifiers=["mp-1", "mp-2"], pace=clock.pace(per_second=0.5))
    assert counts == {"stored": 2, "new": 2}
    assert made.asked == ["mp-1"] * 3 + ["mp-2"]
    assert clock.now >= 2.0 * 3
    assert clock.waits[:2] == [1.0, 1.0]  # backing off for a second takes half of the spacing


def test_what_fails_now_is_tried_by_the_next_run(project, tmp_path):
    project({"mp-1": OSError("down"), "mp-2": recorded(2)})
    assert fetch_materials_project(tmp_path, identifiers=["mp-1", "mp-2"], pace=Clock().pace()) == {
        "failed": 1,
        "stored": 1,
        "new": 1,
    }
    again = project({"mp-1": recorded(1)})
    assert fetch_materials_project(tmp_path, identifiers=["mp-1", "mp-2"], pace=Clock().pace())["stored"] == 2
    assert again.asked == ["mp-1"]


def test_a_run_gives_up_where_everything_fails(project, tmp_path):
    names = [f"mp-{i}" for i in range(50)]
    made = project(dict.fromkeys(names, OSError("no route")))
    with pytest.raises(SymfftError, match=rf"{FAILURES} materials in a row .* no route; check key and network"):
        fetch_materials_project(tmp_path, identifiers=names, pace=Clock().pace())
    assert len(made.asked) == FAILURES * ATTEMPTS


def test_absent_files_and_unusable_answers_are_told_apart(project, tmp_path):
    odd = types.SimpleNamespace(structure=types.SimpleNamespace(is_ordered=False))
    made = project({"mp-1": Exception("NoSuchKey: chgcars/mp-1.json.gz"), "mp-2": odd, "mp-3": object()})
    counts = fetch_materials_project(tmp_path, identifiers=["mp-1", "mp-2", "mp-3"], pace=Clock().pace())
    assert counts == {"missing": 1, "unusable": 2, "new": 0}
    assert made.asked == ["mp-1", "mp-2", "mp-3"]
    assert list(tmp_path.glob("*.gz")) == []


def test_the_key_comes_from_the_environment_and_the_client_is_an_extra(project, tmp_path, monkeypatch, capsys):
    project({})
    monkeypatch.delenv("MP_API_KEY")
    assert main(["fetch", "materials-project", "--group", "225", "-o", str(tmp_path)]) == 1
    assert "put yours into the environment variable MP_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("MP_API_KEY", "recorded-key")
    monkeypatch.setitem(sys.modules, "mp_api.client", None)
    assert main(["fetch", "materials-project", "--group", "225", "-o", str(tmp_path)]) == 1
    assert 'pip install "symfft[fetch]"' in capsys.readouterr().err


def test_a_journal_cut_short_loses_its_last_line_only(tmp_path):
    with Journal(tmp_path) as journal:
        journal.store("mp-1", density())
        journal.record("mp-2", "missing")
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole[:-5])
    with Journal(tmp_path) as journal:
        assert journal.outcomes == {"mp-1": "stored"}
        journal.record("mp-3", "failed")
        assert not journal.knows("mp-3")
    assert [json.loads(line)["id"] for line in (tmp_path / JOURNAL).read_text().splitlines()] == ["mp-1", "mp-3"]


# ---- parquet ------------------------------------------------------------------------------------------


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
    assert main(["fetch", "parquet", str(tmp_path / "text.parquet"), "-o", str(tmp_path / "out")]) == 1
    assert "is no parquet file" in capsys.readouterr().err
    path = str(collection(tmp_path / "chunk.parquet"))
    assert main(["fetch", "parquet", path, "-o", str(tmp_path / "out"), "--column", "density=nothing"]) == 1
    assert "has no column nothing; it has cartesian_site_positions" in capsys.readouterr().err
    assert main(["fetch", "parquet", path, "-o", str(tmp_path / "out"), "--group", "225"]) == 0
    assert main(["fetch", "parquet", str(tmp_path / "none"), "-o", str(tmp_path / "out")]) == 1
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
    assert (tmp_path / "out" / "downloads" / "chunk_0.parquet").read_bytes() == path.read_bytes()
    fetch_parquet([f"{address}/chunk_0.parquet"], tmp_path / "out", pace=clock.pace())
    assert len(log) == 2
    with pytest.raises(SymfftError, match="answers 404"):
        fetch_parquet([f"{address}/none.parquet"], tmp_path / "out", pace=clock.pace())


def test_without_pyarrow_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match="parquet needs pyarrow: pip install"):
        fetch_parquet([str(tmp_path)], tmp_path / "out")
