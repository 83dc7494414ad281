"""Memory and time of learning a density model from very many crystals: varied copies of the training split.

    OPENBLAS_NUM_THREADS=1 python benchmarks/density_model_memory.py --crystals 14000 --limit 4

A set of so many densities is not needed: every copy has a cell of its own, each axis up to 3 % longer or shorter, and
structure factors of its own, made when it is asked for, as entries of a set are read. Settings are those of
`symfft-vae fit`, unless `--set NAME=VALUE` changes one. The address space is limited to `--limit` GB before anything
is loaded: what needs more fails. Prints one line of JSON: the peak of the memory, and processor seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from symfft_models.scattering.densities import observations
from symfft_models.scattering.observation import Observation
from symfft_models.scattering.settings import TrainingSettings
from symfft_models.scattering.training import train

#: Largest change of an axis.
STRAIN = 0.03


class Copies(Sequence[Observation]):
    """`count` varied copies of some observations, whose groups allow the changes of their cells."""

    def __init__(self, known: Sequence[Observation], count: int) -> None:
        self.known, self.count = known, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self.count:
            raise IndexError(index)
        one = self.known[index % len(self.known)]
        crystal = replace(one.crystal, lattice=one.crystal.lattice * stretch(one, np.random.default_rng(index)))
        order = np.argsort(np.linalg.norm(one.hkl @ np.linalg.inv(crystal.lattice).T, axis=1), kind="stable")
        parts = {name: getattr(one, name)[order] for name in ("hkl", "multiplicity", "factors")}
        return replace(one, crystal=crystal, **parts)


def stretch(observation: Observation, random: np.random.Generator) -> Any:
    """Return the factor (3, 1) of each cell vector: the same for vectors that the group turns into each other."""
    alike = (np.abs(observation.crystal.group.rotations).sum(axis=0) > 0).astype(float)
    alike = np.linalg.matrix_power(alike, 3) > 0
    first = alike.argmax(axis=0)
    return 1 + STRAIN * random.uniform(-1, 1, 3)[first][:, None]


def main() -> None:
    """Learn, and print the peak of the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crystals", type=int, default=14_000)
    parser.add_argument("--limit", type=float, default=4.0, help="GB of address space")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the training")
    options = parser.parse_args()
    limit = int(options.limit * 1e9)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    kinds = {entry.name: type(getattr(TrainingSettings(), entry.name)) for entry in fields(TrainingSettings)}
    changed = dict(change.split("=", 1) for change in options.set)
    settings = replace(TrainingSettings(), **{name: kinds[name](value) for name, value in changed.items()})
    known = observations(None, "train")
    started = time.process_time()
    model = train(Copies(known, options.crystals), settings)
    print(
        json.dumps(
            {
                "crystals": options.crystals,
                "limit_gb": options.limit,
                "changed": changed,
                "weights": model.basis.size,
                "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
                "cpu_seconds": round(time.process_time() - started, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
