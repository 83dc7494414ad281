"""Bader's partition of a density into the basins of its maxima, with symmetry."""
