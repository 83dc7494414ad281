"""One HTML page that holds a density, its crystal and the program that draws them."""

from __future__ import annotations

import html
import json
import os
import re
from dataclasses import dataclass
from importlib.resources import files

from symfft.density import Density
from symfft.io.atomic import replace_file
from symfft.view.grids import comparable, grids_of
from symfft.view.scene import scene_of


@dataclass(frozen=True, repr=False)
class Page:
    """An interactive page as the text of an HTML file; notebooks show it in a frame.

    Parameters
    ----------
    html : str
        The document; everything that it needs is inside.
    notes : tuple of str
        What was done to the values, where something was.
    """

    html: str
    notes: tuple[str, ...] = ()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, atomically; one that exists is replaced."""
        with replace_file(path) as target:
            target.write(self.html.encode("utf-8"))

    def _repr_html_(self) -> str:
        style = "width:100%;height:560px;border:1px solid #ddd"
        return f'<iframe loading="lazy" style="{style}" srcdoc="{html.escape(self.html)}"></iframe>'

    def __repr__(self) -> str:
        return f"<Page: {len(self.html) / 1e6:.1f} MB>"


def density_page(
    density: Density, other: Density | None = None, *, title: str = "", names: tuple[str, str] = ("first", "second")
) -> Page:
    r"""Return a page to look at a density from all sides.

    It shows the isosurface :math:`\rho(\mathbf r) = c` with a slider for `c`, for quantities of both signs also
    :math:`\rho = -c`; the atoms and the cell; and the plane :math:`hx + ky + lz = d` of fractional coordinates for any
    indices (hkl) and any `d`, inside the cell. Of a second density in the same cell it shows values and difference as
    well. Positions in the page's address set it up: ``page.html#level=0.2&hkl=1,1,0&at=0.5&grid=1``.

    Parameters
    ----------
    density : Density
        What to look at. A collinear magnetization, the length of a non-collinear one, or the part of spin down can be
        chosen in the page.
    other : Density, optional
        What to compare it with: the same kind of quantity in the same cell. On another grid it is interpolated to the
        grid of the first.
    title : str
        Title of the page; the composition by default.
    names : (str, str)
        What the two densities are called in the page.

    Returns
    -------
    Page
        ``page.save("page.html")`` writes it; a notebook shows it.

    Raises
    ------
    ShapeError
        If the two densities differ in kind or cell.
    SymfftError
        If k3d is not installed.

    Notes
    -----
    Values are kept in single precision; grids of more than two million points are interpolated to fewer, and the page
    says so. The surface is found in the browser by marching cubes, the page's program is that of k3d.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import Density
    >>> density = Density(np.full((4, 4, 4), 0.125), 4.0 * np.eye(3), [[0, 0, 0]], [2])
    >>> density_page(density, title="helium").html[:15]
    '<!doctype html>'
    """
    second = None if other is None else comparable(density, other)
    grids, notes = grids_of(density, second, names)
    plot, ids, description = scene_of(density)
    scene = {"title": title or description["composition"], "ids": ids, "grids": grids, "notes": notes, **description}
    program = files("symfft.view").joinpath("page.js").read_text(encoding="utf-8")
    # no "<" inside: a name like "</script>" must not end the script
    data = json.dumps(scene).replace("<", "\\u003c")
    text = plot.get_snapshot(compression_level=9, additional_js_code=f"({program})(K3DInstance, {data});")
    title = f"<title>{html.escape(scene['title'])}</title>"
    return Page(re.sub("<title>.*?</title>", lambda _: title, text, count=1), tuple(notes))
