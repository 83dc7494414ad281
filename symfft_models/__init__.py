"""Generative models of crystalline electron densities with exact space-group symmetry, built on symfft."""
