"""The frozen cores that ``symfft bader --cores`` uses: ``python -m symfft_models.datasets.paw.cores`` writes them."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np

from symfft.basins.cores import COUNT, FILE, core_radii
from symfft.io.atomic import write_text
from symfft_models.datasets.paw.store import Setup, load_paw

#: Density (electrons per cubic bohr) that counts as none.
NONE = 1e-12


def core_line(setup: Setup) -> str:
    """Return a setup's line of the table."""
    density = np.interp(np.log(core_radii()), np.log(setup.radius), np.maximum(setup.core_density, NONE))
    values = ",".join(f"{value:.4g}" for value in np.log(density))
    return f"{setup.symbol},{setup.core},{values}"


def cores() -> str:
    """Return the table: a line of headings, and one for each element of the PAW set."""
    headings = ",".join(["element", "electrons", *(f"r{n}" for n in range(COUNT))])
    lines = [core_line(setup) for _, setup in sorted(load_paw().setups.items())]
    return "\n".join([headings, *lines, ""])


if __name__ == "__main__":
    write_text(Path(str(resources.files("symfft.basins").joinpath(FILE))), cores())
