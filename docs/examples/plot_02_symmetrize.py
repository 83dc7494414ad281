"""
Mend a density that broke its symmetry
======================================

Coarse k-point meshes, interpolation and files with few digits leave a density that is only nearly symmetric. This
example measures by how much, mends it, and shows what must not be mended.
"""

# %%
# A silicon density, damaged twice: with noise everywhere, and with a bump at one of its atoms.
import tempfile
from pathlib import Path

import numpy as np

import symfft
from symfft_models.datasets.paw import load_paw

entry = load_paw().find("diamond-Si")
density = entry.density()
rng = np.random.default_rng(0)
noisy = density.with_values(density.values + 1e-4 * density.values.max() * rng.standard_normal(density.shape))
folder = Path(tempfile.mkdtemp())
symfft.write_chgcar(folder / "CHGCAR.broken", noisy)
print(density)

# %%
# :func:`symfft.check_symmetry` tells the residual of every operator, relative to the largest value.
broken = symfft.read_chgcar(folder / "CHGCAR.broken")
group = broken.space_group()
report = symfft.check_symmetry(broken.values, group)
print(f"{group.symbol}: largest residual {report.largest_residual:.1e}")
print("symmetric within 1e-3:", report.is_symmetric(1e-3))

# %%
# :func:`symfft.symmetrize` averages each orbit: the nearest density, in the sense of least squares, that has the
# symmetry. With n points in an orbit the noise falls by a factor √n.
mended = broken.with_values(symfft.symmetrize(broken.values, group))
before = np.sqrt(np.mean((broken.values - density.values) ** 2))
after = np.sqrt(np.mean((mended.values - density.values) ** 2))
print(f"root mean square error {before:.1e} before, {after:.1e} after")
print(f"largest residual {symfft.check_symmetry(mended.values, group).largest_residual:.1e}")
print(f"electrons {broken.electrons:.6f} before, {mended.electrons:.6f} after")

# %%
# The error in one plane, before and after:
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
limit = np.abs(broken.values - density.values).max()
for ax, one, title in zip(axes, (broken, mended), ("before", "after"), strict=True):
    error = one.values[0] - density.values[0]
    image = ax.imshow(error.T, origin="lower", cmap="coolwarm", vmin=-limit, vmax=limit)
    ax.set(title=f"error {title}", xlabel="b", ylabel="c", xticks=[], yticks=[])
figure.colorbar(image, ax=axes, label="e/Å³")
plt.show()

# %%
# Not every broken symmetry is noise. One atom's neighbourhood changed on purpose breaks half of the operators by far;
# reducing such a density is refused, and the error says which operator is broken.
bump = noisy.values.copy()
bump[0, 0, 0] *= 2
try:
    symfft.reduce_to_au(bump, symfft.asymmetric_unit(group, density.shape))
except symfft.NotSymmetricError as error:
    print(error)

# %%
# The same on the command line::
#
#     symfft check CHGCAR.broken
#     symfft symmetrize CHGCAR.broken -o CHGCAR
