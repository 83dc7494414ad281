r"""
The asymmetric unit, its multiplicities and repetition counts
==============================================================

What the plan of an asymmetric unit holds, drawn for a group that can be seen at a glance: P4mm, whose layers are the
plane group p4mm.
"""

# %%
# An *orbit* is the set of grid points that the operators carry into each other. Its *multiplicity* is how many there
# are; the *repetition count* R\ :sub:`m` is how many operators leave one of them in place. Their product is the order
# of the group.
import matplotlib.pyplot as plt
import numpy as np

import symfft

group = symfft.SpaceGroup.from_symbol("P 4 m m")
n = 12
au = symfft.asymmetric_unit(group, (n, n, 1))
print(f"{n * n} points, {au.size} orbits, group of order {group.order}")
for row in sorted(set(zip(au.multiplicity.tolist(), au.repetition_count.tolist(), strict=True))):
    count = int((au.multiplicity == row[0]).sum())
    print(f"{count:3} orbits of multiplicity {row[0]}: R_m = {row[1]}")

# %%
# ``au.labels`` says for each point of the grid to which orbit it belongs. Points of one colour are one orbit; the white
# ones are the asymmetric unit, one of each orbit, and the box around them is the *brick*.
labels = au.labels.reshape(n, n)
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
order = np.random.default_rng(3).permutation(au.size)
left.imshow(order[labels].T, origin="lower", cmap="turbo")
left.plot(*au.indices[:, :2].T, "o", color="white", markeredgecolor="black")
(x, y, _), (width, height, _) = au.brick_origin, au.brick_shape
left.add_patch(plt.Rectangle((x - 0.5, y - 0.5), width, height, fill=False, edgecolor="black", linewidth=2))
left.set(title="orbits", xlabel="along a", ylabel="along b")
image = right.imshow(au.repetition_count[labels].T, origin="lower", cmap="viridis")
right.set(title="repetition count $R_m$: order of the site symmetry", xlabel="along a", ylabel="along b")
figure.colorbar(image, ax=right, ticks=[1, 2, 4, 8])
plt.show()

# %%
# R\ :sub:`m` is 1 in general position, 2 on a mirror plane, 4 or 8 on an axis. It is what turns sums over the unit into
# sums over the cell: :math:`\sum_\text{cell} f = \sum_m \text{multiplicity}_m f_m = |G| \sum_m f_m / R_m`.
f = symfft.symmetrize(np.random.default_rng(0).random((n, n, 1)), group)
values = symfft.reduce_to_au(f, au)
print(f.sum(), (au.multiplicity * values).sum(), group.order * (values / au.repetition_count).sum())

# %%
# How much smaller the unit is depends on the group and, through special positions, on the grid:
for number in (1, 2, 14, 62, 166, 194, 225, 227):
    group = symfft.SpaceGroup.from_number(number)
    shape = symfft.next_compatible_shape(group, (48, 48, 48))
    au = symfft.asymmetric_unit(group, shape)
    points = int(np.prod(shape))
    print(
        f"{group.symbol:12} order {group.order:3}: {points:7} points, {au.size:6} independent, 1/{points / au.size:.1f}"
    )
