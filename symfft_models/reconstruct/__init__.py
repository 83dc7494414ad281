"""Anybody's density files as a few numbers and back: own cell, own grid, one latent vector and one CHGCAR each."""
