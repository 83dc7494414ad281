"""Write the radial densities of GPAW's PBE setups to one file: for the Python that GPAW is installed in.

``python3 setups.py OUT.npz``: ``radius`` (m,) in bohr; for every element a row of ``valence_density`` and
``core_density`` in electrons per cubic bohr (all-electron, of the free atom, spherical), ``valence`` and ``core``
electrons, largest ``cutoff`` in bohr, ``symbol``, ``fingerprint``.
"""

import sys
from pathlib import Path

import numpy as np
from gpaw import setup_paths
from gpaw.setup_data import SetupData

RADII = np.geomspace(1e-3, 12.0, 240)


def main(out):
    """Collect all plain PBE setups."""
    rows = {}
    for folder in setup_paths:
        for path in Path(folder).glob("*.PBE.gz"):
            parts = path.name.split(".")
            if len(parts) == 3:
                rows.setdefault(parts[0], SetupData(parts[0], "PBE"))
    names = ("symbol", "fingerprint", "valence", "core", "cutoff", "valence_density", "core_density")
    columns = {name: [] for name in names}
    for symbol, data in sorted(rows.items()):
        r = data.rgd.r_g
        core = data.nc_g / np.sqrt(4 * np.pi)
        valence = sum(f * phi**2 for f, phi in zip(data.f_j, data.phi_jg, strict=True) if f > 0) / (4 * np.pi)
        columns["symbol"].append(symbol)
        columns["fingerprint"].append(data.fingerprint)
        columns["valence"].append(data.Nv)
        columns["core"].append(data.Nc)
        columns["cutoff"].append(max(data.rcut_j))
        for name, density in (("core_density", core), ("valence_density", valence)):
            columns[name].append(np.interp(RADII, r, density))
    np.savez(out, radius=RADII, **{name: np.array(values) for name, values in columns.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
