"""Crystals: exact operators, space groups, settings, lattices, sites and elements."""

from symfft.crystal import standard_setting as standard_setting  # SpaceGroup.from_structure
