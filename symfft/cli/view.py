"""`symfft view`: an interactive page of one density, or of two and their difference."""

from __future__ import annotations

import argparse
from pathlib import Path

from symfft.cli import files, options, words
from symfft.cli.command import Command, Result
from symfft.errors import SymfftError

PAGES = (".html", ".htm")


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_file(command)
    command.add_argument("other", metavar="FILE2", nargs="?", help="density in the same cell to compare with the first")
    options.add_output(command, "page to write: *.html, complete in one file")
    command.add_argument("--title", default="", help="title of the page (default: name, composition and grid)")


def run(file: str, output: str, *, other: str | None, reading: files.Reading, title: str, force: bool) -> Result:
    """Write an interactive page."""
    from symfft.view import density_page

    files.require_new(output, force)
    if Path(output).suffix.lower() not in PAGES:
        raise SymfftError(f"{output}: the name must end in {' or '.join(PAGES)}")
    density, _ = files.load(file, reading)
    second = None if other is None else files.load(other, reading)[0]
    names = (file, other or "")
    if other is not None and Path(file).name != Path(other).name:
        names = (Path(file).name, Path(other).name)
    facts = [" and ".join(Path(one).name for one in (file, other) if one), files.formula(density)]
    title = title or ", ".join(filter(None, [*facts, words.shape(density.shape)]))
    page = density_page(density, second, title=title, names=names)
    page.save(output)
    return {"file": file, "other": other, "output": output, "bytes": len(page.html.encode()), "notes": list(page.notes)}


def text(result: Result) -> str:
    """Return what was written."""
    return "\n".join([f"{result['output']} ({result['bytes'] / 1e6:.1f} MB)", *words.notes(result)])


VIEW = Command(arguments, run, text)
