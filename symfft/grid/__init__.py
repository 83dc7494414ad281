"""Grids: their shapes, orbits of points, asymmetric units of orbits, and symmetry of values on them."""
