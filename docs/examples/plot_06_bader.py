"""
Charges of atoms after Bader
============================

Space is divided at the surfaces that no line of steepest ascent crosses; what lies on an atom's side is its charge.
On the asymmetric unit this takes a fraction of the time, and equivalent atoms get exactly equal charges.
"""

# %%
# The valence density of AlP has all its maxima around P, as symfft says:
import numpy as np

import symfft
from symfft_models.datasets.paw import load_paw

density = load_paw().find("zincblende-AlP").density()
for note in symfft.bader(density).notes:
    print(note)

# %%
# The surfaces are to be found in a density with its cores. VASP writes AECCAR0 and AECCAR2 for this; from a
# calculation, the reference is ``symfft.read_density("AECCAR0") + symfft.read_density("AECCAR2")``. A narrow Gaussian
# at each nucleus does as well, since cores lie deep inside their basins.
x = np.stack(np.meshgrid(*(np.arange(n) / n for n in density.shape), indexing="ij"), axis=-1)
cores = np.zeros(density.shape)
for position in density.positions:
    apart = ((x - position + 0.5) % 1 - 0.5) @ density.lattice
    cores += 10 * np.exp(-(apart**2).sum(axis=-1) / 0.3**2)
found = symfft.bader(density, reference=density.with_values(density.values + cores))
print(found)

# %%
# Aluminium has given away most of its three valence electrons. Charges add up to all electrons.
valence = {13: 3, 15: 5}
for number, electrons, volume in zip(found.numbers, found.electrons, found.volumes, strict=True):
    print(f"{number}: charge {valence[number] - electrons:+.4f} e, volume {volume:.3f} Å³")
print(f"sum {found.electrons.sum():.6f} of {density.electrons:.6f} electrons")

# %%
# The part of the density that belongs to the first phosphorus, in the plane through it:
from symfft.plot import plot_planes

phosphorus = int(np.flatnonzero(density.numbers == 15)[0])
part = symfft.basin(density, phosphorus, reference=density.with_values(density.values + cores))
figure = plot_planes(part, [(0, 0, 1, density.positions[phosphorus, 2])])

# %%
# And in space:
from symfft.view import density_page

density_page(part, title="AlP, the basin of one P")
