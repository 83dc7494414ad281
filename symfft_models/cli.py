"""`symfft-vae`: densities to learn from, training, evaluation, samples, and the whole demonstration in one go."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symfft import SymfftError
from symfft.cli.options import symprec

if TYPE_CHECKING:
    from symfft_models.model.config import Config

#: Densities generated in each space group for a comparison with the test split.
DRAWS = 48

# torch and matplotlib are imported inside the commands, so that --help and errors in arguments answer at once.


def train_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train a model into a run folder."""
    from symfft_models.train import train

    config = chosen_config(arguments, arguments.out if arguments.resume else None)
    return train(config, arguments.out, resume=arguments.resume, progress=not arguments.quiet)


def evaluate_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure trained models on the test split, and write a page about them."""
    from symfft_models.evaluation.judging import REPORT, judge, judge_into_folder, samples_of, write_page
    from symfft_models.evaluation.rate_distortion import rate_distortion
    from symfft_models.weights import open_shipped, open_trained

    if arguments.runs and arguments.shipped:
        raise SymfftError("name runs, or say --shipped, not both")
    runs = [open_trained(path) for path in arguments.runs] or open_shipped()
    page = arguments.out or (arguments.runs and not arguments.no_html and runs[-1].folder / REPORT)
    if len(arguments.runs) == 1:
        result = judge_into_folder(runs[0], arguments.draws)
        reports, curves = [result], result["rate_distortion"]
    else:
        reports = [judge(run, arguments.draws) for run in runs]
        curves = rate_distortion(runs[-1].model, runs[-1].tables["test"], runs[-1].tables["train"])
        names = [run.name for run in runs]
        result = {"models": dict(zip(names, reports, strict=True)), "rate_distortion": curves}
    if page:
        write_page(page, runs, reports, curves, samples_of(runs[-1]))
        result = result | {"html": str(page)}
    return result


def sample_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Generate densities with a trained model."""
    from dataclasses import replace

    from symfft_models.sampling.prior import Wanted
    from symfft_models.sampling.sample import SAMPLES, write_samples
    from symfft_models.weights import open_trained

    run = open_trained(arguments.run)
    settings = {"per_group": arguments.count, "temperature": arguments.temperature, "seed": arguments.seed}
    given = {name: value for name, value in settings.items() if value is not None}
    out = arguments.out or (run.folder or Path()) / SAMPLES
    wanted = Wanted(arguments.lattice_constant, arguments.electrons, arguments.composition)
    config = replace(run.model.config.sample, **given)
    return write_samples(run.model, run.tables["train"], config, out, arguments.group, wanted)


def reconstruct_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Encode and decode density files."""
    from symfft_models.model.checkpoint import load_model
    from symfft_models.reconstruct import format_line, reconstruct_files
    from symfft_models.weights import weights_of

    weights, name = weights_of(arguments.model)
    model, _ = load_model(weights)

    def tell_entry(entry: dict[str, Any]) -> None:
        if "error" in entry:
            print(f"symfft-vae: error: {format_line(entry)}", file=sys.stderr, flush=True)
        else:
            tell(arguments, format_line(entry))

    options = {"weights": name, "symprec": arguments.symprec, "force": arguments.force, "tell": tell_entry}
    return {"weights": name, **reconstruct_files(model, arguments.files, arguments.out, **options)}


def ship_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Put a run's weights into the package."""
    from symfft_models.weights import ship, weights_of

    return ship(weights_of(arguments.run)[0], arguments.name, default=arguments.default)


def demo_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train, evaluate, generate, check and draw; continue where an earlier call was interrupted."""
    from symfft_models.evaluation.held_out import format_table
    from symfft_models.evaluation.judging import REPORT, judge_into_folder, write_page
    from symfft_models.model.checkpoint import STATE, SUMMARY
    from symfft_models.sampling.sample import SAMPLES, write_samples
    from symfft_models.train import train
    from symfft_models.weights import open_trained

    started, out = time.monotonic(), arguments.out
    shipped = show_shipped(arguments)
    config = chosen_config(arguments, out if (out / STATE).exists() else None)
    if (out / SUMMARY).exists():
        tell(arguments, f"{out} holds a finished training; going on from there")
    else:
        train(config, out, resume=True, progress=not arguments.quiet)
    run = open_trained(out)
    report = judge_into_folder(run, DRAWS)
    tell(arguments, "\n" + format_table(report) + "\n")
    samples = write_samples(run.model, run.tables["train"], run.model.config.sample, out / SAMPLES)
    write_page(out / REPORT, [run], [report], report["rate_distortion"], samples)
    good = len(samples["samples"]) - samples["failures"]
    tell(
        arguments,
        f"{good} of {len(samples['samples'])} generated CHGCARs have exact symmetry and electron count on reading back "
        f"({out / SAMPLES})",
    )
    training = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    minutes = (time.monotonic() - started) / 60
    tell(arguments, f"{minutes:.1f} minutes in all; everything is in {out}, with {REPORT} to look at")
    return {
        "run": str(out), "minutes": minutes, "shipped": shipped, "training": training, "test": report["groups"],
        **samples,
    }  # fmt: skip


def show_shipped(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure the weights that come with the package, where there are any."""
    from symfft_models.evaluation.held_out import format_table
    from symfft_models.evaluation.judging import judge
    from symfft_models.weights import open_shipped, shipped_index

    if shipped_index()["default"] is None:
        return {}
    reports = {run.name: judge(run, 0) for run in open_shipped()}
    for name, report in reports.items():
        tell(arguments, f"\nshipped weights {name}\n{format_table(report)}")
    tell(arguments, "\nand now from scratch")
    return {name: report["groups"] for name, report in reports.items()}


def info_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Count what the sets hold."""
    from symfft_models.datasets.contents import chosen_sets, info

    return {"sets": [info(densities) for densities in chosen_sets(arguments.set_file)]}


def report_info(result: dict[str, Any]) -> str:
    """Return the counts of the sets as tables."""
    from symfft_models.datasets.contents import info_text

    return "\n\n".join(map(info_text, result["sets"]))


def export_entry_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write densities of a set as CHGCARs."""
    from symfft_models.datasets.contents import chosen_sets, export

    try:
        return {"written": export(chosen_sets(arguments.set_file), arguments.ids, arguments.out)}
    except KeyError as error:
        raise SymfftError(error.args[0]) from None


def prepare_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prepare a collection of density files."""
    from symfft_models.datasets.prepare.command import run_prepare

    return run_prepare(arguments)


def fetch_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fetch densities of other people's collections."""
    from symfft_models.datasets.fetch.command import run_fetch

    return run_fetch(arguments)


def export_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write a whole set in other formats."""
    from symfft_models.datasets.export import run_export

    return run_export(arguments)


def chosen_config(arguments: argparse.Namespace, run: Path | None) -> Config:
    """Return the settings: those of an earlier run where one goes on, else the preset's; then the overrides."""
    from symfft_models.model.checkpoint import CONFIG
    from symfft_models.model.config import from_json, load_config, override

    if run is not None and (run / CONFIG).exists():
        return override(from_json((run / CONFIG).read_text(encoding="utf-8")), arguments.set)
    return load_config(arguments.preset, arguments.set)


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
    command.add_argument(
        "--preset", default="default", help="default, demo, paper, or a TOML file (default: %(default)s)"
    )
    command.add_argument("--out", type=Path, required=True, help="run folder")
    command.add_argument("--resume", action="store_true", help="continue the run in --out")
    command.set_defaults(run_command=train_command, report=lambda result: json.dumps(result, indent=2))

    command = commands.add_parser("evaluate", parents=[common], help="measure models on the test split")
    command.add_argument("runs", type=Path, nargs="*", metavar="RUN", help="run folders, or files of weights")
    command.add_argument(
        "--shipped", action="store_true", help="all weights that come with the package (without a RUN)"
    )
    command.add_argument("-o", "--out", type=Path, metavar="HTML", help="page to write (default: RUN/report.html)")
    command.add_argument("--no-html", action="store_true", help="no page beside the weights")
    command.add_argument("--draws", type=int, default=DRAWS, help=f"densities to generate a group (default: {DRAWS})")
    command.set_defaults(run_command=evaluate_command, report=report_evaluation)

    which = "run folder, or a file of weights (default: the weights that come with the package)"
    command = commands.add_parser("sample", parents=[common], help="generate densities as CHGCAR files")
    command.add_argument("run", type=Path, nargs="?", help=which)
    command.add_argument("-o", "--out", type=Path, help="folder for the files (default: RUN/samples, or samples)")
    command.add_argument(
        "--group", type=int, action="append", default=[], help="space group, repeatable (default: all)"
    )
    command.add_argument("-n", "--count", type=positive, help="files per space group")
    command.add_argument("--composition", help="elements to generate, like NaBr or Cu3Al")
    command.add_argument("--lattice-constant", type=positive_number, metavar="A", help="of the cubic cell, in Å")
    command.add_argument("--electrons", type=positive_number, metavar="N", help="valence electrons in the cubic cell")
    command.add_argument("--temperature", type=float, help="0 gives training densities, 1 what lies between them")
    command.add_argument("--seed", type=int)
    command.set_defaults(run_command=sample_command, report=report_samples)

    command = commands.add_parser("reconstruct", parents=[common], help="encode and decode density files")
    command.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="CHGCARs, or any other format symfft reads"
    )
    command.add_argument("-o", "--out", type=Path, required=True, help="folder for latents and CHGCARs")
    command.add_argument("--model", type=Path, metavar="RUN", help=which)
    command.add_argument("--symprec", type=symprec, default=1e-3, help="largest displacement in Å (default: 0.001)")
    command.add_argument("--force", action="store_true", help="replace files that exist")
    command.set_defaults(run_command=reconstruct_command, report=None)

    command = commands.add_parser("ship", parents=[common], help="put a run's weights into the package")
    command.add_argument("run", type=Path, help="run folder, or a file of weights")
    command.add_argument("--name", required=True, help="name of the weights, like latent-128")
    command.add_argument("--default", action="store_true", help="use them where no run and no name is given")
    command.set_defaults(run_command=ship_command, report=lambda result: json.dumps(result, indent=2))

    command = commands.add_parser("demo", parents=[common, settings], help="train, evaluate, generate, check, draw")
    command.add_argument("--preset", default="demo", help=argparse.SUPPRESS)
    command.add_argument("--out", type=Path, default=Path("runs/demo"), help="run folder (default: runs/demo)")
    command.set_defaults(run_command=demo_command, report=None)

    add_data_commands(commands, common)
    return parser


def add_data_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Describe the commands on densities."""
    from symfft_models.datasets.export import add_export_arguments
    from symfft_models.datasets.fetch.command import add_fetch_arguments
    from symfft_models.datasets.fetch.command import report as report_fetching
    from symfft_models.datasets.prepare.command import add_prepare_arguments
    from symfft_models.datasets.prepare.command import report as report_preparation

    command = commands.add_parser("data", help="look at the densities of the package, or at a file of a set")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    source = argparse.ArgumentParser(add_help=False)
    source.add_argument("--file", dest="set_file", type=Path, help="file of a set (default: those of the package)")
    action = actions.add_parser("info", parents=[common, source], help="count by group, prototype and split")
    action.set_defaults(run_command=info_command, report=report_info)
    action = actions.add_parser("export", parents=[common, source], help="write entries as CHGCARs")
    action.add_argument("ids", nargs="+", metavar="ID", help="name of an entry, such as rock-salt-NaCl")
    action.add_argument("-o", "--out", type=Path, required=True, help="file to write; a folder for several entries")
    action.set_defaults(
        run_command=export_entry_command,
        report=lambda result: "\n".join(f"{row['id']}: {row['file']}" for row in result["written"]),
    )

    command = commands.add_parser("fetch", help="fetch densities of the Materials Project or of parquet collections")
    add_fetch_arguments(command, common)
    command.set_defaults(run_command=fetch_command, report=report_fetching)

    command = commands.add_parser("prepare", parents=[common], help="check, standardize and pack a collection of files")
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


def positive_number(text: str) -> float:
    """Read a positive number."""
    if not 0 < (number := float(text)) < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number, got {number}")
    return number


def report_evaluation(result: dict[str, Any]) -> str:
    """Format the table of each model."""
    from symfft_models.evaluation.held_out import format_table

    tables = {name: format_table(report) for name, report in result.get("models", {}).items()}
    text = "\n\n".join(f"{name}\n{table}" for name, table in tables.items()) or format_table(result)
    return f"{text}\n{result['html']}" if "html" in result else text


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
    """Run a command. Exit codes: 0 done, 1 failed, 2 wrong arguments, 130 interrupted, 141 nobody reads on."""
    arguments = build_parser().parse_args(argv)
    try:
        result = arguments.run_command(arguments)
    except (SymfftError, OSError, ImportError) as error:
        print(f"symfft-vae: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("symfft-vae: interrupted; the same command goes on where this one stopped", file=sys.stderr)
        return 130
    try:
        if arguments.json:
            print(json.dumps(result))
        elif arguments.report and not arguments.quiet:
            print(arguments.report(result))
        sys.stdout.flush()
    except BrokenPipeError:
        # the interpreter flushes standard output once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 1 if result.get("failures") else 0


if __name__ == "__main__":
    sys.exit(main())
