"""`symfft-vae ship`: a run's weights into the package, for maintainers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from symfft.cli.command import Command, Result
from symfft_models.cli import options


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    command.add_argument("run", type=Path, help="run folder, a file of weights, or a density model")
    command.add_argument("--name", required=True, help="name of the weights, like latent-128")
    command.add_argument("--default", action="store_true", help="use them where no run and no name is given")


def run(*, run: Path, name: str, default: bool, quiet: bool) -> Result:
    """Put a run's weights into the package."""
    from symfft import SymfftError
    from symfft_models.scattering.weights_file import is_density_model
    from symfft_models.weights import DENSITY_MODEL, ship, ship_density_model, weights_of

    if is_density_model(run):
        if name != "density-model" or default:
            raise SymfftError(f"{run} is a density model, which is shipped as --name density-model, without --default")
        return ship_density_model(run) | {"name": DENSITY_MODEL}
    return ship(weights_of(run)[0], name, default=default)


def text(result: Result) -> str:
    """Show what was entered into the index."""
    return json.dumps(result, indent=2)


SHIP = Command(arguments, run, text)
