"""A made-up PAW result in the form that the worker leaves, of a crystal whose density is known in closed form."""

from __future__ import annotations

import numpy as np

from symfft_models.datasets.crystals import of_prototype, of_sites
from symfft_models.datasets.paw import recipe
from symfft_models.datasets.paw.density import r_comp
from symfft_models.datasets.paw.store import Setup

VALENCE = {"Mg": 10, "O": 6, "Fe": 8, "Zn": 12, "S": 6}
CUTOFF = {"Mg": 2.06, "O": 1.3, "Fe": 2.2, "Zn": 2.1, "S": 1.6}
SETTINGS = {"bands": 12, "iterations": 13, "irreducible_kpoints": 20, "cpu_seconds": 3.5, "code": "made up"}


def magnesia():
    return of_prototype("rock-salt", ["Mg", "O"], 4.2, None, "input")


def wurtzite():
    return of_sites("wurtzite", 186, "3.8 6.2", "Zn 2b 1/3 2/3 0; S 2b 1/3 2/3 0.375", "relaxed")


def iron():
    return of_sites("bcc", 229, "2.87", "Fe 2a 0 0 0", "input")


def result(crystal, *, spin=False, radius=9.0, smear=0.7, missing=1.5):
    """Job, report and arrays: Gaussians of `smear` Å at the atoms, each short of `missing` electrons."""
    job = recipe.job(crystal, 0.0, formation_ev=-1.0)
    cell = np.array(job["cell"])
    dual = 2 * np.pi * np.linalg.inv(cell).T
    reach = np.floor(radius * np.linalg.norm(cell, axis=1) / (2 * np.pi)).astype(int)
    hkl = np.stack(np.meshgrid(*[np.arange(-m, m + 1) for m in reach], indexing="ij"), -1).reshape(-1, 3)
    length = np.linalg.norm(hkl @ dual, axis=1)
    hkl, length = hkl[length <= radius], length[length <= radius]
    half = (hkl @ [10**6, 10**3, 1]) >= 0
    hkl, length = hkl[half], length[half]
    atoms = np.exp(-2j * np.pi * (hkl @ np.array(job["positions"]).T))
    soft = np.array([VALENCE[symbol] - missing for symbol in job["symbols"]])
    total = np.exp(-((length * smear) ** 2) / 2) * (atoms @ soft) / abs(np.linalg.det(cell))
    multipoles = np.zeros((1, len(soft), 9))
    multipoles[0, :, 0] = missing / np.sqrt(4 * np.pi)
    parts, moment = total[None], 0.0
    if spin:
        parts, multipoles, moment = (
            np.stack([0.6 * total, 0.4 * total]),
            np.stack([0.6, 0.4])[:, None, None] * multipoles,
            1.6,
        )
    report = SETTINGS | {
        "electrons": float(sum(VALENCE[symbol] for symbol in job["symbols"])),
        "energy_ev": -11.0,
        "free_energy_ev": -11.1,
        "reference_ev": -7000.0,
        "stress_ev_per_a3": [0.01, 0.01, 0.01, 0.0, 0.0, 0.0],
        "gap_ev": 4.7,
        "spin_polarised": spin,
        "moment": moment,
        "moments": [moment] * len(soft),
        "setups": {symbol: {"cutoff_bohr": CUTOFF[symbol]} for symbol in job["symbols"]},
    }
    arrays = {"hkl": hkl.astype(np.int16), "soft": parts.astype(np.complex64), "multipoles": multipoles}
    return job, report, arrays


def setup(symbol):
    radius = np.geomspace(1e-3, 12, 50)
    return Setup(
        symbol=symbol,
        fingerprint="0" * 32,
        valence=VALENCE[symbol],
        core=2,
        cutoff=CUTOFF[symbol],
        r_comp=r_comp(symbol, CUTOFF[symbol]),
        radius=radius,
        valence_density=np.exp(-radius).astype(np.float32),
        core_density=np.exp(-4 * radius).astype(np.float32),
    )
