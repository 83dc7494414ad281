"""Memory of learning a density model from very many crystals: varied copies of the training split, under a limit.

    OPENBLAS_NUM_THREADS=1 python benchmarks/density_model_memory.py --crystals 14000 --limit 4

Every copy has a cell of its own, up to 5 % longer or shorter, and structure factors of its own in memory, as a set of
so many densities would. The address space is limited to `--limit` GB before anything is loaded: what needs more fails.
Fewer landmarks and reflections than in `symfft-vae fit` save hours; what the full size adds at most is printed: the
normal equations, and the equations of crystals up to `memory`.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import replace

import numpy as np

from symfft_models.predict import DensityPredictor
from symfft_models.scattering.densities import observations
from symfft_models.scattering.observation import Observation
from symfft_models.scattering.training import TrainingSettings, train


def copies(known: list[Observation], count: int) -> list[Observation]:
    """Return `count` varied copies of some observations, all arrays their own."""
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        one = known[number % len(known)]
        crystal = replace(one.crystal, lattice=one.crystal.lattice * random.uniform(0.95, 1.05))
        made.append(
            replace(
                one,
                crystal=crystal,
                hkl=one.hkl.copy(),
                multiplicity=one.multiplicity.copy(),
                factors=one.factors.copy(),
            )
        )
    return made


def main() -> None:
    """Learn, and print the peak of the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crystals", type=int, default=14_000)
    parser.add_argument("--limit", type=float, default=4.0, help="GB of address space")
    parser.add_argument("--reflections", type=int, default=40)
    parser.add_argument("--spherical", type=int, default=30)
    parser.add_argument("--aspherical", type=int, default=6)
    parser.add_argument("--variance-crystals", type=int, default=100)
    parser.add_argument("--shapes", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    limit = int(options.limit * 1e9)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    started = time.process_time()
    many = copies(observations(None, "train"), options.crystals)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    names = ("reflections", "spherical", "aspherical", "shapes", "rounds", "variance_crystals")
    settings = TrainingSettings(**{name: getattr(options, name) for name in names})
    model = train(many, settings)
    size, full = model.basis.size, DensityPredictor.load_shipped().model.basis.size
    print(
        json.dumps(
            {
                "crystals": len(many),
                "limit_gb": options.limit,
                "observations_gb": held * 1024 / 1e9,
                "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
                "weights": size,
                "full_size_adds_at_most_gb": (3 * 8 * (full**2 - size**2) + settings.memory) / 1e9,
                "cpu_seconds": time.process_time() - started,
            }
        )
    )


if __name__ == "__main__":
    main()
