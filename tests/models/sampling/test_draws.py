import json

import pytest

from symfft import SymfftError, read_chgcar
from symfft_models.atoms import load_radial_atoms
from symfft_models.cli import main
from symfft_models.crystals.composition import CompositionError
from symfft_models.crystals.generator import Wanted
from symfft_models.sampling.draws import INDEX, Settings, write_draws


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    out = tmp_path_factory.mktemp("draws")
    return out, write_draws(out, Settings(per_group=2), [221])


def test_every_draw_is_a_crystal_whose_atoms_hold_the_electrons(drawn):
    out, report = drawn
    valence = load_radial_atoms().valence
    assert len(report["samples"]) == 2
    for entry in report["samples"]:
        density = read_chgcar(out / entry["file"])
        held = sum(valence[symbol] * int(wyckoff[:-1]) for symbol, wyckoff, _ in entry["sites"])
        assert density.electrons == pytest.approx(held, abs=1e-3)
        assert density.space_group().number == entry["space_group"] == 221
        assert entry["ok"] == (not entry["verdict"]["reasons"])
        assert entry["verdict"]["atoms"]["electrons"] == held


def test_a_second_call_goes_on_and_changes_nothing(drawn):
    out, report = drawn
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    again = write_draws(out, Settings(per_group=2), [221])
    assert again == json.loads(json.dumps(report))
    assert before == {path.name: path.read_bytes() for path in out.iterdir()}


def test_another_request_does_not_overwrite(drawn):
    out, _ = drawn
    with pytest.raises(SymfftError, match="another request"):
        write_draws(out, Settings(per_group=2, seed=7), [221])


def test_a_file_that_the_index_does_not_list_stays(drawn, tmp_path):
    _, report = drawn
    (tmp_path / report["samples"][0]["file"]).write_text("precious")
    with pytest.raises(SymfftError, match="exists already"):
        write_draws(tmp_path, Settings(per_group=1), [221])
    assert (tmp_path / report["samples"][0]["file"]).read_text() == "precious"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Wanted(composition="UO2"), "no training crystal holds U"),
        (Wanted(composition="Na7Br3"), "no structure type"),
        (Wanted(composition="nonsense"), "is not a formula"),
        (Wanted(composition="NaBr", lattice_constant=9.0), "Å is expected"),
        (Wanted(prototype="perovskite", electrons=1.0), "electrons"),
        (Wanted(prototype="no such type"), "no structure type"),
    ],
)
def test_what_cannot_be_had_is_an_error_and_nothing_is_written(wanted, text, tmp_path):
    with pytest.raises(CompositionError, match=text):
        write_draws(tmp_path / "none", Settings(per_group=1), (), wanted)
    assert not (tmp_path / "none").exists()


def test_the_command_writes_what_was_asked_for(tmp_path, capsys):
    words = ["sample", "-o", str(tmp_path), "--composition", "NaBr", "--prototype", "rock-salt", "-n", "1", "--json"]
    code = main(words)
    report = json.loads(capsys.readouterr().out)
    (entry,) = report["samples"]
    assert code == (0 if entry["ok"] else 1)
    assert entry["crystal"] == "rock-salt-NaBr"
    assert entry["verdict"]["atoms"]["found"] == "BrNa"
    assert entry["constants"][0] == pytest.approx(5.97, rel=0.05)
    assert (tmp_path / INDEX).is_file()
