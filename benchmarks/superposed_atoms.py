"""Superposed atoms: how near they come to computed densities, and whether codes gain by learning from them too.

    python benchmarks/superposed_atoms.py                        # two Markdown tables on stdout, minutes
    python benchmarks/superposed_atoms.py network --work DIR     # a third one, of networks; some minutes, resumable

Radial densities of the elements are fitted to the training split, as Gaussians of fixed widths. They are then
superposed in the prototypes of the training split with other elements and lattice constants, never as a compound of
the other splits, and such densities join the training split, as many as it has.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from model_study import EPOCHS, FLOATS, GROUP, Group, coded, components, decibels, run_network
from numpy.typing import NDArray

from symfft import SpaceGroup, au_dft, au_idft
from symfft_models.data.formula import reduced_formula
from symfft_models.data.store import Entry, Site, load_bundled, write_set
from symfft_models.model.codec import CHOICES
from symfft_models.model.config import DataConfig
from symfft_models.model.density_table import grids_of, load_entries, tabulate
from symfft_models.model.representation import Representation
from symfft_models.model.stars import cell_weights

Array = NDArray[np.float64]

#: Widths of the Gaussians in reciprocal space, 1/Å.
WIDTHS = np.geomspace(0.06, 2.0, 16)
RIDGE = 1e-7
#: Which one learns from them, in the study of networks.
NETWORK = "real space, scale of each point, 3 × the rate"
#: Spread of ln(lattice constant) about what the radii of the elements give.
SPREAD = 0.03


def orbit(number: int, position: tuple[float, float, float]) -> Array:
    """Return all positions equivalent to one in the cell, (k, 3)."""
    group = SpaceGroup.from_number(number)
    images = (group.rotations @ np.array(position) + group.translations.astype(float)) % 1.0
    return np.unique(np.round(images, 9) % 1.0, axis=0)


class Superposition:
    """Densities as sums over sites of radial functions of the elements, fitted by least squares.

    ∫ ρ exp(−2πi h·x) over the cell = Σ_s f_s(|h| / a) Σ_x∈s exp(−2πi h·x), f_s(g) = Σ_k c_sk exp(−g² / 2 w_k²). Errors
    count relative to the square of the crystal's peak, as in PSNR.
    """

    def __init__(self, entries: list[Entry]) -> None:
        self.factors: dict[tuple[object, ...], Array] = {}
        self.elements = sorted({site.symbol for entry in entries for site in entry.sites})
        size = len(self.elements) * len(WIDTHS)
        square, right = RIDGE * np.eye(size), np.zeros(size)
        for entry in entries:
            terms, where = self.terms(entry), self.where(entry)
            importance = entry.au().hkl_multiplicity / (entry.values.max() * np.linalg.det(entry.lattice)) ** 2
            volume = np.linalg.det(entry.lattice) / np.prod(entry.shape)
            truth = volume * au_dft(entry.values.astype(float), entry.au()).real
            np.add.at(square, np.ix_(where, where), (terms * importance[:, None]).T @ terms)
            np.add.at(right, where, (terms * importance[:, None]).T @ truth)
        self.coefficients = np.linalg.solve(square, right)

    def where(self, entry: Entry) -> NDArray[np.int64]:
        """Number the unknowns of the entry's sites."""
        first = [len(WIDTHS) * self.elements.index(site.symbol) for site in entry.sites]
        return np.concatenate([start + np.arange(len(WIDTHS)) for start in first])

    def terms(self, entry: Entry) -> Array:
        """Return what each unknown contributes to the structure factors, (reflections, sites x widths)."""
        hkl = entry.au().hkl
        gaussians = np.exp(-((np.linalg.norm(hkl, axis=1) / entry.lattice[0, 0])[:, None] ** 2) / (2 * WIDTHS**2))
        return np.concatenate([self.factor(entry, site.position)[:, None] * gaussians for site in entry.sites], axis=1)

    def factor(self, entry: Entry, position: tuple[float, float, float]) -> Array:
        """Sum the phases of an orbit, real in these centrosymmetric groups, (reflections,)."""
        key = entry.space_group, entry.shape, position
        if key not in self.factors:
            phases = 2 * np.pi * entry.au().hkl @ orbit(entry.space_group, position).T
            self.factors[key] = np.cos(phases).sum(1)
        return self.factors[key]

    def density(self, entry: Entry) -> Array:
        """Superpose the atoms of an entry, e/Å³ on its asymmetric unit."""
        total = self.terms(entry) @ self.coefficients[self.where(entry)]
        scale = np.prod(entry.shape) / np.linalg.det(entry.lattice)
        return au_idft((scale * total).astype(complex), entry.au())


def other_crystals(entries: list[Entry], forbidden: set[str], count: int, seed: int) -> list[Entry]:
    """Put other elements into training crystals: on each site one that some crystal of the prototype has there."""
    rng = np.random.default_rng(seed)
    choices: dict[tuple[str, int], set[str]] = defaultdict(set)
    for entry in entries:
        for number, site in enumerate(entry.sites):
            choices[entry.prototype, number].add(site.symbol)
    prototypes = sorted({entry.prototype for entry in entries})
    elements = sorted({site.symbol for entry in entries for site in entry.sites})

    def row(entry: Entry) -> Array:
        """Which prototype it is, and the share of each element among its sites."""
        found = np.zeros(len(prototypes) + len(elements))
        found[prototypes.index(entry.prototype)] = 1.0
        for site in entry.sites:
            found[len(prototypes) + elements.index(site.symbol)] += 1 / len(entry.sites)
        return found

    rows, sizes = np.stack([row(entry) for entry in entries]), np.log([entry.lattice[0, 0] for entry in entries])
    radii = np.linalg.solve(rows.T @ rows + 0.1 * np.eye(rows.shape[1]), rows.T @ sizes)
    made: list[Entry] = []
    while len(made) < count:
        entry = entries[rng.integers(len(entries))]
        symbols = [rng.choice(sorted(choices[entry.prototype, n])) for n in range(len(entry.sites))]
        sites = tuple(replace(site, symbol=str(symbol)) for site, symbol in zip(entry.sites, symbols, strict=True))
        formula = compound(entry.space_group, sites)
        if len(set(symbols)) == len(symbols) and formula not in forbidden:
            other = replace(entry, sites=sites, composition=formula, id=f"superposed-{len(made)}-{formula}")
            a = float(np.exp(row(other) @ radii + SPREAD * rng.standard_normal()))
            made.append(replace(other, lattice=a * np.eye(3)))
    return made


def compound(space_group: int, sites: Sequence[Site]) -> str:
    """Write the reduced formula as the set does."""
    counts: dict[str, int] = defaultdict(int)
    for site in sites:
        counts[site.symbol] += len(orbit(space_group, site.position))
    return reduced_formula(counts)


def superpose(atoms: Superposition, entry: Entry) -> Entry:
    """Give an entry the density and electrons of its superposed atoms."""
    values = atoms.density(entry)
    electrons = float(values @ cell_weights(entry.au())) * float(np.linalg.det(entry.lattice))
    return replace(entry, values=values.astype(np.float32), electrons=electrons)


def compare_networks(work: Path, known: list[Entry], more: list[Entry]) -> None:
    """Train one network on computed densities and on both kinds, in as many steps; print a table."""
    entries = load_bundled()
    others = [entry for entry in more if entry.id.startswith("superposed") and entry.space_group == GROUP]
    both = work / "superposed.h5"
    if not both.exists():
        write_set(both, [*entries.select(space_group=GROUP), *others], {"title": "computed and superposed densities"})
    computed = sum(entry.space_group == GROUP for entry in known)
    print("| test split, PSNR in dB | steps | computed alone | p5 | with superposed | p5 |")
    print("|---|---|---|---|---|---|", flush=True)
    for epochs in (EPOCHS, 4 * EPOCHS):
        as_many = round(epochs * computed / (computed + len(others)))
        alone = run_network(work / f"alone-{epochs}", "", NETWORK, 0, f"train.epochs={epochs}")
        joined = run_network(work / f"both-{epochs}", str(both), NETWORK, 0, f"train.epochs={as_many}")
        steps = f"{alone['steps']:,} and {joined['steps']:,}"
        figures = " | ".join(f"{run[name]:.1f}" for run in (alone, joined) for name in ("psnr", "p5"))
        print(f"| {NETWORK} | {steps} | {figures} |", flush=True)


def main() -> None:
    """Fit, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("codes", "network"), nargs="?", default="codes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="folder for the runs of networks")
    options = parser.parse_args()
    torch.set_num_threads(1)
    entries = {split: load_entries(DataConfig(), split) for split in ("train", "val", "test")}
    atoms = Superposition(entries["train"])
    representation = Representation(grids_of(entries["train"]))
    forbidden = {entry.composition for split in ("val", "test") for entry in entries[split]}
    others = other_crystals(entries["train"], forbidden, len(entries["train"]), options.seed)
    more = [*entries["train"], *(superpose(atoms, entry) for entry in others)]
    if options.part == "network":
        if options.work is None:
            parser.error("network needs --work DIR")
        options.work.mkdir(parents=True, exist_ok=True)
        compare_networks(options.work, entries["train"], more)
        return
    tables = {name: tabulate(part, representation) for name, part in {**entries, "more": more}.items()}

    print("| superposed atoms, PSNR in dB | train | val | test |\n|---|---|---|---|")
    for index, number in enumerate(representation.groups):
        means = []
        for split in entries:
            known = [e for e in tables[split].entries_of(index) if {s.symbol for s in e.sites} <= {*atoms.elements}]
            square = [(atoms.density(e) - e.values) ** 2 @ cell_weights(e.au()) for e in known]
            means.append(np.mean([10 * np.log10(e.values.max() ** 2 / s) for e, s in zip(known, square, strict=True)]))
        print(f"| space group {number} | {' | '.join(f'{mean:.1f}' for mean in means)} |")

    print("\n| test split, PSNR in dB | floats | PCA | with superposed | codec | with superposed |")
    print("|---|---|---|---|---|---|", flush=True)
    for index, unit in enumerate(representation.units):
        shift = representation.shift_gn[index, : unit.size].numpy()
        truth = tables["test"].of_group(index, unit.size)
        groups = [
            Group(unit, tables[name].of_group(index, unit.size), tables[name].compounds(index), shift, truth)
            for name in ("train", "more")
        ]
        for floats in FLOATS:
            kinds = [components(group, floats) for group in groups] + [
                coded(group, floats, CHOICES) for group in groups
            ]
            found = " | ".join(f"{decibels(groups[0], guess)[0]:.1f}" for guess in kinds)
            print(f"| space group {representation.groups[index]} | {floats} | {found} |", flush=True)


if __name__ == "__main__":
    main()
