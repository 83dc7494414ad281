"""From anybody's density files to packed shards: `python -m symfft_models.data.prepare`."""

from symfft_models.data.prepare.command import add_prepare_arguments, run_prepare
from symfft_models.data.prepare.run import open_prepared, prepare, stored_entries
from symfft_models.data.prepare.standardise import Options, Outcome, prepare_file

__all__ = [
    "Options",
    "Outcome",
    "add_prepare_arguments",
    "open_prepared",
    "prepare",
    "prepare_file",
    "run_prepare",
    "stored_entries",
]
