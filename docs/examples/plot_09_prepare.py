"""
Prepare a collection
====================

From a folder of density files of any origin to one set on which models train: checked, in standard cells, on one grid
per group, on the asymmetric unit.
"""

# %%
# A folder as it might come from anywhere: two CHGCARs, the same crystal once more as a cube file in another cell, and a
# file whose end is missing.
# sphinx_gallery_thumbnail_path = "images/slices.png"
import subprocess
import sys
import tempfile
from pathlib import Path

import symfft
from symfft_models.data import DensitySet
from symfft_models.datasets.paw import load_paw

folder = Path(tempfile.mkdtemp())
entries = {name: load_paw().find(name).density() for name in ("rock-salt-MgO", "rock-salt-LiF")}
files = folder / "files"
files.mkdir()
for name, density in entries.items():
    symfft.write_chgcar(files / f"{name}.CHGCAR", density)
symfft.write_density(files / "again.cube", symfft.resample(entries["rock-salt-MgO"], (64, 64, 64)))
text = (files / "rock-salt-MgO.CHGCAR").read_text()
(files / "cut.CHGCAR").write_text(text[: len(text) // 2])


def shell(command):
    """Run a command of symfft-vae, and print it and what it prints."""
    print(f"$ symfft-vae {command}")
    done = subprocess.run(
        [sys.executable, "-m", "symfft_models.cli", *command.split()], cwd=folder, capture_output=True, text=True
    )
    print(done.stdout)
    if done.returncode > 1:
        raise RuntimeError(done.stderr)


# %%
# One command reads, checks and packs them. It can be stopped at any moment; the same command goes on.
shell("prepare files -o set")

# %%
# Nothing is dropped in silence: the ledger has a line and a reason for each file.
shell("prepare files -o set --ledger")

# %%
# What comes out are ordinary HDF5 files, which training reads directly (``--set data.path=set``).
(shard,) = (folder / "set" / "shards").glob("*.h5")
for entry in DensitySet.open(shard):
    print(
        f"{entry.id:24} {entry.space_group} {entry.shape} {entry.values.size} values, {entry.electrons:.4f} electrons"
    )
