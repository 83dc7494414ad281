"""Run the command `symfft` in this process on small made-up crystals."""

from __future__ import annotations

import json
import re

import pytest

from symfft.cli import main
from symfft.io import write_density

#: Said on the first run, where machine code is not kept yet.
NOTICE = re.compile(r"symfft: compiling .*\n")


@pytest.fixture
def run(capsys):
    """Run the command; return exit code, standard output and standard error."""

    def call(*arguments):
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, NOTICE.sub("", err)

    return call


@pytest.fixture
def run_json(run):
    """Run the command with --json; return exit code and the object on standard output, or a list of several."""

    def call(*arguments):
        code, out, _ = run(*arguments, "--json")
        found = [json.loads(line) for line in out.splitlines()]
        return code, found[0] if len(found) == 1 else found

    return call


@pytest.fixture
def save(tmp_path):
    """Write a density to a file and return its path."""

    def write(density, name="CHGCAR"):
        path = tmp_path / name
        write_density(path, density)
        return path

    return write
