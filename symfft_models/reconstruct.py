"""Encode and decode anybody's density files: own cell, own grid, one latent vector and one CHGCAR each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from symfft import (
    Density,
    SpaceGroup,
    SymfftError,
    expand_from_au,
    read_density,
    reduce_to_au,
    standardize,
    write_chgcar,
)
from symfft.io.atomic import replace_file
from symfft.resampling import change_cell, standardization
from symfft_models._array_types import FloatArray
from symfft_models.data.store import Entry
from symfft_models.evaluation.metrics import density_metrics
from symfft_models.model.density_table import tabulate
from symfft_models.model.vae import DensityVAE, unpad

#: Largest deviation of a density from its own space group, relative to its maximum.
SYMMETRY_TOLERANCE = 1e-3
#: Suffixes that say how a file is packed or which program wrote it, and are not part of its name.
SUFFIXES = (".gz", ".xz", ".bz2", ".zst", ".chgcar", ".vasp", ".cube", ".cub", ".ccp4", ".mrc", ".map", ".json", ".h5")


class UnsupportedDensityError(SymfftError):
    """A density that the model has no place for."""


@dataclass(frozen=True)
class Result:
    """What the model made of one density: its latent floats, the density in the file's own cell, and figures.

    `origin_shifted` says that the latent describes the crystal with its origin moved by half the cell diagonal: of the
    two choices that a cubic crystal leaves, the one that codes better is taken.
    """

    space_group: int
    lattice_constant: float
    electrons: float
    latent: NDArray[np.float32]
    origin_shifted: bool
    density: Density
    figures: dict[str, dict[str, float]]


@torch.no_grad()
def reconstruct_density(model: DensityVAE, density: Density, symprec: float = 1e-3) -> Result:
    """Send a density through the model: find its group, go to the standard cell and the model's grid, and back.

    Parameters
    ----------
    model
        In evaluation mode.
    density
        A charge density in any cell and on any grid. Only the total density is used.
    symprec
        Largest displacement in Å at which an atom still counts as symmetric.

    Returns
    -------
    Result
        `figures` are those of `density_metrics`: ``model_grid``, against the density on the model's grid; ``file``,
        against the density as it came, on its own grid; ``resampling``, what going to the model's grid and back alone
        costs.

    Raises
    ------
    UnsupportedDensityError
        For a density that is none of charge, or of a space group that the model does not know.
    SymfftError
        Where no group is found, or the density does not have the symmetry of its atoms.
    """
    if density.kind != "charge":
        raise UnsupportedDensityError(f"holds a quantity of kind {density.kind!r}; the model knows charge densities")
    charge = replace(density, magnetization=None, spin_down=None, augmentation=None, site_moments=None)
    if density.spin_down is not None:
        charge = replace(charge, values=density.values + density.spin_down)
    found = standardization(charge.lattice, charge.positions, charge.numbers, symprec, shape=charge.shape)
    if found.number not in model.representation.groups:
        known = ", ".join(f"{SpaceGroup.from_number(n).symbol} ({n})" for n in model.representation.groups)
        raise UnsupportedDensityError(
            f"has the space group {found.symbol} ({found.number}) at symprec={symprec:g}; the model knows {known}"
        )
    index = model.representation.row(found.number)
    unit = model.representation.units[index]
    standard = standardize(charge, found.number, unit.shape, symprec=symprec)
    values = reduce_to_au(standard.values, unit, tolerance=SYMMETRY_TOLERANCE)
    electrons = charge.electrons * standard.volume / charge.volume
    shift = model.representation.shift_gn[index, : unit.size].numpy()
    crystal = (found.number, unit.shape, standard.lattice, electrons, "file", "", "", "test", ())
    origins = [Entry(choice.astype(np.float32), *crystal) for choice in (values, values[shift])]
    table = tabulate(origins, model.representation)
    latent = model.encode(table.values_mn, table.group_m, table.condition_mp).mean
    first, second = unpad(model, model.decode(latent, table.group_m, table.condition_mp), table.group_m)
    estimates = [decoded * electrons / standard.volume for decoded in (first, second[shift])]
    error = [np.abs(estimate - values) ** 2 @ unit.multiplicity for estimate in estimates]
    shifted = bool(error[1] < error[0])
    estimate = estimates[shifted]

    def in_the_file(au_values: FloatArray) -> FloatArray:
        cell = found.transformation.T
        origin = -np.linalg.solve(found.transformation.astype(np.float64), found.origin_shift.astype(np.float64))
        return change_cell(expand_from_au(au_values, unit), standard.lattice, cell, origin, charge.shape)

    back = charge.with_values(in_the_file(estimate))
    everywhere = np.ones(charge.values.size)
    return Result(
        space_group=found.number,
        lattice_constant=float(standard.lattice[0, 0]),
        electrons=electrons,
        latent=latent[int(shifted)].numpy(),
        origin_shifted=shifted,
        density=back,
        figures={
            "model_grid": density_metrics(values, estimate, unit.multiplicity),
            "file": density_metrics(charge.values.ravel(), back.values.ravel(), everywhere),
            "resampling": density_metrics(charge.values.ravel(), in_the_file(values).ravel(), everywhere),
        },
    )


def reconstruct_files(
    model: DensityVAE,
    paths: Sequence[Path],
    out: Path,
    *,
    weights: str,
    symprec: float = 1e-3,
    force: bool = False,
    tell: Callable[[dict[str, Any]], None] = lambda entry: None,
) -> dict[str, Any]:
    """Reconstruct files into a folder; a file that cannot be is reported, and the next one is taken.

    Writes ``NAME.latent.npz`` (``latent`` float32, ``space_group``, ``lattice_constant`` in Å, ``electrons`` of the
    cubic cell, ``origin_shifted``, ``weights``) and ``NAME.CHGCAR`` on the file's own grid and cell.

    Parameters
    ----------
    model, symprec
        As in `reconstruct_density`.
    paths
        Files that `symfft.read_density` reads.
    out
        Folder, made where there is none.
    weights
        Name of the weights, kept with the latents.
    force
        Replace files that exist.
    tell
        Called with each file's entry as soon as it is known.

    Returns
    -------
    dict
        ``files``, one entry a file with the figures of `reconstruct_density` or an ``error``; ``failures``, how many
        have one.
    """
    out.mkdir(parents=True, exist_ok=True)
    entries = []
    for path, name in zip(paths, names_of(paths), strict=True):
        entry: dict[str, Any] = {"path": str(path)}
        chgcar, latent = out / f"{name}.CHGCAR", out / f"{name}.latent.npz"
        try:
            if not force and (existing := [str(target) for target in (chgcar, latent) if target.exists()]):
                raise FileExistsError(f"{' and '.join(existing)} exists already; choose another folder, or --force")
            result = reconstruct_density(model, read_density(path), symprec)
            write_chgcar(chgcar, result.density)
            save_latent(latent, result, weights)
            entry |= {
                "space_group": result.space_group,
                "lattice_constant": result.lattice_constant,
                "electrons": result.electrons,
                "chgcar": str(chgcar),
                "latent": str(latent),
                **result.figures,
            }
        except (SymfftError, OSError, ImportError) as error:
            entry["error"] = str(error)
        entries.append(entry)
        tell(entry)
    return {"files": entries, "failures": sum("error" in entry for entry in entries)}


def save_latent(path: Path, result: Result, weights: str) -> None:
    """Write all that the decoder needs to give the density again."""
    with replace_file(path) as file:
        np.savez(
            file,
            latent=result.latent,
            space_group=result.space_group,
            lattice_constant=result.lattice_constant,
            electrons=result.electrons,
            origin_shifted=result.origin_shifted,
            weights=np.array(weights),
        )


def names_of(paths: Sequence[Path]) -> list[str]:
    """Name the results of files, each differently: by the file's name, with its folders where names are equal.

    Examples
    --------
    >>> names_of([Path("a/CHGCAR"), Path("b/CHGCAR"), Path("NaCl.CHGCAR.gz")])
    ['a_CHGCAR', 'b_CHGCAR', 'NaCl']
    """
    depth, parts = [1] * len(paths), [(*path.absolute().parts[1:-1], bare_name(path.name)) for path in paths]
    while True:
        names = ["_".join(part[-d:]) for part, d in zip(parts, depth, strict=True)]
        times = Counter(names)
        longer = [times[name] > 1 and d < len(part) for name, part, d in zip(names, parts, depth, strict=True)]
        if not any(longer):
            break
        depth = [d + more for d, more in zip(depth, longer, strict=True)]
    seen: Counter[str] = Counter()
    for place, name in enumerate(names):
        seen[name] += 1
        names[place] = name if times[name] == 1 else f"{name}-{seen[name]}"
    return names


def bare_name(name: str) -> str:
    """Strip what says only how a file is written."""
    while any(name.lower().endswith(suffix) and len(name) > len(suffix) for suffix in SUFFIXES):
        name = name.rpartition(".")[0]
    return name


def format_line(entry: dict[str, Any]) -> str:
    """One line per file, for a person."""
    if "error" in entry:
        return f"{entry['path']}: {entry['error']}"
    file, grid = (
        f"{figures['psnr']:.2f} dB, NMAE {figures['nmae']:.2f} %, electrons {figures['electron_error']:+.0e}"
        for figures in (entry["file"], entry["model_grid"])
    )
    alone = f"resampling alone {entry['resampling']['psnr']:.1f} dB"
    return f"{entry['path']}: group {entry['space_group']}; as it came: {file}; on the model's grid: {grid}; {alone}"
