"""Relax crystals with CHGNet at fixed space group: for the Python that chgnet is installed in.

``python relax.py JOBS.jsonl RESULTS.jsonl``: one result a line, appended as it comes; what is there already is not done
again. A job holds ``id``, ``cell`` (rows, any scale), ``symbols`` and ``positions`` (fractional). The scale is taken
from covalent radii, then from the lowest energy of some volumes; then cell and positions relax together. Imports numpy,
torch, ase and chgnet only.
"""

import json
import os
import resource
import sys
import time
import warnings

import numpy as np
import torch
from ase import Atoms
from ase.constraints import FixSymmetry
from ase.data import atomic_numbers, covalent_radii
from ase.filters import FrechetCellFilter
from ase.neighborlist import neighbor_list
from ase.optimize import BFGS
from chgnet.model.dynamics import CHGNetCalculator

#: Scale factors of the length that are looked at first.
SCAN = (0.82, 0.88, 0.94, 1.0, 1.06, 1.13, 1.2)
#: Volume (Å³ per atom) from which the scan begins at least, and memory (bytes) that a crystal may take.
SMALLEST_VOLUME, MEMORY = 5.0, 8 * 2**30
#: Largest force (eV/Å) and generalised force on the cell (eV per atom) of a relaxed crystal, most steps.
FORCE, STEPS = 0.02, 60


def touching(job):
    """Atoms of a job, scaled so that the closest pair is as far apart as its covalent radii say."""
    atoms = Atoms(job["symbols"], cell=job["cell"], scaled_positions=job["positions"], pbc=True)
    radii = covalent_radii[[atomic_numbers[s] for s in job["symbols"]]]
    atoms.set_cell(atoms.cell * (4.0 * len(atoms) / atoms.get_volume()) ** (1 / 3), scale_atoms=True)
    i, j, d = neighbor_list("ijd", atoms, 5.0)
    scale = 1 / (d / (radii[i] + radii[j])).min()
    smallest = (SMALLEST_VOLUME * len(atoms) / atoms.get_volume()) ** (1 / 3)
    atoms.set_cell(atoms.cell * max(scale, smallest), scale_atoms=True)
    return atoms


def relax(job, calculator):
    """Return the relaxed crystal and its energy, ready for JSON."""
    started = time.process_time()
    atoms = touching(job)
    atoms.calc = calculator
    cell, energies = atoms.cell.copy(), []
    for scale in SCAN:
        atoms.set_cell(cell * scale, scale_atoms=True)
        energies.append(atoms.get_potential_energy())
    best = int(np.argmin(energies))
    atoms.set_cell(cell * SCAN[best], scale_atoms=True)
    atoms.set_constraint(FixSymmetry(atoms, symprec=1e-4))
    optimiser = BFGS(FrechetCellFilter(atoms), logfile=None, maxstep=0.1)
    converged = bool(optimiser.run(fmax=FORCE, steps=STEPS))
    i, j, d = neighbor_list("ijd", atoms, 5.0)
    radii = covalent_radii[atoms.numbers]
    close = (d / (radii[i] + radii[j])).min() if len(d) else np.inf
    reason = "" if converged else f"forces above {FORCE} eV/A after {STEPS} steps"
    if not 0.6 < close < 1.6:
        converged, reason = False, f"closest atoms at {close:.2f} of their covalent radii"
    return {
        "id": job["id"],
        "converged": converged,
        "reason": reason,
        "symbols": job["symbols"],
        "cell": atoms.cell.tolist(),
        "positions": atoms.get_scaled_positions(wrap=False).tolist(),
        "energy_ev_per_atom": float(atoms.get_potential_energy()) / len(atoms),
        "moments": [float(m) for m in np.atleast_1d(atoms.calc.results.get("magmoms", []))],
        "steps": optimiser.nsteps,
        "cpu_seconds": time.process_time() - started,
        "potential": f"CHGNet {calculator.model.version}",
    }


def main(jobs_path, results_path):
    """Relax all jobs that have no result yet."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    calculator = CHGNetCalculator(use_device="cpu")
    done = set()
    if os.path.exists(results_path):
        with open(results_path, encoding="utf-8") as stream:
            # a line that a kill cut short has no end
            done = {json.loads(line)["id"] for line in stream if line.endswith("\n")}
    with open(jobs_path, encoding="utf-8") as jobs, open(results_path, "a", encoding="utf-8") as results:
        for line in jobs:
            job = json.loads(line)
            if job["id"] in done:
                continue
            try:
                result = relax(job, calculator)
            except Exception as error:
                result = {"id": job["id"], "converged": False, "reason": f"{type(error).__name__}: {error}"[:200]}
            results.write(json.dumps(result) + "\n")
            results.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
