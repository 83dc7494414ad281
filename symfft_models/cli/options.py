"""Arguments that several subcommands share, and readers of their values."""

from __future__ import annotations

import argparse
from pathlib import Path

RUN = "run folder, or a file of weights (default: the weights that come with the package)"


def add_quiet(command: argparse.ArgumentParser) -> None:
    """Add --quiet."""
    command.add_argument("--quiet", action="store_true", help="no progress bar, no report")


def add_common_to_action(action: argparse.ArgumentParser) -> None:
    """Add to an action of a subcommand what the subcommand itself takes, so that both places are right."""
    action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one line of JSON")
    action.add_argument("--quiet", action="store_true", default=argparse.SUPPRESS, help="no progress bar, no report")


def add_settings(command: argparse.ArgumentParser) -> None:
    """Add --set, and list every setting with its default in the help."""
    from symfft_models.model.config import describe_settings

    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="KEY=VALUE",
        help="change a setting, e.g. train.epochs=10; repeatable",
    )
    command.epilog = f"settings and their defaults, which presets change:\n\n{describe_settings()}\n\n{command.epilog}"


def positive(text: str) -> int:
    """Read a positive integer."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def not_negative(text: str) -> int:
    """Read an integer that is not negative."""
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {number}")
    return number


def positive_number(text: str) -> float:
    """Read a positive, finite number."""
    if not 0 < (number := float(text)) < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text}")
    return number


def number_from_zero(text: str) -> float:
    """Read a finite number that is not negative."""
    if not 0 <= (number := float(text)) < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number from 0, got {text}")
    return number


def space_group(text: str) -> int:
    """Read the number of a space group."""
    if not 1 <= (number := int(text)) <= 230:
        raise argparse.ArgumentTypeError(f"must be the number of a space group, 1 to 230, got {number}")
    return number


def folder(text: str) -> Path:
    """Read the path of a folder, which may not exist yet."""
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a file, and a folder is needed")
    return path
