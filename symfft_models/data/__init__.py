"""Densities to learn from: the bundled set, its format, and the program that computes it."""

from symfft_models.data.store import DensitySet, load_bundled

__all__ = ["DensitySet", "load_bundled"]
