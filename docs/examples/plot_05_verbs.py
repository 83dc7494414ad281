"""
Averages, potentials, integrals
===============================

What is done with a density every day is a method of :class:`symfft.Density`. They act on the Fourier series of
the density, without interpolation or finite differences, and on its asymmetric unit where they keep the symmetry.
"""

# %%
# Rock salt's LiF, along the line from one Li through F to the next, and the average over planes across c:
import matplotlib.pyplot as plt
import numpy as np

from symfft_models.datasets.paw import load_paw

density = load_paw().find("rock-salt-LiF").density()
line = density.profile([0, 0, 0], [1, 0, 0], 301)
planes = density.average("c")
smooth = density.average("c", window=density.lattice[2, 2] / 2)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
left.plot(line.distance, line.values)
left.set(xlabel="along a (Å)", ylabel="ρ (e/Å³)", title="profile")
right.plot(planes.distance, planes.values, label="planar")
right.plot(smooth.distance, smooth.values, label="macroscopic, one layer wide")
right.set(xlabel="along c (Å)", title="averages")
right.legend()
plt.show()

# %%
# Electrons in spheres around the atoms, exactly for the series:
spheres = density.integrate_atoms({"Li": 0.7, "F": 1.3})
for number, electrons in zip(density.numbers, spheres.values, strict=True):
    print(number, f"{electrons:.4f} e")

# %%
# Hartree potential and Laplacian are densities again, of another kind, and exact derivatives satisfy their equation:
# Poisson's says that the Laplacian of the potential is the density less its mean, times a constant.
potential = density.hartree_potential()
source = potential.laplacian()
constant = 4 * np.pi * 14.399645  # e²/ε₀ in eV Å
error = source.values + constant * (density.values - density.values.mean())
print(f"Poisson's equation holds to {np.abs(error).max() / np.abs(source.values).max():.1e}")

# %%
# Where the Laplacian of the density is negative, electrons gather: around F.
from symfft.plot import plot_slices

laplacian = density.laplacian()
figure = plot_slices(laplacian, at=(0, 0, 0), isolines=7, title="Laplacian of ρ")

# %%
# Two densities in one cell subtract with a minus sign. What happens to LiF when it is stretched, seen in
# fractional coordinates:
stretched = load_paw().find("rock-salt-LiF-relaxed-a1.03").density(density.shape)
print(f"lattice constants {density.lattice[0, 0]:.3f} and {stretched.lattice[0, 0]:.3f} Å")
inside = density.with_values(stretched.values * stretched.volume / density.volume)
difference = inside - density
print(difference)
figure = plot_slices(difference, at=(0, 0, 0), isolines=7, title="stretched less relaxed")
