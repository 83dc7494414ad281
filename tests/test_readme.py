"""The README's Python runs as it stands, on a computed density."""

import re
from pathlib import Path

import pytest

from symfft import check_symmetry, read_chgcar, write_chgcar
from symfft_models.datasets.paw import load_paw

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_example(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    entry = load_paw().select(225)[0]
    write_chgcar("CHGCAR", entry.density())
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    exec(compile(code, "README.md", "exec"), {})
    assert "points" in capsys.readouterr().out
    again = read_chgcar("CHGCAR.symmetric")
    assert again.electrons == pytest.approx(entry.electrons, abs=1e-6)
    assert check_symmetry(again.values, entry.space_group).is_symmetric(1e-9)


RAW = "https://raw.githubusercontent.com/symfft/symfft/main/"


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    for target in targets:
        if target.startswith(RAW) or not target.startswith("https://"):
            assert (README.parent / target.removeprefix(RAW)).exists(), target
    assert any(target.startswith(RAW) and target.endswith(".png") for target in targets)  # the picture, on PyPI as well


def test_sizes_of_the_set_are_those_of_the_package():
    densities = load_paw()
    compounds = len(set(densities.column("composition")))
    assert f"{len(densities)} densities of {compounds} compounds" in README.read_text(encoding="utf-8")
