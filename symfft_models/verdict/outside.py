"""Steps that another program takes, each in a Python of its own: DFT by GPAW, energies by a potential.

Both work through files in a folder, so that they can be run elsewhere, stopped, and gone on with: ``gpaw/queue`` and
``gpaw/results`` are those of ``datasets/paw/workers/run.py``, ``potential/jobs.jsonl`` and ``potential/results.jsonl``
those of ``datasets/paw/workers/relax.py``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from symfft import Density, SpaceGroup, SymfftError
from symfft_models.crystals.phases import lowest_mixture
from symfft_models.crystals.relaxed import POTENTIAL, Relaxed, formation_energy
from symfft_models.datasets.crystals import Crystal, scaled
from symfft_models.datasets.paw import PawEntry, recipe
from symfft_models.datasets.paw.candidates import relaxation_job, relaxed
from symfft_models.datasets.paw.pack import GPA, RejectedResultError, entry_of
from symfft_models.datasets.paw.work_files import (
    WorkFileError,
    failure_reason,
    read_lines,
    read_result,
    write_lines,
)
from symfft_models.verdict.from_density import nmae

#: Environment variables that name the interpreters.
ENGINE_PYTHON, POTENTIAL_PYTHON = "SYMFFT_GPAW_PYTHON", "SYMFFT_CHGNET_PYTHON"
#: Factors of the lattice constants at which E(V) is computed beside the crystal itself.
FACTORS = (0.985, 1.015)
#: Energy (eV per atom) above competing phases up to which a crystal is called stable.
STABLE = 0.1


class NotInstalledError(SymfftError):
    """A program that a step needs is not there."""


def interpreter(given: str | None, variable: str, module: str) -> str:
    """Return the Python that a step runs in, after a look whether it has the module.

    Raises
    ------
    NotInstalledError
        If none is named, or it cannot import the module.
    """
    path = given or os.environ.get(variable)
    if not path:
        raise NotInstalledError(f"no Python with {module} is named: give it by the option, or by {variable}")
    try:
        subprocess.run([path, "-c", f"import {module}"], check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotInstalledError(f"{path} cannot import {module}") from error
    return path


def gpaw_jobs(crystals: Sequence[Crystal], folder: Path, *, volumes: bool) -> list[str]:
    """Write what GPAW is to compute; return the names of the jobs."""
    jobs, names = [], []
    for order, crystal in enumerate(crystals):
        copies = [crystal, *(scaled(crystal, factor) for factor in FACTORS)] if volumes else [crystal]
        for place, copy in enumerate(copies):
            # one set of k-points for all volumes: another one would shift the energies against each other
            jobs.append(
                recipe.job(copy, order + 1000.0 * place) | {"kpoints": recipe.kpoints(crystal.cell(primitive=True)[0])}
            )
            names.append(copy.id)
    write_lines(folder / "gpaw" / "queue" / "jobs.jsonl", jobs)
    return names


def run_gpaw(python: str, folder: Path, cpu_limit: float, minutes: float | None = None) -> None:
    """Work through the queue; what is done already is not done again, and nothing is begun after some minutes."""
    words = [python, _worker("run.py"), str(folder / "gpaw"), "--jobs", "1", "--cpu-limit", str(cpu_limit)]
    _run(words if minutes is None else [*words, "--minutes", str(minutes)])


def gpaw_result(crystal: Crystal, folder: Path) -> PawEntry | str:
    """Return the density that GPAW found for a crystal, or why there is none."""
    result, failure = (folder / "gpaw" / name for name in (f"results/{crystal.id}.npz", f"failures/{crystal.id}.json"))
    try:
        if result.exists():
            return entry_of(*read_result(result))
        return failure_reason(failure) if failure.exists() else "not computed yet"
    except (RejectedResultError, WorkFileError) as error:
        return str(error)


def recheck(density: Density, crystal: Crystal, folder: Path) -> dict[str, Any]:
    """Compare a density with what GPAW found for its crystal.

    Returns
    -------
    dict
        ``nmae`` (%); ``pressure_gpa``, ``bulk_modulus_gpa`` and ``equilibrium_a_percent``, how far the lattice
        constants are from those of the lowest energy, from E(V), where other volumes are there;
        ``not_possible``, by step.
    """
    found = gpaw_result(crystal, folder)
    if isinstance(found, str):
        return {"not_possible": {"recheck": f"GPAW: {found}"}}
    result: dict[str, Any] = {"nmae": nmae(density.values, found.values(density.shape)), "not_possible": {}}
    result["gap_ev"] = found.metadata["gap_ev"]
    copies = [gpaw_result(scaled(crystal, factor), folder) for factor in FACTORS]
    known = [found, *(copy for copy in copies if not isinstance(copy, str))]
    if len(known) < 3:
        result["not_possible"]["pressure"] = "GPAW: fewer than three volumes are there"
        return result
    volumes = [abs(float(np.linalg.det(entry.lattice))) for entry in known]
    energies = [entry.metadata["energy_ev"] for entry in known]
    curve = np.polynomial.Polynomial.fit(volumes, energies, 2)
    result["pressure_gpa"] = -GPA * float(curve.deriv()(volumes[0]))
    result["equilibrium_a_percent"] = _length_to_vertex(curve, volumes[0])
    result["bulk_modulus_gpa"] = GPA * volumes[0] * float(curve.deriv(2)(volumes[0]))
    return result


def _length_to_vertex(curve: np.polynomial.Polynomial, volume: float) -> float:
    """Change (%) of the lattice constants from a volume to that of the lowest energy; NaN where there is none."""
    slope, curvature = float(curve.deriv()(volume)), float(curve.deriv(2)(volume))
    lowest = volume - slope / curvature if curvature > 0 else float("nan")
    return 100 * float(np.cbrt(lowest / volume) - 1) if lowest > 0 else float("nan")


def potential_jobs(crystals: Sequence[Crystal], folder: Path) -> None:
    """Write what the potential is to relax."""
    (folder / "potential").mkdir(parents=True, exist_ok=True)
    jobs = [relaxation_job(replace(crystal, constants=_unit(crystal.constants))) for crystal in crystals]
    write_lines(folder / "potential" / "jobs.jsonl", jobs)


def in_reference_setting(crystal: Crystal, group: SpaceGroup) -> bool:
    """Whether a group is the one of its number in the reference setting, in which the workers' jobs are written."""
    own, reference = ({*g.triplets} for g in (group, SpaceGroup.from_number(crystal.space_group)))
    return own == reference


def _unit(constants: Any) -> Any:
    a, b, c, *angles = constants
    return (1.0, b / a, c / a, *angles)


def run_potential(python: str, folder: Path) -> None:
    """Relax all jobs that have no result."""
    lines = [str(folder / "potential" / name) for name in ("jobs.jsonl", "results.jsonl")]
    _run([python, _worker("relax.py"), *lines])


def stability(crystal: Crystal, folder: Path) -> dict[str, Any]:
    """Return energies of a crystal as the potential relaxed it.

    Returns
    -------
    dict
        ``formation_ev`` and ``above_phases_ev`` (eV per atom: against the elements, and against the lowest mixture of
        all relaxed crystals of its elements), the ``phases`` of that mixture, ``stable``, and how much the relaxation
        changed the lattice constant (``relaxed_a_percent``); ``not_possible`` by step.
    """
    try:
        results = {r.get("id"): r for r in read_lines(folder / "potential" / "results.jsonl")}
        if crystal.id not in results:
            return {"not_possible": {"stability": f"{POTENTIAL}: not computed yet"}}
        after = relaxed(crystal, results[crystal.id])
        item = Relaxed(after, float(results[crystal.id]["energy_ev_per_atom"]))
    except (WorkFileError, LookupError, TypeError, ValueError) as error:
        return {"not_possible": {"stability": f"{POTENTIAL}: {error}"}}
    energy, phases = lowest_mixture(item.amounts)
    above = item.energy - energy
    return {
        "potential": POTENTIAL,
        "formation_ev": formation_energy(item.amounts, item.energy),
        "above_phases_ev": above,
        "phases": phases,
        "stable": bool(above <= STABLE),
        "relaxed_a_percent": 100 * (after.constants[0] / crystal.constants[0] - 1),
        "not_possible": {},
    }


def _worker(name: str) -> str:
    return str(resources.files("symfft_models.datasets.paw").joinpath("workers", name))


def _run(words: list[str]) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SymfftError(f"{Path(words[1]).name} ended with exit status {done.returncode}: {done.stderr[-300:]}")
