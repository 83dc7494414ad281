"""What every page is made of: one self-contained HTML file, sortable tables, pictures inside."""

from __future__ import annotations

import base64
import io
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from symfft import __version__
from symfft.io.atomic import replace_file, write_text

#: Draws a named figure, with a caption if wanted, and returns its HTML.
Draw = Callable[..., str]


STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 } td, th { padding: .2em .7em; text-align: right }
th { border-bottom: 1px solid #888; font-weight: 600 } tr:nth-child(even) td { background: #f4f5f7 }
th { cursor: pointer } th[aria-sort=ascending]::after { content: " ↑" }
th[aria-sort=descending]::after { content: " ↓" } iframe { width: 100%; height: 34em; border: 1px solid #ccc }
td.text, th.text { text-align: left } td:nth-child(-n+3) { white-space: nowrap }
figure { margin: 1em 0 } img { max-width: 100% }
figcaption, p.note { color: #555; font-size: 90% } pre { background: #f4f5f7; padding: .8em; overflow-x: auto }
"""

#: A click on a heading sorts the table by its column, a second one the other way round.
SORT = """
for (const head of document.querySelectorAll("th")) head.addEventListener("click", () => {
  const body = head.closest("table"), rows = [...body.rows].slice(1), column = head.cellIndex;
  const down = head.ariaSort === "ascending" ? -1 : 1;
  const value = (row) => row.cells[column].textContent.trim();
  const number = (text) => text === "–" ? -Infinity : parseFloat(text.replace("−", "-"));
  const numeric = rows.every((row) => !isNaN(number(value(row))));
  rows.sort((a, b) => down * (numeric ? number(value(a)) - number(value(b)) : value(a).localeCompare(value(b))));
  for (const other of body.rows[0].cells) other.ariaSort = null;
  head.ariaSort = down === 1 ? "ascending" : "descending";
  body.tBodies[0].append(...rows);
});
"""


def write_page(path: Path, title: str, parts: Sequence[str]) -> None:
    """Write a page of HTML parts under a title, with the command that makes it; it appears whole or not at all."""
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    head = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=note>Made {made} by symfft {__version__}: <code>{escape(command_line())}</code></p>",
    ]
    page = f"<title>{escape(title)}</title><style>{STYLE}</style>" + "\n".join([*head, *parts])
    write_text(path, f'<!doctype html><html lang="en"><meta charset="utf-8">{page}<script>{SORT}</script></html>\n')


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Lay out a table; numbers to the right, text to the left."""
    lines = ["<tr>" + "".join(f'<th title="sort">{escape(cell)}</th>' for cell in header) + "</tr>"]
    for row in rows:
        cells = [f"<td{'' if _numeric(cell) else ' class=text'}>{escape(str(cell))}</td>" for cell in row]
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return "<table>" + "\n".join(lines) + "</table>"


def _numeric(cell: Any) -> bool:
    """Whether a cell begins with a number, as a word of its own, or stands for none."""
    return cell == "–" or re.fullmatch(r"[-−+]?[\d.,]+(e[-+]?\d+)?[%,]?", str(cell).split(" ")[0]) is not None


def number(value: float | None, digits: int = 2) -> str:
    """Format a number, or a dash in the place of none."""
    return "–" if value is None or not np.isfinite(value) else f"{value:.{digits}f}"


def picture(folder: Path | None, name: str, figure: Figure, caption: str = "") -> str:
    """Draw a figure into the page, and into a file of a folder where there is one."""
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100, format="png")
    png = buffer.getvalue()
    if folder:
        with replace_file(folder / f"{name}.png") as file:
            file.write(png)
    data = base64.b64encode(png).decode("ascii")
    note = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">{note}</figure>'


def command_line() -> str:
    """Return the command that runs, as one could type it."""
    name = Path(sys.argv[0]).name
    return shlex.join([name if name.startswith("symfft") else "symfft-vae", *sys.argv[1:]])
