"""
Train, predict, draw
====================

The default model is fitted in seconds. It compresses a density to 128 numbers, and generates new ones.
"""

# %%
# Training on the bundled densities of rock salt's group; in the shell it is the line after the ``$``.
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
    print(done.stdout + (done.stderr if done.returncode > 1 else ""))


shell("train --out run --set data.space_groups=[225]")

# %%
# Compounds that it has not seen, beside what simpler methods make of them with as many numbers:
shell("evaluate run --no-html --draws 0")

# %%
# A file of one's own goes through the model and back. Here it is sodium chloride.
from symfft_models.data import load_bundled

density = next(entry for entry in load_bundled() if entry.id == "rock-salt-NaCl").density()
symfft.write_chgcar(folder / "CHGCAR", density)
shell("reconstruct CHGCAR -o out --model run")

# %%
# New densities, of a wanted composition. Their symmetry and electron count are exact, which is checked on reading them
# back.
shell("sample run --group 225 --composition NaBr -n 1 -o samples")
sample = json.loads((folder / "samples" / "samples.json").read_text())["samples"][0]
generated = symfft.read_chgcar(folder / "samples" / sample["file"])
print(generated)

# %%
# How it looks:
from symfft.plot import plot_slices

figure = plot_slices(generated, generated.space_group(), log=True, isolines=8, title="generated: NaBr")
