"""Structure factors of maps by cctbx, in a process of its own: it traps floating-point errors of everything around it.

python ask_cctbx.py QUESTIONS.npz ANSWERS.npz

For each n: arrays n.triplets, n.cell, n.rho and n.d_min in; n.hkl, n.f, n.multiplicity, n.centric, n.angle and n.d out.
"""

import sys

import numpy as np
from cctbx import crystal, miller, sgtbx
from cctbx.array_family import flex


def answer(triplets, cell, rho, d_min):
    group = sgtbx.space_group()
    for triplet in triplets:
        group.expand_smx(sgtbx.rt_mx(str(triplet)))
    symmetry = crystal.symmetry(unit_cell=tuple(map(float, cell)), space_group=group)
    unique = miller.build_set(symmetry, anomalous_flag=False, d_min=float(d_min)).map_to_asu()
    grid = flex.double(np.ascontiguousarray(rho).ravel())
    grid.reshape(flex.grid(rho.shape))
    return {
        "hkl": np.array(unique.indices()),
        "f": np.array(unique.structure_factors_from_map(grid, in_place_fft=False).data()),
        "multiplicity": np.array(unique.multiplicities().data()),
        "centric": np.array(unique.centric_flags().data()),
        "angle": np.array([group.phase_restriction(h).ht_angle() for h in unique.indices()]),
        "d": np.array(unique.d_spacings().data()),
    }


def main():
    with np.load(sys.argv[1]) as questions:
        numbers = sorted({name.split(".")[0] for name in questions})
        answers = {n: answer(*(questions[f"{n}.{k}"] for k in ("triplets", "cell", "rho", "d_min"))) for n in numbers}
    np.savez(sys.argv[2], **{f"{n}.{k}": v for n, one in answers.items() for k, v in one.items()})


if __name__ == "__main__":
    main()
