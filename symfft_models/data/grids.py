"""Grids that a space group's densities share where a model needs one grid a group."""

#: Of the cubic cell, for the groups with most entries (docs/decisions/0003-data-format.md).
COMMON_GRIDS = {221: (36, 36, 36), 225: (56, 56, 56), 227: (64, 64, 64)}
