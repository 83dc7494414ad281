r"""Radial atoms: the form factor of every element in densities of VASP's kind, and how far superposed atoms miss.

.. math:: f_Z(G) = f_Z^\mathrm{free}(G) + \sum_n c_{Zn} (G/s_n)^2 e^{-G^2/2 s_n^2}

The free atom has the valence density of the element's PAW setup outside its cut-off radius, an even polynomial inside
that goes on smoothly there, and a shape function that holds the electrons the polynomial lacks. The coefficients c are
fitted to structure factors of a training set (least squares, with a ridge that leaves an element which the set does
not have a free atom); every term vanishes at G = 0, so that an atom holds its valence electrons exactly.

Run as ``python -m symfft_models.atoms.radial [SET]`` to fit the file that comes with the package again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import SpaceGroup
from symfft.constants import BOHR
from symfft.io.atomic import write_text
from symfft_models._array_types import ComplexArray, FloatArray
from symfft_models.data.entry import atoms_of
from symfft_models.datasets.paw import PawEntry, PawSet, Setup, load_paw, shape_transform
from symfft_models.datasets.paw.reflections import operators, plane_waves

FILE = "radial.json"
#: Widths s_n (1/Å) of the fitted terms.
WIDTHS = np.geomspace(0.5, 10.0, 14)
#: Ridge of the fit, as a share of the median diagonal element.
RIDGE = 1e-3
#: Lengths |G| (1/Å) up to which form factors are tabulated, and the edges of the shells of the spread.
LONGEST, POINTS = 24.0, 1201
EDGES = np.linspace(0.0, LONGEST, 49)


@dataclass(frozen=True, eq=False)
class RadialAtoms:
    """Form factors of elements.

    Attributes
    ----------
    valence : dict
        Element: its valence electrons. The order is that of all arrays.
    free : (elements, points) float
        Form factors (electrons) of the free atoms at :attr:`lengths`.
    coefficients : (elements, n) float
        Fitted terms; zero for an element that the training set lacks.
    spread : (shells,) float
        Root mean square of what superposed atoms miss of the training set's structure factors (electrons), per square
        root of the number of atoms, by shells of |G| between :data:`EDGES`.
    fitted : tuple of str
        Elements that the training set has.
    """

    valence: Mapping[str, int]
    free: FloatArray
    coefficients: FloatArray
    spread: FloatArray
    fitted: tuple[str, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Elements, in the order of the arrays."""
        return tuple(self.valence)

    @property
    def lengths(self) -> FloatArray:
        """Lengths |G| (1/Å) of the table."""
        return np.linspace(0.0, LONGEST, POINTS)

    @cached_property
    def table(self) -> FloatArray:
        """Form factors at :attr:`lengths`, (elements, points)."""
        return self.free + self.coefficients @ terms(self.lengths).T

    def form_factors(self, lengths: FloatArray) -> FloatArray:
        """Return the form factors (electrons) of all elements at lengths |G| (1/Å): (elements, n)."""
        return np.stack([np.interp(lengths, self.lengths, row) for row in self.table])

    def deviation(self, lengths: FloatArray) -> FloatArray:
        """Return :attr:`spread` at lengths |G| (1/Å): (n,)."""
        return np.asarray(np.interp(lengths, (EDGES[1:] + EDGES[:-1]) / 2, self.spread))


def terms(lengths: FloatArray) -> FloatArray:
    """Return the fitted terms at lengths |G| (1/Å): (n, terms)."""
    x = np.asarray(lengths, dtype=np.float64)[:, None] / WIDTHS
    return np.asarray(x**2 * np.exp(-(x**2) / 2))


def free_atoms(setups: Sequence[Setup], lengths: FloatArray) -> FloatArray:
    """Return the form factors (electrons) of setups' free atoms, smooth inside their cut-offs, at |G| in 1/Å: (s, n).

    The setups have their densities on the same radii, so that one table of waves serves all of them.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft_models.datasets.paw import load_paw
    >>> free_atoms([load_paw().setups["O"]], np.array([0.0])).round(6).tolist()
    [[6.0]]
    """
    r = np.linspace(1e-4, float(setups[0].radius[-1]), 4000)
    G = np.asarray(lengths, dtype=np.float64) * BOHR
    shells = np.stack([4 * np.pi * r**2 * _smooth(setup, r) * (r[1] - r[0]) for setup in setups])
    lacking = np.array([setup.valence for setup in setups]) - shells.sum(axis=1)
    compensated = np.stack([shape_transform(G * setup.r_comp) for setup in setups])
    return np.asarray(shells @ np.sinc(np.outer(r, G) / np.pi) + lacking[:, None] * compensated)


def _smooth(setup: Setup, r: FloatArray) -> FloatArray:
    """Return the density of a setup's free atom at radii r (bohr), a parabola in r² inside its cut-off."""
    log_radius, density = np.log(setup.radius), setup.valence_density.astype(np.float64)

    def outside(r: Any) -> Any:
        return np.interp(np.log(r), log_radius, density)

    edge, h = setup.cutoff, 1e-2
    below, at, above = outside(edge - h), outside(edge), outside(edge + h)
    value, slope, curvature = at, (above - below) / (2 * h), (above - 2 * at + below) / h**2
    system = [[1, edge**2, edge**4], [0, 2 * edge, 4 * edge**3], [0, 2, 12 * edge**2]]
    a, b, c = np.linalg.solve(np.array(system), [value, slope, curvature])
    return np.where(r < edge, a + b * r**2 + c * r**4, outside(r))


@dataclass(frozen=True, eq=False)
class _Reflections:
    """One density of the fit: lengths, structure factors (electrons), multiplicities, geometry of each element."""

    lengths: FloatArray
    factors: ComplexArray
    multiplicity: NDArray[np.int64]
    geometry: Mapping[str, ComplexArray]
    atoms: int

    @classmethod
    def of(cls, entry: PawEntry) -> _Reflections:
        hkl = entry.hkl.astype(np.int64)
        lengths = np.linalg.norm(hkl @ (2 * np.pi * np.linalg.inv(entry.lattice).T), axis=1)
        inside = (lengths > 1e-6) & (lengths < LONGEST)
        hkl, lengths = hkl[inside], lengths[inside]
        volume = abs(float(np.linalg.det(entry.lattice)))
        images = np.einsum("ni,oij->noj", hkl, operators(SpaceGroup.from_number(entry.space_group))[0])
        keys = np.sort(np.concatenate([images, -images], axis=1) @ np.array([1_000_003, 1009, 1]), axis=1)
        positions, owners, _ = atoms_of(entry.space_group, entry.sites)
        geometry: dict[str, Any] = {}
        for row, site in enumerate(entry.sites):
            here = plane_waves(positions[owners == row], hkl).sum(0)
            geometry[site.symbol] = geometry.get(site.symbol, 0) + here
        factors = entry.structure_factors()[inside] * volume
        return cls(lengths, factors, (np.diff(keys, axis=1) != 0).sum(1) + 1, geometry, len(positions))


def fit_radial_atoms(entries: Iterable[PawEntry], setups: Mapping[str, Setup]) -> RadialAtoms:
    """Fit the form factors to densities: least squares over all reflections, weighted by what is missed at their |G|.

    Parameters
    ----------
    entries : iterable of PawEntry
        Densities to learn from.
    setups : mapping
        Setups of all elements that the atoms are to be of.
    """
    data = [_Reflections.of(entry) for entry in entries]
    lengths = np.linspace(0.0, LONGEST, POINTS)
    start = RadialAtoms(
        valence={symbol: setup.valence for symbol, setup in setups.items()},
        free=free_atoms([*setups.values()], lengths),
        coefficients=np.zeros((len(setups), len(WIDTHS))),
        spread=np.ones(len(EDGES) - 1),
        fitted=tuple(symbol for symbol in setups if any(symbol in d.geometry for d in data)),
    )
    atoms = start
    for _ in range(2):
        spread = _spread(atoms, data)
        coefficients = _solve(start, spread, data)
        atoms = RadialAtoms(start.valence, start.free, coefficients, spread, start.fitted)
    return RadialAtoms(start.valence, start.free, atoms.coefficients, _spread(atoms, data), start.fitted)


def _missed(atoms: RadialAtoms, data: Iterable[_Reflections]) -> Iterator[tuple[_Reflections, ComplexArray]]:
    place = {symbol: row for row, symbol in enumerate(atoms.symbols)}
    for d in data:
        model = sum(
            np.interp(d.lengths, atoms.lengths, atoms.table[place[symbol]]) * geometry
            for symbol, geometry in d.geometry.items()
        )
        yield d, d.factors - model


def _spread(atoms: RadialAtoms, data: Iterable[_Reflections]) -> FloatArray:
    squares, weights = np.zeros(len(EDGES) - 1), np.zeros(len(EDGES) - 1)
    for d, missed in _missed(atoms, data):
        squares += np.histogram(d.lengths, EDGES, weights=d.multiplicity * np.abs(missed) ** 2 / d.atoms)[0]
        weights += np.histogram(d.lengths, EDGES, weights=d.multiplicity)[0]
    return np.asarray(np.sqrt(squares / np.maximum(weights, 1)))


def _solve(start: RadialAtoms, spread: FloatArray, data: Iterable[_Reflections]) -> FloatArray:
    """Coefficients of all elements from the normal equations of all densities."""
    count, n = len(start.symbols), len(WIDTHS)
    place = {symbol: np.arange(row * n, (row + 1) * n) for row, symbol in enumerate(start.symbols)}
    normal, right = np.zeros((count * n, count * n)), np.zeros(count * n)
    centres = (EDGES[1:] + EDGES[:-1]) / 2
    floor = 1e-3 * float(spread.max())
    for d, missed in _missed(start, data):
        weight = np.sqrt(d.multiplicity / d.multiplicity.sum() / d.atoms)
        weight /= np.interp(d.lengths, centres, np.maximum(spread, floor))
        shapes = terms(d.lengths) * weight[:, None]
        columns = np.concatenate([shapes * geometry[:, None] for geometry in d.geometry.values()], axis=1)
        rows = np.concatenate([place[symbol] for symbol in d.geometry])
        normal[np.ix_(rows, rows)] += (columns.conj().T @ columns).real
        right[rows] += (columns.conj().T @ (missed * weight)).real
    diagonal = np.diag(normal)
    ridge = RIDGE * float(np.median(diagonal[diagonal > 0]))
    return np.asarray(np.linalg.solve(normal + ridge * np.eye(len(normal)), right).reshape(count, n))


def write_radial_atoms(path: Path, atoms: RadialAtoms, source: str) -> None:
    """Write what was fitted as JSON; free atoms come from the setups again."""
    record = {
        "source": source,
        "widths": WIDTHS.round(6).tolist(),
        "spread": [float(f"{value:.4g}") for value in atoms.spread],
        "coefficients": {
            symbol: [round(value, 5) for value in row.tolist()]
            for symbol, row in zip(atoms.symbols, atoms.coefficients, strict=True)
            if symbol in atoms.fitted
        },
    }
    write_text(path, json.dumps(record, indent=1) + "\n")


@cache
def load_radial_atoms() -> RadialAtoms:
    """Return the radial atoms that come with the package, fitted to the training split of its PAW densities.

    Examples
    --------
    >>> atoms = load_radial_atoms()
    >>> atoms.valence["Na"], atoms.valence["Cl"]
    (7, 7)
    """
    record = json.loads(resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    setups = load_paw().setups
    lengths = np.linspace(0.0, LONGEST, POINTS)
    fitted = record["coefficients"]
    return RadialAtoms(
        valence={symbol: setup.valence for symbol, setup in setups.items()},
        free=free_atoms([*setups.values()], lengths),
        coefficients=np.array([fitted.get(symbol, [0.0] * len(WIDTHS)) for symbol in setups]),
        spread=np.array(record["spread"]),
        fitted=tuple(symbol for symbol in setups if symbol in fitted),
    )


def main(arguments: list[str]) -> int:
    """Fit the file that comes with the package to a set's training split (default: the set of the package)."""
    densities = PawSet.open(arguments[0]) if arguments else load_paw()
    train = densities.select(split="train")
    atoms = fit_radial_atoms(train, densities.setups)
    source = f"training split of the PAW densities: {len(train)} densities, {len(atoms.fitted)} elements"
    write_radial_atoms(Path(str(resources.files(__package__).joinpath(FILE))), atoms, source)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
