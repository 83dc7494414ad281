"""`symfft-vae`: densities to learn from, training, evaluation, samples, and the whole demonstration in one go."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symfft import SymfftError

if TYPE_CHECKING:
    from symfft_models.config import Config
    from symfft_models.data.store import DensitySet
    from symfft_models.table import DensityTable
    from symfft_models.vae import SwinVAE

# torch and matplotlib are imported inside the commands, so that --help and errors in arguments answer at once.


def train_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train a model into a run folder."""
    from symfft_models.train import train

    config = chosen_config(arguments, arguments.out if arguments.resume else None)
    return train(config, arguments.out, resume=arguments.resume, progress=not arguments.quiet)


def evaluate_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure a trained model on the test split."""
    model, tables = load_run(arguments.run)
    return evaluate_into(arguments.run, model, tables)


def sample_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Generate densities with a trained model."""
    from dataclasses import replace

    model, tables = load_run(arguments.run)
    settings = {"per_group": arguments.count, "temperature": arguments.temperature, "seed": arguments.seed}
    chosen = replace(model.config.sample, **{name: value for name, value in settings.items() if value is not None})
    return sample_into(arguments.out or arguments.run / "samples", model, tables["train"], chosen)


def demo_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train, evaluate, generate, check and draw; continue where an earlier call was interrupted."""
    from symfft_models.train import STATE, SUMMARY, train

    started, out = time.monotonic(), arguments.out
    config = chosen_config(arguments, out if (out / STATE).exists() else None)
    if (out / SUMMARY).exists():
        tell(arguments, f"{out} holds a finished training; going on from there")
    else:
        train(config, out, resume=True, progress=not arguments.quiet)
    model, tables = load_run(out)
    report = evaluate_into(out, model, tables)
    from symfft_models.evaluate import format_table

    tell(arguments, "\n" + format_table(report) + "\n")
    samples = sample_into(out / "samples", model, tables["train"], model.config.sample)
    draw_into(out, model, tables, samples)
    good = len(samples["samples"]) - samples["failures"]
    tell(
        arguments,
        f"{good} of {len(samples['samples'])} generated CHGCARs have exact symmetry and electron count on reading back "
        f"({out / 'samples'})",
    )
    training = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    minutes = (time.monotonic() - started) / 60
    tell(arguments, f"{minutes:.1f} minutes in all; everything is in {out}")
    return {"run": str(out), "minutes": minutes, "training": training, "test": report["groups"], **samples}


def info_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Count what a set holds."""
    from symfft_models.data.catalogue import info

    return info(chosen_set(arguments.set_file))


def export_entry_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write one density of a set as a CHGCAR."""
    from symfft_models.data.catalogue import export

    densities = chosen_set(arguments.set_file)
    try:
        export(densities, arguments.id, arguments.out)
    except KeyError as error:
        raise SymfftError(error.args[0]) from None
    return {"id": arguments.id, "file": str(arguments.out)}


def chosen_set(path: Path | None) -> DensitySet:
    """Open a file of a set, or the bundled one."""
    from symfft_models.data.store import DensitySet, load_bundled

    return DensitySet.open(path) if path else load_bundled()


def prepare_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prepare a collection of density files."""
    from symfft_models.data.prepare.command import run_prepare

    return run_prepare(arguments)


def fetch_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fetch densities of other people's collections."""
    from symfft_models.data.fetch.command import run_fetch

    return run_fetch(arguments)


def export_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write a whole set in other formats."""
    from symfft_models.data.export_set import run_export

    return run_export(arguments)


def chosen_config(arguments: argparse.Namespace, run: Path | None) -> Config:
    """Return the settings: those of an earlier run where one goes on, else the preset's; then the overrides."""
    from symfft_models.config import from_json, load_config, override
    from symfft_models.train import CONFIG

    if run is not None and (run / CONFIG).exists():
        return override(from_json((run / CONFIG).read_text(encoding="utf-8")), arguments.set)
    return load_config(arguments.preset, arguments.set)


def load_run(run: Path) -> tuple[SwinVAE, dict[str, DensityTable]]:
    """Load a run's best weights and the splits they are judged on."""
    from symfft_models.checkpoint import load_model
    from symfft_models.table import load_entries, tabulate
    from symfft_models.train import WEIGHTS

    model, _ = load_model(run / WEIGHTS if run.is_dir() or not run.exists() else run)
    tables = {
        split: tabulate(load_entries(model.config.data, split), model.representation) for split in ("train", "test")
    }
    return model, tables


def evaluate_into(run: Path, model: SwinVAE, tables: dict[str, DensityTable]) -> dict[str, Any]:
    """Evaluate and write ``metrics.json`` and ``table.txt`` beside the weights."""
    from symfft_models.checkpoint import write_text
    from symfft_models.evaluate import evaluate, format_table
    from symfft_models.prior import active_units

    folder = run if run.is_dir() else run.parent
    report = evaluate(model, tables["test"], tables["train"])
    report["active_units"] = active_units(model, tables["train"])
    write_text(folder / "metrics.json", json.dumps(report, indent=2))
    write_text(folder / "table.txt", format_table(report) + "\n")
    return report


def sample_into(out: Path, model: SwinVAE, train: DensityTable, config: Any) -> dict[str, Any]:
    """Generate, and write ``samples.json`` beside the files."""
    from symfft_models.checkpoint import write_text
    from symfft_models.sample import sample

    report = sample(model, train, config, out)
    write_text(out / "samples.json", json.dumps(report, indent=2))
    return report


def draw_into(run: Path, model: SwinVAE, tables: dict[str, DensityTable], samples: dict[str, Any]) -> None:
    """Draw the run's pictures."""
    from symfft_models.pictures import plot_curves, plot_reconstructions, plot_samples
    from symfft_models.train import LOG

    plot_curves(run / LOG, run / "curves.png")
    for index, number in enumerate(model.representation.groups):
        if (tables["test"].group_m == index).any():
            plot_reconstructions(model, tables["test"], index, run / f"slices-{number}.png")
    plot_samples(run / "samples", samples["samples"], run / "samples.png")


def tell(arguments: argparse.Namespace, text: str) -> None:
    """Print for a person; with --json stdout is left to the JSON."""
    if not arguments.quiet:
        print(text, file=sys.stderr if arguments.json else sys.stdout, flush=True)


def build_parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    parser = argparse.ArgumentParser(prog="symfft-vae", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print the result as JSON on stdout, all else on stderr")
    common.add_argument("--quiet", action="store_true", help="no progress bar, no report")
    settings = argparse.ArgumentParser(add_help=False)
    settings.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. train.epochs=10; repeatable"
    )

    command = commands.add_parser("train", parents=[common, settings], help="train a model")
    command.add_argument("--preset", default="demo", help="demo, paper, or a TOML file (default: demo)")
    command.add_argument("--out", type=Path, required=True, help="run folder")
    command.add_argument("--resume", action="store_true", help="continue the run in --out")
    command.set_defaults(run_command=train_command, report=lambda result: json.dumps(result, indent=2))

    command = commands.add_parser("evaluate", parents=[common], help="measure a model on the test split")
    command.add_argument("run", type=Path, help="run folder, or a file of weights")
    command.set_defaults(run_command=evaluate_command, report=report_evaluation)

    command = commands.add_parser("sample", parents=[common], help="generate densities as CHGCAR files")
    command.add_argument("run", type=Path, help="run folder, or a file of weights")
    command.add_argument("-o", "--out", type=Path, help="folder for the files (default: RUN/samples)")
    command.add_argument("-n", "--count", type=positive, help="files per space group")
    command.add_argument("--temperature", type=float, help="width of the draw; 1 is the fitted spread")
    command.add_argument("--seed", type=int)
    command.set_defaults(run_command=sample_command, report=report_samples)

    command = commands.add_parser("demo", parents=[common, settings], help="train, evaluate, generate, check, draw")
    command.add_argument("--preset", default="demo", help=argparse.SUPPRESS)
    command.add_argument("--out", type=Path, default=Path("runs/demo"), help="run folder (default: runs/demo)")
    command.set_defaults(run_command=demo_command, report=None)

    add_data_commands(commands, common)
    return parser


def add_data_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Describe the commands on densities."""
    from symfft_models.data.export_set import add_export_arguments
    from symfft_models.data.fetch.command import add_fetch_arguments
    from symfft_models.data.fetch.command import report as report_fetching
    from symfft_models.data.prepare.command import add_prepare_arguments
    from symfft_models.data.prepare.command import report as report_preparation

    command = commands.add_parser("data", help="look at the bundled densities, or at a file of a set")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    source = argparse.ArgumentParser(add_help=False)
    source.add_argument("--file", dest="set_file", type=Path, help="file of a set (default: the bundled one)")
    action = actions.add_parser("info", parents=[common, source], help="count by group, prototype and split")
    action.set_defaults(run_command=info_command, report=lambda result: json.dumps(result, indent=2))
    action = actions.add_parser("export", parents=[common, source], help="write one entry as a CHGCAR")
    action.add_argument("id", help="name of the entry, such as rock-salt-NaCl")
    action.add_argument("-o", "--out", type=Path, required=True, help="file to write")
    action.set_defaults(run_command=export_entry_command, report=lambda result: f"{result['id']}: {result['file']}")

    command = commands.add_parser("fetch", help="fetch densities of the Materials Project or of parquet collections")
    add_fetch_arguments(command, common)
    command.set_defaults(run_command=fetch_command, report=report_fetching)

    command = commands.add_parser("prepare", parents=[common], help="check, standardise and pack a collection of files")
    add_prepare_arguments(command)
    command.set_defaults(run_command=prepare_command, report=report_preparation)

    command = commands.add_parser("export", parents=[common], help="write a set as parquet, CHGCARs or pictures")
    add_export_arguments(command)
    command.set_defaults(run_command=export_command, report=lambda result: json.dumps(result, indent=2))


def positive(text: str) -> int:
    """Read a positive integer."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def report_evaluation(result: dict[str, Any]) -> str:
    """Format the table."""
    from symfft_models.evaluate import format_table

    return format_table(result)


def report_samples(result: dict[str, Any]) -> str:
    """Format one line a file."""
    verdict = {True: "ok", False: "FAILED"}
    lines = [
        f"{entry['file']:40s} {entry['electrons']:6.0f} e  {verdict[entry['ok']]} {entry.get('error', '')} "
        f"nearest {entry['nearest_training']} at {entry['nearest_nmae']:.1f} %"
        for entry in result["samples"]
    ]
    return "\n".join([*lines, f"{result['failures']} failures"])


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Exit codes: 0 done, 1 failed, 2 wrong arguments, 130 interrupted."""
    arguments = build_parser().parse_args(argv)
    try:
        result = arguments.run_command(arguments)
    except (SymfftError, OSError, ImportError) as error:
        print(f"symfft-vae: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("symfft-vae: interrupted; the same command goes on where this one stopped", file=sys.stderr)
        return 130
    if arguments.json:
        print(json.dumps(result))
    elif arguments.report and not arguments.quiet:
        print(arguments.report(result))
    return 1 if result.get("failures") else 0


if __name__ == "__main__":
    sys.exit(main())
