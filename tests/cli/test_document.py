"""What docs/cli.md says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from crystals import crystal

from symfft.cli.parser import build_parser

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^symfft [^…\n]*?(?= \||$)", "\n".join(re.findall(r"```bash\n(.*?)```", DOCUMENT, re.S)), re.M)


@pytest.mark.parametrize("example", EXAMPLES)
def test_documented_commands_are_usage_that_the_parser_takes(example):
    assert build_parser().parse_args(shlex.split(example)[1:]).command in example


def test_documented_python_expands_a_reduced_density(save, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    density = crystal(194)
    assert run("reduce", save(density), "-o", "rho.npz")[0] == 0
    names = {}
    exec(re.search(r"```python\n(.*?)```", DOCUMENT, re.S)[1], names)
    np.testing.assert_allclose(names["rho"], density.values, rtol=1e-9)
