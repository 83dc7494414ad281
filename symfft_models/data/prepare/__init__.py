"""From anybody's density files to packed shards: `symfft-vae prepare`."""

from symfft_models.data.prepare.run import open_prepared, prepare, stored_entries
from symfft_models.data.prepare.standardise import Options, Outcome, prepare_file

__all__ = [
    "Options",
    "Outcome",
    "open_prepared",
    "prepare",
    "prepare_file",
    "stored_entries",
]
