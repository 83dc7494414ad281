"""`symfft-vae fit`: the model behind `symfft-vae predict`, from a set of densities."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from symfft.cli.command import Command, Result
from symfft_models.cli import options


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from symfft_models.scattering.kernel import KernelSettings
    from symfft_models.scattering.settings import TrainingSettings

    options.add_quiet(command)
    add = command.add_argument
    add(
        "set",
        type=Path,
        nargs="?",
        metavar="SET",
        help="packed set, or folder of a prepared one (default: the PAW set of the package)",
    )
    add("-o", "--out", type=Path, required=True, metavar="FILE", help="density model to write (*.safetensors)")
    add("--curve", action="store_true", help="also print the errors against the number of compounds")
    add(
        "--no-calibration",
        action="store_true",
        help="no validation split needed: the error bar is the expected error itself",
    )
    add("--force", action="store_true", help="replace a file that exists")
    settings = command.add_argument_group("settings")
    for part in (TrainingSettings(), KernelSettings()):
        for entry in fields(part):
            value = getattr(part, entry.name)
            if isinstance(value, int | float):
                name = f"--{entry.name.replace('_', '-')}"
                text = f"{entry.metadata['text']} (default: %(default)s)"
                settings.add_argument(name, type=type(value), default=value, metavar="N", help=text)


def run(
    *,
    set: Path | None,
    out: Path,
    curve: bool,
    no_calibration: bool,
    force: bool,
    quiet: bool,
    **values: Any,
) -> Result:
    """Learn a density model."""
    from symfft import SymfftError
    from symfft_models.datasets.paw import paw_path
    from symfft_models.progress import progress_bar
    from symfft_models.scattering.calibration import calibrated, learning_curve
    from symfft_models.scattering.densities import observations
    from symfft_models.scattering.kernel import KernelSettings
    from symfft_models.scattering.settings import TrainingSettings
    from symfft_models.scattering.training import train
    from symfft_models.scattering.weights_file import digest, save_model

    if out.exists() and not force:
        raise SymfftError(f"{out} exists: give --force to replace it")
    inner = {entry.name: values.pop(entry.name) for entry in fields(KernelSettings)}
    settings = TrainingSettings(kernel=KernelSettings(**inner), **values)
    known, unseen = observations(set, "train"), observations(set, "val")
    shown = not quiet and sys.stderr.isatty()
    bar = partial(progress_bar, desc="crystals, then weights", unit="crystal", disable=not shown)
    model = train(known, settings, watched=bar)
    changed = [
        f"--{name.replace('_', '-')} {value}"
        for name, value in (values | inner).items()
        if value != getattr(TrainingSettings(), name, getattr(KernelSettings(), name, None))
    ]
    facts = {
        "command": " ".join(["symfft-vae fit", *([set.name] if set else []), *changed, "-o FILE"]),
        "set_sha256": digest(set or paw_path()),
        "settings": settings.to_json(),
        "crystals": len(known),
        "compounds": len({o.composition for o in known}),
        "elements": len(model.elements),
    }
    model = replace(model, facts=facts)
    if not no_calibration:
        model = calibrated(model, unseen)
    save_model(out, model)
    result: Result = {"file": str(out), "bytes": out.stat().st_size, "bar": model.bar, **model.facts}
    if curve:
        result["curve"] = learning_curve(known, unseen, settings, whole=model)
    return result


def text(result: Result) -> str:
    """Return what was learned, and how well."""
    lines = [
        f"{result['file']}: {result['compounds']} compounds, {result['elements']} elements, {result['bytes']:,} bytes"
    ]
    if "calibrated_on" in result:
        lines.append(
            f"  {result['calibrated_on']} validation crystals: NMAE median {result['val_nmae_median']:.2f} %, "
            f"95 % below {result['val_nmae_p95']:.2f} %"
        )
    lines += [
        f"  from {point['compounds']:.0f} compounds: NMAE median {point['nmae_median']:.2f} %, mean "
        f"{point['nmae_mean']:.2f} %, of {point['crystals']:.0f} crystals"
        for point in result.get("curve", [])
    ]
    return "\n".join(lines)


FIT = Command(arguments, run, text)
