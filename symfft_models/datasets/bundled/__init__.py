"""The set that comes with the package: its crystals, how they are computed, what it holds."""
