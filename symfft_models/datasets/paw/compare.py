"""The recipe beside CHGCARs that VASP wrote: the same crystals computed, and how far the densities are apart.

``python -m symfft_models.datasets.paw.compare jobs FOLDER CHGCAR… [--setup Na=1]`` writes the jobs, at the lattice and
positions of the files, to ``FOLDER/queue/reference.jsonl``; ``… compare table FOLDER`` prints the comparison of those
that are computed. ``--setup`` picks GPAW's setup with the electrons that VASP's potential had, where its default has
others.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from symfft import Density, SpaceGroup, read_density
from symfft_models.datasets.paw import recipe
from symfft_models.datasets.paw.density import compensation, r_comp
from symfft_models.datasets.paw.reflections import expand_reflections
from symfft_models.datasets.paw.work_files import read_result, write_lines


def reference_job(path: Path, setups: dict[str, str], order: float) -> dict[str, Any]:
    """Return the job of a CHGCAR's crystal."""
    import gemmi

    density = read_density(path)
    symbols = [gemmi.Element(int(number)).name for number in density.numbers]
    moments = [recipe.STARTING_MOMENT.get(symbol, 0.0) for symbol in symbols]
    return recipe.SETTINGS | {
        "id": f"reference-{path.name.split('.')[0]}",
        "order": order,
        "cell": density.lattice.tolist(),
        "symbols": symbols,
        "positions": density.positions.tolist(),
        "moments": moments if any(moments) and density.magnetization is not None else None,
        "kpoints": recipe.kpoints(density.lattice),
        "setups": {symbol: name for symbol, name in setups.items() if symbol in symbols} or "paw",
        "reference": str(path.resolve()),
    }


def compare(result: Path, reference: Density) -> dict[str, Any]:
    """Return the differences of a computed density and a CHGCAR, on the CHGCAR's grid.

    Returns
    -------
    dict
        ``nmae_percent``, 100 sum|a - b| / sum|b|; ``psnr_db``, 20 log10(max b / RMSE); ``electrons``, ``lowest`` and
        ``largest`` value (e/Å³) of both; ``r_comp`` by element, bohr.
    """
    job, report, arrays = read_result(result)
    hkl, soft = arrays["hkl"].astype(np.int64), arrays["soft"].sum(0).astype(np.complex128)
    charges = np.sqrt(4 * np.pi) * arrays["multipoles"].sum(0)[:, 0]
    radii = {symbol: r_comp(symbol, setup["cutoff_bohr"]) for symbol, setup in report["setups"].items()}
    lattice, positions = np.array(job["cell"]), np.array(job["positions"])
    added = compensation(hkl, lattice, positions, charges, np.array([radii[symbol] for symbol in job["symbols"]]))
    shape = reference.values.shape
    grid = expand_reflections(SpaceGroup.from_number(1), hkl, soft + added, shape)
    values, expected = np.fft.ifftn(grid).real * np.prod(shape), reference.values
    error = values - expected
    return {
        "nmae_percent": 100 * float(np.abs(error).sum() / np.abs(expected).sum()),
        "psnr_db": 20 * float(np.log10(expected.max() / np.sqrt(np.mean(error**2)))),
        "electrons": [report["electrons"], reference.electrons],
        "lowest": [float(values.min()), float(expected.min())],
        "largest": [float(values.max()), float(expected.max())],
        "r_comp": radii,
    }


def main(arguments: list[str] | None = None) -> int:
    """Write jobs, or print the table."""
    parser = argparse.ArgumentParser(prog="python -m symfft_models.datasets.paw.compare", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    jobs = actions.add_parser("jobs", help="write the jobs")
    jobs.add_argument("folder", type=Path)
    jobs.add_argument("files", type=Path, nargs="+", metavar="CHGCAR")
    jobs.add_argument("--setup", action="append", default=[], metavar="ELEMENT=NAME")
    actions.add_parser("table", help="compare what is computed").add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    if options.action == "jobs":
        setups = dict(setup.split("=", 1) for setup in options.setup)
        records = [reference_job(path, setups, -1 + i / 1000) for i, path in enumerate(options.files)]
        write_lines(options.folder / "queue" / "reference.jsonl", records)
        return 0
    print(
        "| CHGCAR | electrons | NMAE % | PSNR dB | lowest, e/Å³ | largest | r_c, bohr |\n|---|---|---|---|---|---|---|"
    )
    for path in sorted((options.folder / "results").glob("reference-*.npz")):
        row = compare(path, read_density(read_result(path)[0]["reference"]))
        pairs = ("electrons", "{:g}, {:.6g}"), ("lowest", "{:.3f}, {:.3f}"), ("largest", "{:.3f}, {:.3f}")
        electrons, lowest, largest = (text.format(*row[name]) for name, text in pairs)
        radii = ", ".join(f"{symbol} {radius:.2f}" for symbol, radius in row["r_comp"].items())
        cells = [electrons, f"{row['nmae_percent']:.2f}", f"{row['psnr_db']:.1f}", lowest, largest, radii]
        print("| " + " | ".join([path.stem.removeprefix("reference-"), *cells]) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
