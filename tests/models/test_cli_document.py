"""docs/cli.md says every command of symfft-vae, and every example of it is one that the parser takes."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from symfft_models.cli import build_parser

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", DOCUMENT, flags=re.DOTALL)
EXAMPLES = [line.partition("|")[0] for block in BLOCKS for line in block.splitlines() if line.startswith("symfft-vae ")]


def commands() -> list[str]:
    (actions,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return list(actions.choices)


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_what_the_parser_takes(example):
    build_parser().parse_args(shlex.split(example)[1:])


def test_every_command_has_its_section_and_an_example():
    sections = re.findall(r"^## (\w+)$", DOCUMENT.partition("# The command `symfft-vae`")[2], flags=re.MULTILINE)
    assert sorted(sections) == sorted(commands())
    assert {example.split()[1] for example in EXAMPLES} == set(commands())
