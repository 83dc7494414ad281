"""Fetching from the Materials Project, against recorded answers: resumed, paced, and nothing lost."""

from __future__ import annotations

import json
import sys
import types

import numpy as np
import pytest
from fetch_samples import Clock, density

from symfft import SymfftError, read_chgcar
from symfft_models.cli import main
from symfft_models.datasets.fetch import fetch_materials_project
from symfft_models.datasets.fetch.journal import JOURNAL
from symfft_models.datasets.fetch.materials_project import ATTEMPTS, FAILURES


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
    assert main(["fetch", "materials-project", "--group", "225", "-o", str(tmp_path)]) == 2
    assert "put yours into the environment variable MP_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("MP_API_KEY", "recorded-key")
    monkeypatch.setitem(sys.modules, "mp_api.client", None)
    assert main(["fetch", "materials-project", "--group", "225", "-o", str(tmp_path)]) == 2
    assert 'pip install "symfft[fetch]"' in capsys.readouterr().err


@pytest.mark.parametrize("key", ["secret\rkey", "secret key", "sécret", "secret\x00"])
def test_a_key_is_never_printed(key, project, tmp_path, monkeypatch, capsys):
    made = project({"mp-1": OSError("Invalid header value b'secretkey\\r'")})
    monkeypatch.setenv("MP_API_KEY", key.replace("\x00", "\n;"))
    assert main(["fetch", "materials-project", "--id", "mp-1", "-o", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert "ecret" not in said.out + said.err
    assert made.asked == []


def test_a_key_with_blanks_around_it_is_that_key_and_errors_do_not_show_it(project, tmp_path, monkeypatch):
    made = project({"mp-1": OSError("401 for recorded-key")})
    monkeypatch.setenv("MP_API_KEY", " recorded-key\r\n")
    fetch_materials_project(tmp_path, identifiers=["mp-1"], pace=Clock().pace())
    assert made.asked == ["mp-1"] * ATTEMPTS
    assert "recorded-key" not in (tmp_path / JOURNAL).read_text()


def test_a_damaged_list_is_named(project, tmp_path):
    project({}, {225: []})
    (tmp_path / "listed-225.json").write_text("[1")
    with pytest.raises(SymfftError, match=r"listed-225\.json is not a list of names"):
        fetch_materials_project(tmp_path, [225], pace=Clock().pace())
