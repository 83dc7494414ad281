"""Other people's densities as CHGCAR files, ready for `symfft-vae prepare`: `symfft-vae fetch`."""

from symfft_models.datasets.fetch.journal import Journal, Pace
from symfft_models.datasets.fetch.materials_project import fetch_materials_project
from symfft_models.datasets.fetch.parquet import fetch_parquet

__all__ = ["Journal", "Pace", "fetch_materials_project", "fetch_parquet"]
