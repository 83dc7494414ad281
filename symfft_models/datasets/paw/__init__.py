"""PAW densities: candidates, their computation, the packed set and its reader."""

from symfft_models.datasets.paw.density import compensation, r_comp, shape_function, shape_transform
from symfft_models.datasets.paw.entry import PawEntry
from symfft_models.datasets.paw.store import PawSet, Setup, load_paw, paw_path, write_paw

__all__ = [
    "PawEntry",
    "PawSet",
    "Setup",
    "compensation",
    "load_paw",
    "paw_path",
    "r_comp",
    "shape_function",
    "shape_transform",
    "write_paw",
]
