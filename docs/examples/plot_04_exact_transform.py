"""
The exact Fourier transform
===========================

From the asymmetric unit straight to the unique structure factors, and back, without the full cell.
"""

# %%
# A density of diamond's structure, on its asymmetric unit.
import matplotlib.pyplot as plt
import numpy as np

import symfft
from symfft_models.datasets.paw import load_paw

entry = load_paw().find("diamond-Si")
density = entry.density()
group = density.space_group()
au = symfft.asymmetric_unit(group, density.shape)
values = symfft.reduce_to_au(density.values, au)

# %%
# :func:`symfft.au_dft` returns one structure factor of each class of reflections; ``au.hkl`` says which.
factors = symfft.au_dft(values, au)
print(f"{au.size} values, {len(au.hkl)} unique structure factors of {density.values.size}")

# %%
# They are those of NumPy's transform of the full cell.
full = np.fft.fftn(symfft.expand_from_au(values, au))
same = full[tuple(au.hkl.T)]
print(f"largest difference {np.abs(factors - same).max() / np.abs(same).max():.1e} of the largest factor")
print(f"and back: {np.abs(symfft.au_idft(factors, au) - values).max():.1e} e/Å³")

# %%
# Other reflections follow by phase and index, systematic absences included: (222) is the famous weak reflection of the
# diamond structure, which spherical atoms would not have; (200) is absent.
hkl = np.array([[1, 1, 1], [2, 2, 0], [3, 1, 1], [2, 2, 2], [4, 0, 0], [2, 0, 0]])
electrons = symfft.structure_factors(factors, au, hkl) * density.volume / density.values.size
for index, factor in zip(hkl, electrons, strict=True):
    print(index, f"|F| = {abs(factor):.4f} e")

# %%
# The *real view* is the same transform as a real vector of the length of `values`, orthonormal and ordered by length of
# the reflection. Its first k entries are the best low-pass with k numbers.
vector = symfft.au_real_dft(values, au)
print(vector.shape, "norm kept:", np.isclose((vector**2).sum(), (au.multiplicity * values**2).sum()))

kept = np.unique(np.geomspace(4, au.size, 30).astype(int))
errors = []
for k in kept:
    low = np.where(np.arange(au.size) < k, vector, 0.0)
    apart = symfft.au_real_idft(low, au) - values
    errors.append(np.sqrt((au.multiplicity * apart**2).sum() / density.values.size))
figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
ax.loglog(kept, np.maximum(errors, 1e-17) / values.max(), "o-", markersize=4)
ax.set(xlabel="coefficients kept", ylabel="root mean square error / peak", ylim=(1e-9, 1))
ax.grid(alpha=0.3)
plt.show()
