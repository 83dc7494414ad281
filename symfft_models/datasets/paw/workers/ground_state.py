"""Converge one crystal with GPAW's PAW method and keep the parts that its density is made of.

For the Python that GPAW is installed in; it imports numpy, scipy, ase and gpaw only. The soft pseudo-density is summed
once more from the converged waves, on a grid that holds every frequency of their products: structure factors up to
twice the waves' largest, without the smooth core. The grid of the self-consistency may be coarser.
"""

import resource
import time

import ase
import gpaw
import numpy as np
from ase import Atoms
from ase.units import Bohr, Ha
from gpaw import GPAW, PW, FermiDirac, KohnShamConvergenceError
from gpaw.grid_descriptor import GridDescriptor
from scipy import fft

#: Grids are multiples of this, so that every fractional translation of a space group maps them onto themselves.
GRID_MULTIPLE = 12


def compute(job, log=None):
    """Return the report (dict, ready for JSON) and the arrays of a job; no arrays where it did not converge."""
    started, cpu = time.monotonic(), time.process_time()
    atoms = Atoms(job["symbols"], cell=job["cell"], scaled_positions=job["positions"], pbc=True)
    if job.get("moments"):
        atoms.set_initial_magnetic_moments(job["moments"])
    calc = GPAW(
        mode=PW(job["cutoff_ev"], force_complex_dtype=True),
        h=job.get("grid_spacing"),
        xc=job["xc"],
        setups=job.get("setups", "paw"),
        kpts={"size": job["kpoints"], "gamma": True},
        occupations=FermiDirac(job["smearing_ev"]),
        # GPAW's 0.05 takes 40 % more iterations; the densities agree to 5e-6 of the largest structure factor
        mixer={"beta": job.get("mixing", 0.25)},
        convergence={"density": job["density_convergence"]},
        symmetry={"symmorphic": False},
        maxiter=job["max_iterations"],
        txt=log,
    )
    atoms.calc = calc
    report = {
        "id": job["id"],
        "converged": True,
        "code": f"GPAW {gpaw.__version__}, ASE {ase.__version__}, NumPy {np.__version__}",
    }
    arrays = {}
    try:
        atoms.get_potential_energy()
    except KohnShamConvergenceError as error:
        report.update(converged=False, reason=str(error))
    if report["converged"]:
        summary(report, calc)
        report["stress_ev_per_a3"] = calc.get_stress(atoms).tolist()
        arrays = density_parts(calc)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    report.update(
        seconds=time.monotonic() - started, cpu_seconds=time.process_time() - cpu, memory_mb=usage.ru_maxrss / 1024
    )
    return report, arrays


def summary(report, calc):
    """Add energies, moments, gap, k-points and setups to a report."""
    setups, density = calc.setups, calc.density
    moment, moments = calc.get_magnetic_moment(), calc.get_magnetic_moments()
    report.update(
        energy_ev=float(calc.get_potential_energy(force_consistent=False)),
        free_energy_ev=float(calc.get_potential_energy(force_consistent=True)),
        # the energies of the setups' reference atoms, which GPAW's energies are relative to
        reference_ev=float(sum(setup.E for setup in setups) * Ha),
        electrons=float(setups.nvalence),
        spin_polarised=bool(density.nspins == 2),
        moment=float(moment),
        moments=[float(m) for m in moments],
        gap_ev=band_gap(calc),
        fermi_ev=float(calc.get_fermi_level()),
        irreducible_kpoints=len(calc.get_ibz_k_points()),
        bands=int(calc.get_number_of_bands()),
        iterations=int(calc.get_number_of_iterations()),
        symmetries=len(calc.wfs.kd.symmetry.op_scc),
        grid=[int(n) for n in density.gd.N_c],
        setups={
            s.symbol: {
                "fingerprint": s.fingerprint,
                "cutoff_bohr": float(max(s.rcut_j)),
                "type": s.type,
                "valence": int(s.Nv),
                "core": int(s.Nc),
            }
            for s in setups
        },
    )


def band_gap(calc):
    """Smallest distance (eV) of occupied and empty eigenvalues on the k-points used; 0 for a metal."""
    fermi, top, bottom = calc.get_fermi_level(), -np.inf, np.inf
    for spin in range(calc.get_number_of_spins()):
        values = np.array([calc.get_eigenvalues(k, spin) for k in range(len(calc.get_ibz_k_points()))])
        occupied = (values < fermi).sum(1)
        if occupied.min() != occupied.max():
            return 0.0
        top = max(top, values[:, occupied[0] - 1].max()) if occupied[0] else top
        bottom = min(bottom, values[:, occupied[0]].min()) if occupied[0] < values.shape[1] else bottom
    gap = bottom - top
    return float(gap) if np.isfinite(gap) and gap > 0 else 0.0


def density_parts(calc):
    """Return structure factors of the soft density and the atoms' multipoles.

    ``hkl`` (n, 3) int16: one of each pair of opposite reflections with |G| up to twice the waves' largest.
    ``soft`` (spins, n) complex64: F(G) = (1/N) sum n(r) exp(-i G r), electrons per cubic Angstrom.
    ``multipoles`` (spins, atoms, L) float64: D . Delta_pL, the valence part; L counts (l, m) in GPAW's order.
    ``matrices_i`` float32: the packed atomic density matrices of atom i, which give the all-electron density.
    """
    density, symmetry = calc.density, calc.wfs.kd.symmetry
    cell = calc.atoms.cell[:] / Bohr
    radius = 2 * np.sqrt(2 * calc.wfs.pd.ecut)
    largest = np.floor(radius * np.linalg.norm(cell, axis=1) / (2 * np.pi)).astype(int)
    shape = GRID_MULTIPLE * np.ceil((2 * largest + 1) / GRID_MULTIPLE).astype(int)
    grid = GridDescriptor(shape, cell)
    n_s = soft_density(calc, shape)
    for n in n_s:
        symmetry.symmetrize(n, grid)
    F_s = fft.fftn(n_s, axes=(1, 2, 3)) / np.prod(shape)
    axes = [np.arange(-m, m + 1) for m in largest]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    first = (hkl @ [0, 0, 1] > 0) | ((hkl[:, 2] == 0) & ((hkl[:, 1] > 0) | ((hkl[:, 1] == 0) & (hkl[:, 0] >= 0))))
    G = np.linalg.norm(hkl @ (2 * np.pi * np.linalg.inv(cell).T), axis=1)
    hkl = hkl[first & (radius * (1 + 1e-9) >= G)]
    arrays = {
        "hkl": hkl.astype(np.int16),
        "soft": (F_s[(slice(None), *hkl.T)] / Bohr**3).astype(np.complex64),
    }
    spins = density.nspins
    # those of the waves, as the soft density is; the self-consistency holds mixed ones
    calc.wfs.calculate_atomic_density_matrices(density.D_asp)
    largest_L = max(setup.Delta_pL.shape[1] for setup in density.setups)
    Q = np.zeros((spins, len(density.setups), largest_L))
    for a, setup in enumerate(density.setups):
        for s in range(spins):
            Q[s, a, : setup.Delta_pL.shape[1]] = density.D_asp[a][s] @ setup.Delta_pL
        arrays[f"matrices_{a}"] = np.asarray(density.D_asp[a][:spins], dtype=np.float32)
    return arrays | {"multipoles": Q}


def soft_density(calc, shape):
    """Sum occupation times |wave|^2 on a grid that holds all frequencies: (spins, *shape), electrons per cubic bohr."""
    wfs = calc.wfs
    n_s = np.zeros((wfs.nspins, *shape))
    coarse = wfs.pd.gd.N_c
    for kpt in wfs.kpt_u:
        index = np.array(np.unravel_index(wfs.pd.Q_qG[kpt.q], coarse))
        index = (index + coarse[:, None] // 2) % coarse[:, None] - coarse[:, None] // 2
        index = tuple(index % np.array(shape)[:, None])
        for f, psit_G in zip(kpt.f_n, kpt.psit_nG, strict=True):
            if f > 1e-12:
                wave = np.zeros(shape, complex)
                wave[index] = psit_G
                # GPAW's coefficients carry a factor of its number of grid points
                wave = fft.ifftn(wave, overwrite_x=True) * (np.prod(shape) / np.prod(coarse))
                n_s[kpt.s] += f * (wave.real**2 + wave.imag**2)
    return n_s
