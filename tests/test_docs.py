"""The documentation names everything that is public, and its links and commands exist."""

import argparse
import importlib
import re
import shlex
from contextlib import nullcontext
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


# ---- commands that pages show ----------------------------------------------------------------------------------------

ROOT = DOCS.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "packages" / "symfft-models" / "README.md"]
PAGES += sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)
PAGES += sorted((DOCS / "examples").glob("*.py"))
FENCED = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:#     |\$ )?(symfft(?:-vae)? [a-z].*)$", re.MULTILINE)
INLINE = re.compile(r"(?<!`)`{1,2}(symfft(?:-vae)? [a-z][^`]*)`")
PLACEHOLDER = re.compile(r"…|\.\.\.|FILE|[a-z]\|[a-z]")


def shown(page):
    """Commands of a page: those to type in whole, and those that only name a command and some of its options."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".py":
        whole = COMMAND.findall(text) + [f"symfft-vae {line}" for line in re.findall(r'^shell\("(.*)"\)$', text, re.M)]
    else:
        whole = COMMAND.findall("\n".join(FENCED.findall(text)))
    whole = [re.split(r" (?:#|\||>|2>) ?|  +", line)[0] for line in whole]
    named = [line for line in whole if PLACEHOLDER.search(line)] + INLINE.findall(FENCED.sub("", text))
    return [line for line in whole if line not in named], named


@pytest.fixture(scope="module")
def parsers():
    """The parsers of both commands."""
    from symfft.cli.parser import build_parser
    from symfft_models.cli.registry import PROGRAM

    return {"symfft": build_parser(), "symfft-vae": build_parser(program=PROGRAM)}


def subcommands(parser):
    """Parsers of the subcommands of a parser, by name."""
    return next((a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction)), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_usage_that_the_parsers_take(page, parsers):
    whole, named = shown(page)
    for line in whole:
        program, *rest = shlex.split(line)
        with nullcontext() if "--help" not in rest else pytest.raises(SystemExit, match=r"^0$"):
            parsers[program].parse_args(rest)
    for line in named:
        program, command, *rest = line.replace("…", " ").split()
        commands = subcommands(parsers[program])
        for one in command.split("|"):
            assert one in commands, line
        places = [commands[one], *subcommands(commands[one]).values()]
        known = {option for place in places for action in place._actions for option in action.option_strings}
        options = {word.rstrip(",").partition("=")[0] for word in rest if re.match(r"--\w", word)}
        assert options <= known, line


def test_pages_with_commands_are_found():
    assert sum(len(whole) for whole, _ in map(shown, PAGES)) > 60
    assert [line for line in shown(DOCS / "examples" / "plot_10_train_and_sample.py")[0] if "predict" in line] == [
        "symfft-vae predict POSCAR -o predicted"
    ]
