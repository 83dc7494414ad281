"""
First steps
===========

Read a density, find its space group, reduce it to the asymmetric unit, and go back.
"""

# %%
# A file to begin with. Any CHGCAR will do; here one of the densities that come with ``symfft[models]`` is written as
# VASP would.
import tempfile
from pathlib import Path

import numpy as np

import symfft
from symfft_models.datasets.paw import load_paw

entry = load_paw().find("rock-salt-MgO")
folder = Path(tempfile.mkdtemp())
symfft.write_chgcar(folder / "CHGCAR", entry.density())

# %%
# Reading needs no other package. In a notebook, a density shows what it holds.
density = symfft.read_chgcar(folder / "CHGCAR")
density

# %%
# The group is found from the atoms, in the cell of the file, with exact operators.
group = density.space_group()
print(group)

# %%
# The asymmetric unit lists one point of each orbit. Its *multiplicity* is the size of the orbit, so that sums over the
# cell become short sums.
au = symfft.asymmetric_unit(group, density.shape)
values = symfft.reduce_to_au(density.values, au)
print(f"{density.values.size} points, {au.size} of them independent")

electrons = (au.multiplicity * values).sum() / density.values.size * density.volume
print(f"{electrons:.6f} electrons; the file says {density.electrons:.6f}")

# %%
# Back to the cell nothing is lost but the noise by which the file breaks its symmetry.
again = symfft.expand_from_au(values, au)
print(f"largest change {np.abs(again - density.values).max():.1e} e/Å³")

# %%
# The planes that hold most bonds:
from symfft.plot import plot_planes, plot_slices

planes = plot_planes(density, log=True, isolines=8)

# %%
# Three planes of the cell, with the asymmetric unit as dots and the smallest box around it:
unit = plot_slices(density, group, log=True, isolines=8)

# %%
# And from all sides. ``density_page(density).save("page.html")`` writes such a page, and ``symfft view CHGCAR -o
# page.html`` too.
from symfft.view import density_page

density_page(density, title="MgO")
