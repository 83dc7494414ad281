"""The documentation names everything that is public, and its links and commands exist."""

import importlib
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

import symfft

DOCS = Path(__file__).resolve().parents[1] / "docs"
REFERENCE = (DOCS / "api" / "index.rst").read_text(encoding="utf-8")
#: Modules whose public names have pages, by the heading that their names stand under.
MODULES = ("symfft", "symfft.analysis", "symfft.plot", "symfft.view", "symfft_models.data")


def listed():
    """Full names of the objects with a page."""
    names, module = set(), ""
    for line in REFERENCE.splitlines():
        if line.startswith(".. currentmodule::"):
            module = line.split("::")[1].strip()
        elif re.fullmatch(r"   [\w.]+", line):
            names.add(f"{module}.{line.strip()}")
    return names


def attribute(name):
    """The object of a full name."""
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_page(module):
    names = importlib.import_module(module).__all__
    pages = {attribute(name) for name in listed()}
    missing = [name for name in names if getattr(importlib.import_module(module), name) not in pages]
    assert missing == []


def test_every_page_of_the_reference_is_about_something():
    for name in listed():
        assert attribute(name).__doc__, name


def test_every_error_is_explained():
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    errors = [name for name in symfft.__all__ if name.endswith("Error")]
    assert [name for name in errors if f"`{name}`" not in text and f"symfft.{name}`" not in text] == []


def test_exit_codes_are_those_of_the_commands():
    from symfft.cli import exit_codes

    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert told == {value for value in vars(exit_codes).values() if isinstance(value, int)}


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_page_can_be_reached(page):
    lines = {line for p in DOCS.glob("*.md") for line in p.read_text(encoding="utf-8").splitlines()}
    assert page.stem == "index" or any(fnmatch(page.stem, line) for line in lines if re.fullmatch(r"[\w*/-]+", line))
