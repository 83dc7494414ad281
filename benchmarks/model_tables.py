"""Write the tables of README.md and docs/predict.md anew from what the shipped models reach on the package's set.

``python benchmarks/model_tables.py [--json FILE] [--check]`` runs ``symfft-vae evaluate --shipped --json``, or reads
what that printed, and replaces what stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``. With
``--check`` nothing is written, and the exit code is 1 where a table says something else. Prints what sentences need.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

from symfft_models.datasets.paw.store import load_paw

ROOT = Path(__file__).parents[1]
SIZES = (64, 128, 256)


def row(*cells):
    """Return a line of a Markdown table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def reconstruction(report):
    """Return the lines of README's table: NMAE and PSNR of the codecs by split and group."""
    models = [report["models"][f"latent-{size}"] for size in SIZES]
    yield row("", "group", "n", *(f"{size} floats" for size in SIZES))
    yield "|---" * 6 + "|"
    for split, groups in (("test", [m["groups"] for m in models]), ("hard", [m["hard"]["groups"] for m in models])):
        for number in groups[0]:
            found = [group[number] for group in groups]
            cells = [
                f"{g['model']['nmae']['mean']:.2f} / {g['model']['psnr']['mean']:.1f} "
                f"({g['pca']['nmae']['mean']:.2f}, {g['stars']['nmae']['mean']:.2f})"
                for g in found
            ]
            yield row(split, found[0]["symbol"].split(":")[0], found[0]["n"], *cells)


def prediction(report):
    """Return the lines of the table of predictions from the structure alone."""
    yield row(
        "split, groups", "n", "median / mean / 95 %", "superposed atoms, median", "times better", "inside the 90 % bar"
    )
    yield "|---" * 6 + "|"
    for split, found in report["density_model"]["splits"].items():
        for s in found["summary"]:
            name = split if s["group"] == "all" else f"{split}, {s['group']}"
            errors = f"{s['median']:.2f} / {s['mean']:.2f} / {s['p95']:.2f}"
            bars = f"{100 * s['inside_bar']:.0f} %"
            yield row(name, s["crystals"], errors, f"{s['superposed_median']:.2f}", f"{s['better']:.2f}", bars)


def latents(report):
    """Return the lines of the table of latents beside structure factors, hard list."""
    whole = report["density_model"]["splits"]["hard"]["summary"][0]
    yield row("", *(f"{size} floats" for size in SIZES))
    yield "|---" * 4 + "|"
    yield row("latents", *(f"{whole[f'latents_{size}']:.3f}" for size in SIZES))
    yield row("structure factors", *(f"{whole[f'stars_{size}']:.2f}" for size in SIZES))


TABLES = {
    "README.md": {"reconstruction": reconstruction},
    "docs/predict.md": {"prediction": prediction, "latents": latents},
}


def rewritten(text, name, lines):
    """Return a page with a table of this name replaced."""
    table = f"<!-- table: {name} -->\n" + "\n".join(lines) + "\n<!-- end of table -->"
    text, count = re.subn(rf"<!-- table: {name} -->\n.*?<!-- end of table -->", lambda _: table, text, flags=re.DOTALL)
    if count != 1:
        sys.exit(f"there are {count} tables named {name}, and there should be one")
    return text


def main():
    """Write or check the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="what `symfft-vae evaluate --shipped --json` printed")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a table differs")
    options = parser.parse_args()
    if options.json:
        report = json.loads(options.json.read_text(encoding="utf-8"))
    else:
        command = [sys.executable, "-m", "symfft_models.cli", "evaluate", "--shipped", "--json"]
        report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    differ = []
    for path, tables in TABLES.items():
        old = text = (ROOT / path).read_text(encoding="utf-8")
        for name, lines in tables.items():
            text = rewritten(text, name, lines(report))
        if text != old:
            differ.append(path)
            if not options.check:
                (ROOT / path).write_text(text, encoding="utf-8")
    densities = load_paw()
    model = report["density_model"]
    print(f"{len(densities)} densities of {len(set(densities.column('composition')))} compounds")
    facts = model["facts"]
    print(f"model: {facts['crystals']} crystals, {facts['compounds']} compounds, {facts['elements']} elements")
    for split, found in model["splits"].items():
        whole = found["summary"][0]
        sizes = ", ".join(f"{whole[f'latents_{size}']:.3f}" for size in SIZES)
        errors = f"median {whole['median']:.2f}, p95 {whole['p95']:.2f}, superposed {whole['superposed_median']:.2f}"
        print(f"{split}: {errors}, latents {sizes}")
    print(*(f"{path} {'differs' if options.check else 'written'}" for path in differ), sep="\n")
    return int(options.check and bool(differ))


if __name__ == "__main__":
    sys.exit(main())
