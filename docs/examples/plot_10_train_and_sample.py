"""
Train, predict, draw
====================

The default model is fitted in seconds. It compresses a density to 128 numbers, and generates new ones.
"""

# %%
# Training on the package's densities of rock salt's group; in the shell it is the line after the ``$``.
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import symfft

folder = Path(tempfile.mkdtemp())


def shell(command):
    """Run a command of symfft-vae, and print it and what it prints."""
    print(f"$ symfft-vae {command}")
    done = subprocess.run(
        [sys.executable, "-m", "symfft_models.cli", *command.split()], cwd=folder, capture_output=True, text=True
    )
    print(done.stdout)
    if done.returncode > 1:
        raise RuntimeError(done.stderr)


shell("train --out run --set data.space_groups=[225]")

# %%
# Compounds that it has not seen, beside what simpler methods make of them with as many numbers:
shell("evaluate run --no-html --draws 0")

# %%
# A file of one's own goes through the model and back. Here it is lithium fluoride.
from symfft_models.datasets.paw import load_paw

density = load_paw().find("rock-salt-LiF").density()
symfft.write_chgcar(folder / "CHGCAR", density)
shell("reconstruct CHGCAR -o out --model run")

# %%
# The density of a crystal that nobody has computed, from its structure alone; `predict` has a model of its own, fitted
# to PAW densities, and says how far it expects to be off.
(folder / "POSCAR").write_text(
    "NaBr\n1.0\n5.97 0 0\n0 5.97 0\n0 0 5.97\nNa Br\n4 4\nDirect\n"
    "0 0 0\n0 .5 .5\n.5 0 .5\n.5 .5 0\n.5 .5 .5\n.5 0 0\n0 .5 0\n0 0 .5\n"
)
shell("predict POSCAR -o predicted")

# %%
# New crystals: here the composition is given, and the structure type and the lattice constant are drawn. Symmetry and
# electron count of their densities are exact, which is checked on reading them back.
shell("sample --group 225 --composition NaBr -n 1 -o samples")
sample = json.loads((folder / "samples" / "samples.json").read_text())["samples"][0]
generated = symfft.read_chgcar(folder / "samples" / sample["file"])
print(generated)

# %%
# How it looks:
from symfft.plot import plot_planes

figure = plot_planes(generated, log=True, isolines=8)
