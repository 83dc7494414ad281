"""A set of densities as other people want it: parquet, CHGCARs, statistics, a sheet of pictures to browse."""

from __future__ import annotations

import base64
import html
import io
import json
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from symfft import SymfftError, read_chgcar, reduce_to_au, write_chgcar
from symfft.io.atomic import replacement, write_text
from symfft_models.data.entry import Entry
from symfft_models.data.store import SPLITS, DensitySet
from symfft_models.datasets.prepare import is_finished, stored_entries

PathLike = str | os.PathLike[str]

#: Rows of a parquet file, and of a row group in it.
FILE_ROWS, GROUP_ROWS = 8192, 256


def entries_of(source: PathLike) -> Iterator[Entry]:
    """Yield the entries of a set: a file of one, or the folder of a prepared one, a shard in memory at a time.

    Raises
    ------
    FileNotFoundError
        If there is no set.
    """
    yield from stored_entries(source) if Path(source).is_dir() else DensitySet.open(source)


def require_entries(source: PathLike, *, unfinished: bool = False) -> None:
    """Refuse a set without entries and, unless `unfinished` is wanted, one that prepare has not finished.

    Raises
    ------
    SymfftError
        In both cases.
    FileNotFoundError
        If there is no set.
    """
    if Path(source).is_dir() and not unfinished and not is_finished(source):
        raise SymfftError(
            f"{source} is not finished: run the same prepare command again, or take what there is with --unfinished"
        )
    if next(iter(entries_of(source)), None) is None:
        raise SymfftError(f"{source} holds no densities")


def export_parquet(source: PathLike, out: PathLike, file_rows: int = FILE_ROWS) -> dict[str, int]:
    """Write a set as a Hugging Face data set: ``data/SPLIT-NNNNN.parquet`` and a README.md that names the splits.

    Parameters
    ----------
    source : path-like
        The set.
    out : path-like
        Folder, made where it is missing.
    file_rows : int
        Rows of a file.

    Returns
    -------
    dict
        Number of rows by split.
    """
    arrow, parquet = _pyarrow()
    schema = _schema(arrow)
    folder = Path(out) / "data"
    folder.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    files: dict[str, tuple[Any, ExitStack]] = {}
    waiting: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def flush(split: str) -> None:
        if waiting[split]:
            files[split][0].write_table(arrow.Table.from_pylist(waiting.pop(split), schema=schema))

    def close(split: str) -> None:
        flush(split)
        files.pop(split)[1].close()

    with ExitStack() as unfinished:
        for entry in entries_of(source):
            split = entry.split
            if split not in files:
                own = unfinished.push(ExitStack())
                temporary = own.enter_context(replacement(folder / f"{split}-{counts[split] // file_rows:05d}.parquet"))
                writer = parquet.ParquetWriter(temporary, schema, compression="zstd")
                files[split] = own.enter_context(writer), own
            waiting[split].append(_row(entry))
            counts[split] += 1
            if counts[split] % file_rows == 0:
                close(split)
            elif len(waiting[split]) == GROUP_ROWS:
                flush(split)
        for split in list(files):
            close(split)
    write_text(Path(out) / "README.md", _card(counts))
    return dict(counts)


def export_chgcars(source: PathLike, out: PathLike, *, compress: bool = True) -> dict[str, Any]:
    """Write every entry as a CHGCAR, read it back, and report what the way there and back changed.

    Returns
    -------
    dict
        ``files``; ``largest_error``, max |values read back and reduced - values stored| / max |values|;
        ``largest_electron_error``, in electrons per cell; ``worst``, the file of the largest error.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"files": 0, "largest_error": 0.0, "largest_electron_error": 0.0, "worst": None}
    for number, entry in enumerate(entries_of(source)):
        path = folder / f"{number:07d}-{_safe(entry.composition)}-{entry.space_group}.CHGCAR{'.gz' if compress else ''}"
        write_chgcar(path, entry.density())
        back = read_chgcar(path)
        values = reduce_to_au(back.values, entry.au(), tolerance=math.inf)
        error = float(np.abs(values - entry.values).max() / np.abs(entry.values).max())
        report["files"] += 1
        report["largest_electron_error"] = max(report["largest_electron_error"], abs(back.electrons - entry.electrons))
        if error >= report["largest_error"]:
            report["largest_error"], report["worst"] = error, path.name
    return report


def statistics(source: PathLike) -> dict[str, Any]:
    """Count and measure a set, an entry at a time.

    Returns
    -------
    dict
        ``entries``, ``compositions``, ``by_space_group``, ``by_split``, ``by_prototype``, ``elements`` (entries that
        hold one), and least, mean and largest ``au_points``, ``electrons``, ``volume`` (Å³), ``minimum`` and
        ``maximum`` (e/Å³), and where the set has it ``symmetry_residual``.
    """
    counted: dict[str, Counter[Any]] = {name: Counter() for name in ("space_group", "split", "prototype", "elements")}
    compositions: set[str] = set()
    ranges: dict[str, list[float]] = {}
    for entry in entries_of(source):
        compositions.add(entry.composition)
        for name in ("space_group", "split", "prototype"):
            counted[name][getattr(entry, name)] += 1
        counted["elements"].update({site.symbol for site in entry.sites})
        measured = {
            "au_points": len(entry.values),
            "electrons": entry.electrons,
            "volume": abs(float(np.linalg.det(entry.lattice))),
            "minimum": float(entry.values.min()),
            "maximum": float(entry.values.max()),
        }
        if "symmetry_residual" in entry.metadata:
            measured["symmetry_residual"] = entry.metadata["symmetry_residual"]
        for name, value in measured.items():
            least, total, most, n = ranges.get(name, [math.inf, 0.0, -math.inf, 0])
            ranges[name] = [min(least, value), total + value, max(most, value), n + 1]
    return {
        "entries": sum(counted["split"].values()),
        "compositions": len(compositions),
        "by_space_group": dict(sorted(counted["space_group"].items())),
        "by_split": dict(counted["split"]),
        "by_prototype": dict(counted["prototype"].most_common()),
        "elements": dict(counted["elements"].most_common()),
        **{name: {"least": a, "mean": total / n, "largest": b} for name, (a, total, b, n) in ranges.items()},
    }


def write_sheet(source: PathLike, out: PathLike, per_group: int = 40) -> int:
    """Write one HTML file, pictures included, with a slice of the first entries of every space group.

    Each picture is the plane z = const of the cell through its largest value, in fractional coordinates, square root
    of the density, every one on its own scale. The file has a field to filter by text; it needs no network.

    Returns
    -------
    int
        Number of pictures.
    """
    shown: Counter[int] = Counter()
    cards = []
    for entry in entries_of(source):
        shown[entry.space_group] += 1
        if shown[entry.space_group] <= per_group:
            cards.append(_picture_card(entry))
    total = sum(shown.values())
    groups = ", ".join(f"{group}: {count}" for group, count in sorted(shown.items()))
    page = SHEET.format(cards="\n".join(cards), count=len(cards), total=total, groups=html.escape(groups))
    write_text(out, page)
    return len(cards)


# ---- inside ---------------------------------------------------------------------------------------------------------

SHEET = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Electron densities</title>
<style>
body {{ font: 14px system-ui, sans-serif; margin: 1.5em; background: #fff; color: #222 }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(11em, 1fr)); gap: 1em }}
figure {{ margin: 0 }} img {{ width: 100%; aspect-ratio: 1; image-rendering: pixelated }}
figcaption {{ font-size: 12px; overflow-wrap: anywhere }}
input {{ font: inherit; padding: .3em; width: 24em; max-width: 100% }}
</style>
<h1>Electron densities</h1>
<p>{count} of {total} densities ({groups}). Plane z = const through the largest value, fractional coordinates, square
root of the density, each on its own scale.</p>
<p><label>Show those with <input id="filter" placeholder="formula, space group, name"></label></p>
<main>
{cards}
</main>
<script>
document.getElementById("filter").addEventListener("input", event => {{
  const words = event.target.value.toLowerCase().split(" ");
  for (const card of document.querySelectorAll("figure"))
    card.hidden = !words.every(word => card.textContent.toLowerCase().includes(word));
}});
</script></html>
"""


def _picture_card(entry: Entry) -> str:
    values = entry.density().values
    layer = int(np.unravel_index(values.argmax(), values.shape)[2])
    picture = np.sqrt(np.maximum(values[:, :, layer], 0)).T[::-1]
    buffer = io.BytesIO()
    _matplotlib().imsave(buffer, picture, cmap="viridis", format="png")
    data = base64.b64encode(buffer.getvalue()).decode()
    text = (
        f"{entry.composition} · {entry.space_group} · {entry.prototype} · {entry.electrons:.6g} e · "
        f"z = {layer}/{values.shape[2]} · max {values.max():.3g} e/Å³ · {entry.split} · {entry.id}"
    )
    caption = html.escape(text)
    name = html.escape(entry.composition, quote=True)
    return f'<figure><img alt="{name}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "composition": entry.composition,
        "prototype": entry.prototype,
        "space_group": entry.space_group,
        "shape": list(entry.shape),
        "lattice": entry.lattice.tolist(),
        "electrons": entry.electrons,
        "sites": [asdict(site) for site in entry.sites],
        "metadata": json.dumps({name: None if value != value else value for name, value in entry.metadata.items()}),
        "values": entry.values,
    }


def _schema(arrow: ModuleType) -> Any:
    site = arrow.struct(
        [("symbol", arrow.string()), ("wyckoff", arrow.string()), ("position", arrow.list_(arrow.float64()))]
    )
    return arrow.schema(
        [
            ("id", arrow.string()),
            ("composition", arrow.string()),
            ("prototype", arrow.string()),
            ("space_group", arrow.int16()),
            ("shape", arrow.list_(arrow.int32())),
            ("lattice", arrow.list_(arrow.list_(arrow.float64()))),
            ("electrons", arrow.float64()),
            ("sites", arrow.list_(site)),
            ("metadata", arrow.string()),
            ("values", arrow.list_(arrow.float32())),
        ]
    )


def _card(counts: Counter[str]) -> str:
    files = "".join(
        f"  - split: {'validation' if split == 'val' else split}\n    path: data/{split}-*.parquet\n"
        for split in SPLITS
        if counts[split]
    )
    return (
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        f"{files}---\n\n# Electron densities on asymmetric units\n\n"
        "`values` are in e/Å³, one for each orbit of the grid `shape` of the conventional cell under `space_group` "
        "(ITA reference setting, origin choice 2), in the order of `symfft.asymmetric_unit(space_group, shape)`; "
        "`symfft.expand_from_au` gives the full grid. `lattice` has rows in Å, `sites` one atom of every orbit, "
        "`metadata` is JSON.\n"
    )


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]", "_", name)


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError('parquet needs pyarrow: pip install "symfft[data]"') from error
    return pyarrow, pyarrow.parquet


def _matplotlib() -> Any:
    try:
        from matplotlib import image
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install "symfft[plot]"') from error
    return image
