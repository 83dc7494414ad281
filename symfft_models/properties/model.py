"""The shipped model of properties: the description by atoms, learned from training and validation split."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from symfft.io.atomic import replace_file
from symfft_models._array_types import FloatArray, IntArray
from symfft_models.datasets.paw import PawSet, load_paw
from symfft_models.properties.descriptions import LENGTHS, AtomsOf
from symfft_models.properties.evaluation import FEWEST, PROPERTIES, fold_of, out_of_fold, values_of
from symfft_models.properties.learner import GaussianProcess
from symfft_models.properties.targets import PropertiesError, samples_of
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.weights_file import read_arrays

SHIPPED = Path(__file__).parent.parent / "shipped" / "properties.safetensors"
FORMAT = "symfft-properties 1"
#: Splits that are learned from.
LEARNED = ("train", "val")
#: Share of the known crystals that stay inside the stated bar.
INSIDE = 0.9


@dataclass(frozen=True, eq=False)
class Learned:
    """One property: the crystals (rows) with known values, the kernel's length, and the bar in standard deviations."""

    rows: IntArray
    values: FloatArray
    length: float
    bar: float


@dataclass(frozen=True, eq=False)
class PropertyModel:
    """Gaussian processes of formation energy, bulk modulus, metal or not, and gap.

    Attributes
    ----------
    atoms : AtomsOf
        Of the known crystals.
    learned : mapping
        By property.
    facts : mapping
        Where it comes from; JSON.

    Examples
    --------
    >>> from symfft_models.datasets.paw import load_paw
    >>> from symfft_models.properties.model import load_properties
    >>> from symfft_models.scattering.structure import crystal_of
    >>> found = load_properties().predict(crystal_of(load_paw().find("rock-salt-MgO")))
    >>> found["formation_ev"] < -2, found["metal_probability"] < 0.5, found["gap_ev"] > 2
    (True, True, True)
    """

    atoms: AtomsOf
    learned: Mapping[str, Learned]
    facts: Mapping[str, Any]

    @cached_property
    def _fits(self) -> dict[str, tuple[AtomsOf, GaussianProcess]]:
        fits = {}
        for name, part in self.learned.items():
            known = taken(self.atoms, part.rows)
            fits[name] = known, GaussianProcess.fit(known.kernel(known, part.length), part.values)
        return fits

    def predict(self, crystal: Crystal) -> dict[str, Any]:
        """Predict the properties of a crystal.

        Returns
        -------
        dict
            ``formation_ev`` per atom and ``formation_bar``; ``bulk_modulus_gpa`` with ``bulk_modulus_range``;
            ``metal_probability``; ``gap_ev`` and ``gap_bar`` as they would be of an insulator; ``unknown_elements``,
            which no known crystal has. Nine of ten lie within a bar.
        """
        import gemmi

        new = AtomsOf.of([crystal])
        unknown = sorted(set(crystal.numbers.tolist()) - set(self.atoms.number.tolist()))
        result: dict[str, Any] = {"unknown_elements": [gemmi.Element(number).name for number in unknown]}
        for name, (known, fit) in self._fits.items():
            part = self.learned[name]
            own = new.kernel(new, part.length)[0]
            value, spread = (float(x[0]) for x in fit.predict(new.kernel(known, part.length), own))
            bar = part.bar * spread
            if name == "bulk_modulus":
                result["bulk_modulus_gpa"] = 10**value
                result["bulk_modulus_range"] = [10 ** (value - bar), 10 ** (value + bar)]
            elif name == "metal":
                result["metal_probability"] = float(norm.cdf(value / spread))
            else:
                result |= {f"{name}_ev": value if name == "formation" else max(value, 0.0), f"{name}_bar": bar}
        return result


def taken(atoms: AtomsOf, rows: IntArray) -> AtomsOf:
    """Return the atoms of some crystals, ascending."""
    chosen = np.isin(atoms.owner, rows)
    return AtomsOf(atoms.owner[chosen], atoms.number[chosen], atoms.share[chosen], atoms.around[chosen])


def learn_properties(densities: PawSet | None = None) -> PropertyModel:
    """Learn the model from training and validation split of a set.

    Raises
    ------
    PropertiesError
        If they hold too few crystals.
    """
    densities = load_paw() if densities is None else densities
    samples = [sample for sample in samples_of(densities)[0] if sample.split in LEARNED]
    if len(samples) < FEWEST:
        raise PropertiesError(f"{densities.path} holds {len(samples)} crystals to learn from; {FEWEST} are needed")
    atoms = AtomsOf.of([sample.crystal for sample in samples])
    lengths = atoms.lengths()
    kernels = [atoms.kernel(atoms, length) for length in lengths]
    folds = np.array([fold_of(sample.composition) for sample in samples])
    learned = {}
    for name in PROPERTIES:
        values = values_of(samples, name)
        rows = np.flatnonzero(np.isfinite(values))
        if len(rows) < FEWEST:
            continue
        _, best = GaussianProcess.fit_best([kernel[np.ix_(rows, rows)] for kernel in kernels], values[rows])
        expected, spread = out_of_fold([kernels[best]], values, folds)
        off = (np.abs(expected - values) / spread)[np.isfinite(values) & np.isfinite(expected)]
        bar = float(np.quantile(off, INSIDE)) if len(off) else float(norm.ppf((1 + INSIDE) / 2))
        learned[name] = Learned(rows, values[rows], lengths[best], bar)
    facts = {
        "set": densities.path.name,
        "splits": list(LEARNED),
        "crystals": len(samples),
        "lengths": {name: LENGTHS[lengths.index(part.length)] for name, part in learned.items()},
        "learned": {name: len(part.rows) for name, part in learned.items()},
    }
    return PropertyModel(atoms, learned, facts)


def save_properties(path: str | os.PathLike[str], model: PropertyModel) -> None:
    """Write a model; the file appears whole or not at all."""
    from safetensors.numpy import save

    arrays = {
        "owner": model.atoms.owner.astype(np.int32),
        "number": model.atoms.number.astype(np.int16),
        "share": model.atoms.share.astype(np.float32),
        "around": model.atoms.around.astype(np.float32),
    }
    for name, part in model.learned.items():
        arrays |= {f"{name}.rows": part.rows.astype(np.int32), f"{name}.values": part.values}
    settings = {name: [part.length, part.bar] for name, part in model.learned.items()}
    metadata = {"format": FORMAT, "settings": json.dumps(settings), "facts": json.dumps(dict(model.facts))}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as file:
        file.write(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata))


def load_properties(path: str | os.PathLike[str] = SHIPPED) -> PropertyModel:
    """Read a model; by default the one that comes with the package.

    Raises
    ------
    PropertiesError
        If there is none, or it is damaged or of another kind.
    """
    arrays, metadata = read_arrays(
        path, FORMAT, "model of properties", "symfft-vae properties -o FILE", PropertiesError
    )
    try:
        atoms = AtomsOf(
            arrays["owner"].astype(np.int64),
            arrays["number"].astype(np.int64),
            arrays["share"].astype(np.float64),
            arrays["around"].astype(np.float64),
        )
        learned = {
            name: Learned(arrays[f"{name}.rows"].astype(np.int64), arrays[f"{name}.values"], length, bar)
            for name, (length, bar) in json.loads(metadata["settings"]).items()
        }
        facts = json.loads(metadata["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise PropertiesError(f"{path}: its parts do not fit together ({error}); learn again") from None
    for array in (*arrays.values(), *(np.array([part.length, part.bar]) for part in learned.values())):
        if not np.isfinite(array).all():
            raise PropertiesError(f"{path}: holds numbers that are not finite; take another copy, or learn again")
    lengths = {len(part) for part in (atoms.owner, atoms.number, atoms.share, atoms.around)}
    known = set(atoms.owner.tolist())
    whole = all(len(part.rows) == len(part.values) and known >= set(part.rows.tolist()) for part in learned.values())
    if len(lengths) != 1 or (np.diff(atoms.owner) < 0).any() or not whole:
        raise PropertiesError(f"{path}: its parts do not fit together; take another copy, or learn again")
    return PropertyModel(atoms, learned, facts)
