"""From the results of a run to a packed set: each is checked, reduced to unique reflections, and stored as parts.

``python -m symfft_models.datasets.paw.pack FOLDER [--out FILE]`` packs the results of a work folder (``results/*.npz``,
``failures/*.json``, ``setups.npz``; see ``workers/run.py``).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import SpaceGroup, SymfftError
from symfft.io.npz import read_npz
from symfft_models.data.entry import Site
from symfft_models.data.split import split_of
from symfft_models.datasets.crystals import Crystal, listed_name
from symfft_models.datasets.lattice_sources import lattice_source
from symfft_models.datasets.paw import recipe
from symfft_models.datasets.paw.candidates import table
from symfft_models.datasets.paw.density import r_comp
from symfft_models.datasets.paw.entry import PawEntry
from symfft_models.datasets.paw.reflections import expand_reflections, reduce_reflections
from symfft_models.datasets.paw.store import PawSet, Setup, paw_path, write_paw
from symfft_models.datasets.paw.twins import twins
from symfft_models.datasets.paw.work_files import WorkFileError, failure_reason, read_result

#: Largest accepted difference between a structure factor and its symmetry average, relative to the largest of all.
SYMMETRY_TOLERANCE = 1e-5
#: Largest accepted error of the computed number of electrons, relative.
ELECTRON_TOLERANCE = 1e-6
#: Moment (Bohr magnetons per cell) below which a spin-polarised result counts as not magnetic.
MAGNETIC = 0.01
#: GPa in one eV/Å³.
GPA = 160.2176634


class RejectedResultError(ValueError):
    """A computed density does not belong in the set; the message begins with the kind of reason."""


def hard_compositions() -> set[str]:
    """Return the compositions of the hard list: elements in alphabetical order."""
    return {composition(row["compound"]) for row in table("hard_test.csv")}


def composition(formula: str) -> str:
    """Return a formula with its elements in alphabetical order.

    Examples
    --------
    >>> composition("Y2Ti2O7")
    'O7Ti2Y2'
    """
    parts = re.findall("([A-Z][a-z]?)([0-9]*)", formula)
    return "".join(symbol + number for symbol, number in sorted(parts))


@cache
def _hard() -> frozenset[str]:
    return frozenset(hard_compositions())


def split(formula: str) -> str:
    """Return the split of a composition: "hard" if the hard list holds it, else as :func:`split_of`."""
    return "hard" if formula in _hard() else split_of(formula)


def entry_of(job: dict[str, Any], report: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> PawEntry:
    """Turn the parts of one result, in its primitive cell, into an entry of the conventional cell.

    Raises
    ------
    RejectedResultError
        If its sites do not have the space group, its density not the symmetry or the number of electrons, or its parts
        are not what a worker leaves.
    """
    try:
        return _entry(job, report, arrays)
    except RejectedResultError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, SymfftError) as error:
        raise RejectedResultError(f"unreadable: {error}") from None


def _entry(job: dict[str, Any], report: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> PawEntry:
    crystal = crystal_of(job["crystal"])
    number, basis = crystal.space_group, crystal.basis
    primitive, symbols, positions = np.array(job["cell"]), job["symbols"], np.array(job["positions"])
    found = SpaceGroup.from_structure(primitive, positions, [sorted(set(symbols)).index(s) for s in symbols]).number
    if found != number:
        raise RejectedResultError(f"wrong structure: the sites have space group {found}, expected {number}")
    cells = 1 / abs(float(np.linalg.det(basis)))
    volume = abs(float(np.linalg.det(primitive)))
    multipoles = np.zeros((2, len(symbols), 9))
    parts = arrays["multipoles"]
    multipoles[0, :, : parts.shape[2]] = parts.sum(0)
    soft = arrays["soft"].astype(np.complex128)
    total, spin = soft.sum(0), np.zeros_like(soft[0])
    polarised = len(soft) == 2 and max(abs(report["moment"]), *map(abs, report["moments"])) > MAGNETIC
    if polarised:
        multipoles[1, :, : parts.shape[2]] = parts[0] - parts[1]
        spin = soft[0] - soft[1]
    hkl = np.rint(arrays["hkl"] @ np.linalg.inv(basis).T).astype(np.int64)
    origin = (hkl == 0).all(1)
    counted = total[origin][0].real * volume + np.sqrt(4 * np.pi) * multipoles[0, :, 0].sum()
    if not abs(counted - report["electrons"]) <= ELECTRON_TOLERANCE * report["electrons"]:
        raise RejectedResultError(f"wrong electrons: {counted:.6f}, expected {report['electrons']:g}")
    unique, (total, spin), residual = reduce_reflections(SpaceGroup.from_number(number), hkl, np.stack([total, spin]))
    if not residual <= SYMMETRY_TOLERANCE:
        raise RejectedResultError(f"wrong symmetry: structure factors differ by {residual:.2g} of the largest")
    first = [_atom_at(np.array(site[2]) @ np.linalg.inv(basis), positions) for site in crystal.sites]
    stress = np.array(report["stress_ev_per_a3"])
    known = job["crystal"]
    return PawEntry(
        space_group=number,
        lattice=crystal.lattice,
        electrons=round(report["electrons"] * cells),
        id=job["id"],
        composition=crystal.composition,
        prototype=crystal.prototype,
        split=split(crystal.composition),
        sites=tuple(Site(*site) for site in crystal.sites),
        hkl=unique.astype(np.int16),
        soft=total.astype(np.complex64),
        soft_spin=spin.astype(np.complex64),
        multipoles=np.swapaxes(multipoles[:, first], 0, 1).astype(np.float32),
        r_comp=np.array([r_comp(s[0], report["setups"][s[0]]["cutoff_bohr"]) for s in crystal.sites]),
        moments=np.array([report["moments"][atom] if polarised else 0.0 for atom in first], dtype=np.float32),
        metadata={
            "energy_ev": report["energy_ev"] * cells,
            "free_energy_ev": report["free_energy_ev"] * cells,
            "reference_ev": report["reference_ev"] * cells,
            "stress_gpa": " ".join(f"{GPA * component:.3f}" for component in stress),
            "gap_ev": report["gap_ev"],
            "spin_polarised": polarised,
            "spin_computed": report["spin_polarised"],
            "moment": report["moment"] * cells if polarised else 0.0,
            "xc": job["xc"],
            "cutoff_ev": job["cutoff_ev"],
            "kpoints": " ".join(map(str, job["kpoints"])),
            "irreducible_kpoints": report["irreducible_kpoints"],
            "bands": report["bands"],
            "iterations": report["iterations"],
            "cpu_seconds": round(report["cpu_seconds"], 2),
            "code": report["code"],
            "symmetry_residual": residual,
            "lattice_source": cell_source(
                job["id"], number, abs(float(np.linalg.det(crystal.lattice))) / known["volume_factor"], known["source"]
            ),
            "volume_factor": known["volume_factor"],
            "potential": known.get("potential", ""),
            "formation_ev": known.get("formation_ev"),
            "above_lowest_ev": known.get("above_lowest_ev"),
        },
    )


def cell_source(identifier: str, space_group: int, volume: float, source: str) -> str:
    """Return where a cell comes from: "relaxed" and "hypothetical" as recorded, else what its constant is traced to.

    Parameters
    ----------
    identifier : str
        Name of the entry.
    space_group : int
        Its number.
    volume : float
        Of the conventional cell, Å³, without the factor of a copy at another volume.
    source : str
        What the job recorded.
    """
    if source in ("relaxed", "hypothetical"):
        return source
    return lattice_source(listed_name(identifier), space_group, volume)


def measured(entry: PawEntry) -> dict[str, Any]:
    """Return what the set says of a density itself: its lowest value, and how many numbers it takes."""
    return {
        "lowest": float(entry.values().min()),
        "stars_1_percent": stars_needed(entry, 0.01),
        "stars_0.1_percent": stars_needed(entry, 0.001),
    }


def pressures(entries: list[PawEntry]) -> list[PawEntry]:
    """Return the entries with ``pressure_gpa``, minus the slope of a parabola through E(V).

    Known where a structure with the same coordinates is there at three volumes or more; None elsewhere.
    """
    curves: dict[Any, list[tuple[float, float]]] = defaultdict(list)
    keys = [(entry.prototype, entry.sites) for entry in entries]
    volumes = [abs(float(np.linalg.det(entry.lattice))) for entry in entries]
    for key, volume, entry in zip(keys, volumes, entries, strict=True):
        curves[key].append((volume, entry.metadata["energy_ev"]))
    slopes = {
        key: np.polynomial.Polynomial.fit([v for v, _ in points], [energy for _, energy in points], 2).deriv()
        for key, points in curves.items()
        if len({round(volume, 6) for volume, _ in points}) >= 3
    }
    found = [
        -GPA * float(slopes[key](volume)) if key in slopes else None for key, volume in zip(keys, volumes, strict=True)
    ]
    return [
        replace(entry, metadata=entry.metadata | {"pressure_gpa": pressure})
        for entry, pressure in zip(entries, found, strict=True)
    ]


def stars_needed(entry: PawEntry, nmae: float) -> int:
    """Return how many of the shortest unique reflections give a density within `nmae` = sum|error| / sum|rho|."""
    group, hkl = SpaceGroup.from_number(entry.space_group), entry.hkl.astype(np.int64)
    length = np.linalg.norm(hkl @ np.linalg.inv(entry.lattice).T, axis=1)
    order = np.argsort(length, kind="stable")
    factors, shape = entry.structure_factors()[order], entry.shape
    values = entry.values()
    low, high = 0, len(hkl)
    while high - low > 1:
        middle = (low + high) // 2
        rest = expand_reflections(group, hkl[order[middle:]], factors[middle:], shape)
        error = np.abs(np.fft.ifftn(rest).real).sum() * np.prod(shape) / np.abs(values).sum()
        low, high = (low, middle) if error <= nmae else (middle, high)
    return high


def crystal_of(record: dict[str, Any]) -> Crystal:
    """Return the crystal that a job was made from."""
    return Crystal(
        prototype=record["prototype"],
        formula=tuple((symbol, n) for symbol, n in record["formula"]),
        space_group=record["space_group"],
        constants=tuple(record["constants"]),
        sites=tuple((symbol, wyckoff, tuple(point)) for symbol, wyckoff, point in record["sites"]),
        source=record["source"],
    )


def _atom_at(point: NDArray[np.float64], positions: NDArray[np.float64]) -> int:
    """Index of the atom at a point of the same cell."""
    away = positions - point
    distance = np.abs(away - np.rint(away)).max(1)
    if distance.min() > 1e-6:
        raise RejectedResultError("wrong structure: a site of the crystal has no atom")
    return int(distance.argmin())


def setups_of(path: Path) -> list[Setup]:
    """Return the setups of a file of ``workers/setups.py``."""
    columns = read_npz(path)
    return [
        Setup(
            symbol=str(symbol),
            fingerprint=str(columns["fingerprint"][i]),
            valence=int(columns["valence"][i]),
            core=int(columns["core"][i]),
            cutoff=float(columns["cutoff"][i]),
            r_comp=r_comp(str(symbol), float(columns["cutoff"][i])),
            radius=columns["radius"],
            valence_density=columns["valence_density"][i].astype(np.float32),
            core_density=columns["core_density"][i].astype(np.float32),
        )
        for i, symbol in enumerate(columns["symbol"])
    ]


def traced(entry: PawEntry) -> str:
    """Return where the cell of a packed entry comes from."""
    volume = abs(float(np.linalg.det(entry.lattice))) / entry.metadata["volume_factor"]
    return cell_source(entry.id, entry.space_group, volume, entry.metadata["lattice_source"])


def packed_before(path: Path) -> tuple[dict[str, PawEntry], dict[str, str], dict[str, Setup]]:
    """Return a packed set's entries by name, the reasons of what it kept out, and its setups; nothing without one."""
    if not path.exists():
        return {}, {}, {}
    densities = PawSet.open(path)
    entries = {
        entry.id: replace(
            entry, split=split(entry.composition), metadata=entry.metadata | {"lattice_source": traced(entry)}
        )
        for entry in densities
        if all(
            r == r_comp(s.symbol, densities.setups[s.symbol].cutoff)
            for r, s in zip(entry.r_comp, entry.sites, strict=True)
        )
    }
    return entries, json.loads(densities.attributes["kept_out_ids"]), densities.setups


def is_of(entry: PawEntry | None, job: dict[str, Any], report: dict[str, Any]) -> bool:
    """Whether an entry is that of a result."""
    if entry is None:
        return False
    cells = 1 / abs(float(np.linalg.det(crystal_of(job["crystal"]).basis)))
    settings = {"xc": job["xc"], "cutoff_ev": job["cutoff_ev"], "kpoints": " ".join(map(str, job["kpoints"]))}
    return (
        np.allclose(entry.lattice, crystal_of(job["crystal"]).lattice, rtol=0, atol=1e-9)
        and entry.metadata["energy_ev"] == report["energy_ev"] * cells
        and all(entry.metadata[name] == value for name, value in settings.items())
    )


def pack(folder: Path, out: Path) -> dict[str, Any]:
    """Pack all usable results of a work folder with what the packed set has already.

    So a set grows over several folders, and a folder need not be kept. A result replaces the entry of its name.
    Returns what was packed and what was kept out, by reason.
    """
    known, rejected, setups = packed_before(out)
    entries = dict(known)
    for path in sorted((folder / "results").glob("*.npz")):
        try:
            job, report, arrays = read_result(path)
            if "crystal" not in job or is_of(known.get(path.stem), job, report):
                continue
            entry = entry_of(job, report, arrays)
            entries[entry.id] = replace(entry, metadata=entry.metadata | measured(entry))
        except RejectedResultError as error:
            rejected[path.stem] = str(error)
        except (WorkFileError, LookupError, TypeError, ValueError) as error:
            rejected[path.stem] = f"unreadable: {error}"
    for path in sorted((folder / "failures").glob("*.json")):
        if not (folder / "results" / f"{path.stem}.npz").exists():
            rejected[path.stem] = failure_reason(path)
    for name, kept in twins([*entries.values()]).items():
        rejected[name] = f"twin: the same crystal as {kept}"
        del entries[name]
    rejected = {name: reason for name, reason in sorted(rejected.items()) if name not in entries}
    packed = sorted(pressures([*entries.values()]), key=lambda entry: (entry.space_group, entry.prototype, entry.id))
    symbols = sorted({site.symbol for entry in packed for site in entry.sites})
    if (folder / "setups.npz").exists():
        setups |= {setup.symbol: setup for setup in setups_of(folder / "setups.npz")}
    reasons = Counter(reason.split(":")[0] for reason in rejected.values())
    attributes = {
        "title": "Valence electron densities of crystals: PBE, projector augmented waves, as parts",
        "license": "CC0-1.0",
        "recipe": json.dumps(recipe.SETTINGS | {"kpoint_length": recipe.KPOINT_LENGTH}),
        "computed": len(packed) + len(rejected),
        "kept_out": json.dumps(dict(reasons)),
        "kept_out_ids": json.dumps(rejected),
    }
    write_paw(out, packed, [setups[symbol] for symbol in symbols], attributes)
    return {
        "entries": len(packed),
        "new": len(entries.keys() - known.keys()),
        "compounds": len({entry.composition for entry in packed}),
        "by_space_group": dict(sorted(Counter(entry.space_group for entry in packed).items())),
        "by_split": dict(Counter(entry.split for entry in packed)),
        "cpu_hours": round(sum(entry.metadata["cpu_seconds"] for entry in packed) / 3600, 3),
        "bytes": out.stat().st_size,
        "kept_out": dict(reasons),
        "kept_out_ids": rejected,
    }


def main(arguments: list[str] | None = None) -> int:
    """Pack a folder and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m symfft_models.datasets.paw.pack", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=paw_path(), help="file to write (default: the one of the package)")
    options = parser.parse_args(arguments)
    print(json.dumps(pack(options.folder, options.out), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
