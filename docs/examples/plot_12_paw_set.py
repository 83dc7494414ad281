"""
The PAW densities
=================

What the package's set of PBE-PAW densities holds: which elements, which crystals, and what they look like.
"""

# %%
# The set opens at once and reads an entry when it is asked for.
import re
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm

from symfft_models.datasets.paw import load_paw

densities = load_paw()
compositions = set(densities.column("composition").tolist())
print(f"{len(densities)} densities of {len(compositions)} compounds in {len(densities.space_groups)} space groups")

# %%
# Elements, and the number of compounds of each.


compounds = Counter(symbol for name in compositions for symbol in set(re.findall("[A-Z][a-z]?", name)))
PERIODS = (
    "H                                                  He",
    "Li Be                               B  C  N  O  F  Ne",
    "Na Mg                               Al Si P  S  Cl Ar",
    "K  Ca Sc Ti V  Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr",
    "Rb Sr Y  Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I  Xe",
    "Cs Ba    Hf Ta W  Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn",
)
figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
counts = np.full((6, 18), np.nan)
for row, period in enumerate(PERIODS):
    for column in range(18):
        symbol = period[3 * column : 3 * column + 3].strip()
        if symbol:
            counts[row, column] = compounds.get(symbol, np.nan)
            axes.text(column, row - 0.15, symbol, ha="center", va="center", fontsize=8)
            axes.text(column, row + 0.25, str(compounds.get(symbol, "–")), ha="center", va="center", fontsize=6)
axes.imshow(counts, cmap="YlGnBu", norm=LogNorm(1, 4 * np.nanmax(counts)), aspect="equal")
axes.set_axis_off()
axes.set_title("compounds of the set that hold an element")
plt.show()

# %%
# One crystal of each of twelve structure types, in the plane of a + b and c through the origin: the valence density on
# a logarithmic scale, from the Fourier series, so that the picture is as fine as one likes. Where a density of this
# kind falls below zero near a nucleus the picture is white.
TYPES = ("rock-salt", "fluorite", "CsCl", "perovskite", "diamond", "zincblende", "spinel", "Laves-C15", "full-Heusler",
         "hexaboride", "anti-fluorite", "hcp")  # fmt: skip
first = {entry.prototype: entry for entry in reversed(list(densities))}
figure, panels = plt.subplots(3, 4, figsize=(8, 6), layout="constrained")
for panel, prototype in zip(panels.flat, TYPES, strict=True):
    entry = first[prototype]
    density = entry.density()
    along, up = np.meshgrid(np.linspace(0, 1, 81), np.linspace(0, 1, 61))
    plane = density.at(np.stack([along, along, up], axis=-1).reshape(-1, 3)).values.reshape(along.shape)
    width, height = np.linalg.norm(entry.lattice[0] + entry.lattice[1]), np.linalg.norm(entry.lattice[2])
    image = panel.imshow(plane, origin="lower", extent=(0, width, 0, height), cmap="viridis", norm=LogNorm(3e-3, 3))
    panel.set_title(f"{entry.composition}, {prototype}", fontsize=8)
    panel.set_axis_off()
figure.colorbar(image, ax=panels, label="e/Å³", shrink=0.6)
plt.show()

# %%
# Energies are there for every entry; where a compound is there at three volumes, a pressure as well.
print(f"computed by {densities.column('code')[0]}; {densities.column('cpu_seconds').sum() / 3600:.1f} core-hours")
pressures = densities.column("pressure_gpa")
print(f"{np.isfinite(pressures).sum()} pressures from E(V)")
