"""The page about the transform: its numbers are those that its script prints, its Python runs, its links exist."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "fourier.md").read_text(encoding="utf-8")


def test_the_worked_example_is_what_the_script_prints():
    run = subprocess.run(
        [sys.executable, str(DOCS / "plane_group.py")], capture_output=True, check=True, env=None, encoding="utf-8"
    )
    assert f"```\n{run.stdout}```\n" in PAGE


def test_the_python_runs():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "fourier.md", "exec"), {})


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (DOCS / target).exists(), target
