"""`symfft-vae reconstruct`: density files through a model and back."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from symfft.cli import exit_codes
from symfft.cli.command import Command, Result
from symfft.cli.options import symprec as displacement
from symfft_models.cli import options


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    add = command.add_argument
    add("files", type=Path, nargs="+", metavar="FILE", help="CHGCARs, any format symfft reads, or NAME.latent.npz")
    add("-o", "--out", type=options.folder, required=True, help="folder for latents and CHGCARs")
    add(
        "--model",
        type=Path,
        metavar="MODEL",
        help="density model, run folder or weights of a codec (default: the density model that comes with the package "
        "where it has learned the file's atoms, else its codec)",
    )
    add("--floats", type=options.positive, metavar="N", help="latent numbers of the density model (default: 128)")
    add("--symprec", type=displacement, default=1e-3, help="largest displacement in Å (default: 0.001)")
    add("--force", action="store_true", help="replace files that exist")


def run(
    *,
    files: Sequence[Path],
    out: Path,
    model: Path | None,
    floats: int | None,
    symprec: float,
    force: bool,
    quiet: bool,
    tell: Callable[[str], None],
) -> Result:
    """Encode and decode density files."""
    from symfft_models.reconstruct.run import format_line, reconstruct_files

    def tell_entry(entry: dict[str, Any]) -> None:
        if "error" in entry:
            print(f"symfft-vae: error: {format_line(entry)}", file=sys.stderr, flush=True)
        elif not quiet:
            tell(format_line(entry))

    return reconstruct_files(model, files, out, floats=floats, symprec=symprec, force=force, tell=tell_entry)


def text(result: Result) -> str:
    """Print nothing: every file had its line when it was done."""
    return ""


def code(result: Result) -> int:
    """Fail where a file could not be read."""
    return exit_codes.FAILED if result["failures"] else exit_codes.DONE


RECONSTRUCT = Command(arguments, run, text, tells=True, code=code)
