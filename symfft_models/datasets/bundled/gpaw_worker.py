"""Compute one valence density with GPAW: a program of its own, for the Python that GPAW is installed in.

Usage: ``python3 gpaw_worker.py JOB.json RESULT.npz``. It imports numpy, ase and gpaw only, and talks to the rest of the
project through these two files. The job holds ``cell`` (3 rows, Å), ``symbols``, ``positions`` (fractional) and the
settings of ``generate.Recipe``. The result holds ``density`` (e/Å³, on the cell's own grid, axis order x, y, z) and
``report`` (JSON text); a self-consistency that did not converge leaves a report with ``converged = false`` and no
density. The result appears complete or not at all.
"""

import json
import os
import sys
import time

import ase
import gpaw
import numpy as np
from ase import Atoms
from gpaw import GPAW, PW, FermiDirac, KohnShamConvergenceError, Mixer


def compute(job: dict, log: str) -> tuple[dict, np.ndarray | None]:
    """Converge the ground state of a job and return its report and, where it converged, its density."""
    started = time.monotonic()
    atoms = Atoms(job["symbols"], cell=job["cell"], scaled_positions=job["positions"], pbc=True)
    atoms.calc = GPAW(
        mode=PW(job["cutoff_ev"]),
        h=job["grid_spacing"],
        setups=job["setups"],
        xc=job["xc"],
        kpts={"size": job["kpoints"], "gamma": True},
        occupations=FermiDirac(job["smearing_ev"]),
        # Negative: this many empty bands. With few, states can be missed that only turn up after many iterations.
        nbands=-job["empty_bands"],
        mixer=Mixer(beta=job["mixing"], nmaxold=5, weight=50),
        convergence={"density": job["density_convergence"]},
        # Fractional translations too: GPAW then picks a grid that the whole space group maps onto itself.
        symmetry={"symmorphic": False},
        maxiter=job["max_iterations"],
        txt=log,
    )
    report = {
        "id": job["id"],
        "converged": True,
        "code": f"GPAW {gpaw.__version__}, ASE {ase.__version__}, NumPy {np.__version__}",
    }
    try:
        atoms.get_potential_energy()
    except KohnShamConvergenceError as error:
        report.update(converged=False, reason=str(error), seconds=time.monotonic() - started)
        return report, None
    density = atoms.calc.get_pseudo_density()
    report.update(
        energy_ev=float(atoms.calc.get_potential_energy(force_consistent=False)),
        free_energy_ev=float(atoms.calc.get_potential_energy(force_consistent=True)),
        electrons=float(atoms.calc.get_number_of_electrons()),
        irreducible_kpoints=len(atoms.calc.get_ibz_k_points()),
        bands=int(atoms.calc.get_number_of_bands()),
        iterations=int(atoms.calc.get_number_of_iterations()),
        seconds=time.monotonic() - started,
    )
    return report, density


def main(job_path: str, result_path: str) -> None:
    """Run the job in ``job_path`` and put the outcome at ``result_path`` in one step."""
    with open(job_path, encoding="utf-8") as stream:
        job = json.load(stream)
    report, density = compute(job, log=result_path + ".log")
    arrays = {} if density is None else {"density": density}
    partial = result_path + ".partial"
    with open(partial, "wb") as stream:
        np.savez_compressed(stream, report=np.array(json.dumps(report)), **arrays)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, result_path)


if __name__ == "__main__":
    main(*sys.argv[1:])
