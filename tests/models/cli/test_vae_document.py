"""docs/cli.md says every command of symfft-vae, and every example of it is one that the parser takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from symfft.cli.parser import build_parser
from symfft_models.cli.registry import PROGRAM

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", DOCUMENT, flags=re.DOTALL)
EXAMPLES = [line.partition("|")[0] for block in BLOCKS for line in block.splitlines() if line.startswith("symfft-vae ")]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_what_the_parser_takes(example):
    build_parser(program=PROGRAM).parse_args(shlex.split(example)[1:])


def test_every_command_has_its_section_and_an_example():
    sections = re.findall(r"^## (\w+)$", DOCUMENT.partition("# The command `symfft-vae`")[2], flags=re.MULTILINE)
    assert sorted(sections) == sorted(PROGRAM.commands)
    assert {example.split()[1] for example in EXAMPLES} == set(PROGRAM.commands)
