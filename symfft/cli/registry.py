"""The subcommands of `symfft`: one line each; the module of a subcommand is imported only when it is called."""

from __future__ import annotations

from importlib import import_module

from symfft.cli.command import Command

#: Name: (module and name of the :class:`Command`, what it does in one line).
COMMANDS: dict[str, tuple[str, str]] = {
    "info": ("info:INFO", "tell what files hold: cell, grid, space group, asymmetric unit, electrons"),
    "check": ("check:CHECK", "check densities against every operator of a space group"),
    "symmetrize": ("symmetrize:SYMMETRIZE", "average a density over its space group"),
    "reduce": ("reduced:REDUCE", "store a density on its asymmetric unit"),
    "expand": ("reduced:EXPAND", "bring a reduced density back to the whole grid"),
    "convert": ("convert:CONVERT", "convert between formats, grids and cells"),
    "plot": ("plot:PLOT", "draw planes of the cell and layers of the asymmetric unit"),
}


def load(name: str) -> Command:
    """Return a subcommand by its name."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    command: Command = getattr(import_module(f"symfft.cli.{module}"), attribute)
    return command
