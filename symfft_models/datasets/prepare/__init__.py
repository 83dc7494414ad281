"""From anybody's density files to packed shards: `symfft-vae prepare`."""

from symfft_models.datasets.prepare.preparation import is_finished, open_prepared, prepare, stored_entries
from symfft_models.datasets.prepare.prepared_set import PreparedSet
from symfft_models.datasets.prepare.standardize import Options, Outcome, prepare_file

__all__ = [
    "Options",
    "Outcome",
    "PreparedSet",
    "is_finished",
    "open_prepared",
    "prepare",
    "prepare_file",
    "stored_entries",
]
