"""Densities to learn from: the bundled set, its format, and the program that computes it."""
