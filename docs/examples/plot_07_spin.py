r"""
Spin densities and their symmetry
=================================

A magnetization does not have the symmetry of the atoms: some operators reverse it. symfft finds the sign of each
operator, and symmetrises with it.
"""

# %%
# A model of rutile MnF₂, an antiferromagnet: two Mn with opposite moments in P4₂/mnm. Charge and magnetization are
# Gaussians, with a little noise as from a calculation.
import numpy as np

import symfft

lattice = np.diag([4.87, 4.87, 3.31])
u = 0.305
sites = (
    np.array([[0, 0, 0], [0.5, 0.5, 0.5], [u, u, 0], [-u, -u, 0], [0.5 + u, 0.5 - u, 0.5], [0.5 - u, 0.5 + u, 0.5]]) % 1
)
numbers = np.array([25, 25, 9, 9, 9, 9])
shape = (48, 48, 32)
grid = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1)


def gaussian(site, electrons, width, stretch=0.0):
    """A Gaussian with the number of electrons, drawn out along the Mn-F bonds of its site."""
    apart = ((grid - site + 0.5) % 1.0 - 0.5) @ lattice
    along = (apart[..., 0] + (1 if site[2] == 0 else -1) * apart[..., 1]) / np.sqrt(2)
    values = np.exp(-((apart**2).sum(axis=-1) - stretch * along**2) / width**2)
    return electrons * values / values.mean() / np.linalg.det(lattice)


charge = sum(gaussian(site, e, w) for site, e, w in zip(sites, [7, 7, 7, 7, 7, 7], [0.5, 0.5] + [0.6] * 4, strict=True))
moment = gaussian(sites[0], 4.6, 0.45, 0.3) - gaussian(sites[1], 4.6, 0.45, 0.3)
rng = np.random.default_rng(0)
noise = 1e-5 * charge.max() * rng.standard_normal((2, *shape))
density = symfft.Density(charge + noise[0], lattice, sites, numbers, magnetization=moment + noise[1])
group = density.space_group()
density

# %%
# The charge has all operators of the group, the magnetization changes its sign under half of them.
print(group.symbol, "charge:", symfft.check_symmetry(density.values, group).is_symmetric(1e-3))
report = symfft.check_symmetry(density.magnetization, group)
print("signs:", "".join("+" if sign > 0 else "−" for sign in report.signs))
for operator in report.operators[:6]:
    print(f"{operator.triplet:24} {operator.sign:+d}  residual {operator.residual:.1e}")

# %%
# The operators with + are the group of each sublattice. Averaging over the group without signs would erase the
# magnetization; with them it removes the noise.
plain = symfft.symmetrize(density.magnetization, group)
signed = symfft.symmetrize(density.magnetization, group, signs=report.signs)
print(f"without signs: largest value {np.abs(plain).max():.1e}; with signs: {np.abs(signed).max():.3f} μB/Å³")
print(f"noise {np.std(density.magnetization - moment):.1e} before, {np.std(signed - moment):.1e} after")

# %%
# ``symfft symmetrize`` finds the signs by itself. A picture of the magnetization has zero in the middle of its colours;
# this is the plane of both sublattices:
from symfft.plot import plot_planes

mended = density.with_values(symfft.symmetrize(density.values, group), signed)
figure = plot_planes(mended, [(1, -1, 0)], quantity="magnetization", isolines=10)

# %%
# In the page, choose *magnetization* for both of its surfaces.
from symfft.view import density_page

density_page(mended, title="MnF₂, a model")
