"""Crystals: exact operators, space groups, settings, lattices, sites and elements."""
