"""Density files through a model and back, one after the other; a bad one is reported, and the next one is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from symfft import Density, SymfftError, read_density, write_chgcar
from symfft.io.atomic import replace_file
from symfft_models.predict import DensityPredictor
from symfft_models.reconstruct.conditional import FLOATS, NotLearnedError, decode_file, reconstruct_conditional
from symfft_models.reconstruct.names import LATENT, names_of
from symfft_models.scattering.weights_file import is_density_model


class Reconstruction(Protocol):
    """What a way of coding makes of one density."""

    @property
    def density(self) -> Density:
        """The decoded density, in the file's own cell and on its grid."""

    @property
    def figures(self) -> dict[str, dict[str, float]]:
        """Figures of `density_metrics` by what is compared."""

    @property
    def facts(self) -> dict[str, Any]:
        """What is told of it."""

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is kept of it."""


@dataclass(frozen=True)
class Way:
    """A way of coding densities, and the name of its weights."""

    method: str
    weights: str
    reconstruct: Callable[[Density], Reconstruction]


def ways(model: Path | None, floats: int | None, symprec: float) -> tuple[list[Way], DensityPredictor | None]:
    """Return the ways of coding that a model offers, the one to try first first, and the density model if there is one.

    Parameters
    ----------
    model : Path, optional
        Density model, run folder or weights of a codec; without it the density model that comes with the package, and
        for what it has not learned the codec.
    floats : int, optional
        Latent numbers of the density model.
    symprec : float
        Largest displacement in Å at which an atom still counts as symmetric.

    Raises
    ------
    SymfftError
        If there is no such model, or `floats` are asked of a codec.
    """
    chosen: list[Way] = []
    predictor = None
    if model is None or is_density_model(model):
        predictor = DensityPredictor.load_shipped() if model is None else DensityPredictor.load(model)
        name = "density-model" if model is None else model.name
        chosen.append(Way("density model", name, _by_density_model(predictor, floats or FLOATS, symprec)))
    elif floats is not None:
        raise SymfftError(f"--floats is for the density model; {model} has as many latent numbers as it was made for")
    if model is None or predictor is None:
        chosen.append(_by_codec(model, symprec))
    return chosen, predictor


def _by_density_model(predictor: DensityPredictor, floats: int, symprec: float) -> Callable[[Density], Reconstruction]:
    return lambda density: reconstruct_conditional(predictor, density, floats=floats, symprec=symprec)


def _by_codec(model: Path | None, symprec: float) -> Way:
    """Return the way through a codec; it is loaded, and torch with it, when the first density needs it."""
    from symfft_models.weights import weights_of

    path, name = weights_of(model)
    loaded: list[Any] = []

    def reconstruct(density: Density) -> Reconstruction:
        from symfft_models.model.checkpoint import load_model
        from symfft_models.reconstruct.codec import reconstruct_density

        if not loaded:
            loaded.append(load_model(path)[0])
        return reconstruct_density(loaded[0], density, symprec)

    return Way("codec", name, reconstruct)


def reconstruct_files(
    model: Path | None,
    paths: Sequence[Path],
    out: Path,
    *,
    floats: int | None = None,
    symprec: float = 1e-3,
    force: bool = False,
    tell: Callable[[dict[str, Any]], None] = lambda entry: None,
) -> dict[str, Any]:
    """Reconstruct files into a folder; a file that cannot be is reported, and the next one is taken.

    Writes ``NAME.latent.npz`` and ``NAME.CHGCAR`` on the file's own grid and cell; of a file of latents the CHGCAR
    alone.

    Parameters
    ----------
    model, floats, symprec
        As in `ways`.
    paths
        Files that `symfft.read_density` reads, or files of latents of the density model.
    out
        Folder, made where there is none.
    force
        Replace files that exist.
    tell
        Called with each file's entry as soon as it is known.

    Returns
    -------
    dict
        ``files``, one entry a file: ``method``, ``weights``, ``why`` the first way was not taken, and the figures of
        `reconstruct_conditional` or of `reconstruct_density`, or an ``error``; ``failures``, how many have one.
    """
    chosen, predictor = ways(model, floats, symprec)
    out.mkdir(parents=True, exist_ok=True)
    entries = []
    for path, name in zip(paths, names_of(paths), strict=True):
        entry: dict[str, Any] = {"path": str(path)}
        chgcar, latent = out / f"{name}.CHGCAR", out / f"{name}{LATENT}"
        coded = path.name.lower().endswith(LATENT)
        try:
            targets = (chgcar,) if coded else (chgcar, latent)
            if not force and (existing := [str(target) for target in targets if target.exists()]):
                raise FileExistsError(f"{' and '.join(existing)} exists already; choose another folder, or --force")
            if coded:
                entry |= _decoded(predictor, path, chgcar)
            else:
                way, result, why = first_that_can(chosen, read_density(path))
                entry |= {"method": way.method, "weights": way.weights, **({"why": why} if why else {})}
                write_chgcar(chgcar, result.density)
                save_arrays(latent, result.arrays | {"weights": np.array(way.weights)})
                entry |= {**result.facts, "chgcar": str(chgcar), "latent": str(latent), **result.figures}
        except (SymfftError, OSError, ImportError, MemoryError) as error:
            entry["error"] = str(error) or type(error).__name__
        entries.append(entry)
        tell(entry)
    return {"files": entries, "failures": sum("error" in entry for entry in entries)}


def first_that_can(chosen: Sequence[Way], density: Density) -> tuple[Way, Reconstruction, str]:
    """Return the first way that has learned the like of a density, what it makes of it, and why others were not taken.

    Raises
    ------
    SymfftError
        If there is none, or the density cannot be coded.
    """
    reasons: list[str] = []
    for way in chosen[:-1]:
        try:
            return way, way.reconstruct(density), "; ".join(reasons)
        except NotLearnedError as error:
            reasons.append(f"{way.method}: {error}")
    try:
        return chosen[-1], chosen[-1].reconstruct(density), "; ".join(reasons)
    except SymfftError as error:
        raise SymfftError("; ".join([*reasons, str(error)])) from error


def _decoded(predictor: DensityPredictor | None, path: Path, chgcar: Path) -> dict[str, Any]:
    if predictor is None:
        raise SymfftError("latents of the density model are decoded by it: leave --model out, or name its file")
    density = decode_file(predictor, path)
    write_chgcar(chgcar, density)
    return {"method": "density model", "electrons": density.electrons, "chgcar": str(chgcar), "latent": str(path)}


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as an npz file that appears whole or not at all."""
    with replace_file(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def format_line(entry: dict[str, Any]) -> str:
    """One line per file, for a person."""
    if "error" in entry:
        return f"{entry['path']}: {entry['error']}"
    if "file" not in entry:
        return f"{entry['path']}: {entry['electrons']:g} electrons, decoded to {entry['chgcar']}"
    told = {
        name: f"{entry[name]['psnr']:.2f} dB, NMAE {entry[name]['nmae']:.2f} %, electrons "
        f"{entry[name]['electron_error']:+.0e}"
        for name in ("file", "model_grid", "predicted")
        if name in entry
    }
    line = f"{entry['path']}: group {entry['space_group']}, {entry['floats']} floats of the {entry['method']}"
    line += f" {entry['weights']}; as it came: {told['file']}"
    if "predicted" in told:
        line += f"; from the atoms alone: {told['predicted']}"
    if "model_grid" in told:
        line += f"; on the model's grid: {told['model_grid']}; resampling alone {entry['resampling']['psnr']:.1f} dB"
    return line + (f" (not by the {entry['why']})" if "why" in entry else "")
