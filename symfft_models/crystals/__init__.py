"""Crystals without densities: compositions, relaxed phases, regressions over them, and draws of new ones."""
