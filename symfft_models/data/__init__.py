"""Sets of densities: entries, the packed file, the split."""

from symfft_models.data.store import DensitySet

__all__ = ["DensitySet"]
