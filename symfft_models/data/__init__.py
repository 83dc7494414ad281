"""Sets of densities: entries, the packed file, the split."""

from symfft_models.data.store import DensitySet, load_bundled

__all__ = ["DensitySet", "load_bundled"]
