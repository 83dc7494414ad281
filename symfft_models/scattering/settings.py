"""Settings of learning a density model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from symfft_models.scattering.kernel import KernelSettings
from symfft_models.scattering.radial import RADIAL
from symfft_models.setting import check, setting


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of the training."""

    kernel: KernelSettings = field(default_factory=KernelSettings)
    atom_own_share: float = setting(
        0.2, "part of a superposed atom's variance that no other element shares", above=0, most=1
    )
    atom_variance: float = setting(1.0, "that variance, for each valence electron", above=0)
    spherical: int = setting(1500, "most landmarks of degree 0", least=1)
    aspherical: int = setting(1500, "most landmarks of each other degree", least=1)
    shapes: int = setting(RADIAL, "most radial shapes of a degree", least=1, most=RADIAL)
    weights: int = setting(
        24_000, "most pairs of a landmark and a shape that have a weight: those of the largest variance", least=1
    )
    unexplained: float = setting(
        0.02, "part of the variance of the coefficients that no features describe", above=0, most=1
    )
    noise: float = setting(
        0.006, "deviation of a structure factor, in square roots of the number of electrons", above=0
    )
    rounds: int = setting(4, "alternations of superposed atoms and the variance of what they lack", least=1)
    variance_crystals: int = setting(400, "most crystals that this variance is found from", least=1)
    draws: int = setting(32, "draws of weights that the model keeps", least=1)
    seed: int = setting(0, "of the draws, and of choices among many crystals", least=0)
    reflections: int = setting(1500, "most reflections of one crystal", least=2)
    memory: int = setting(
        150_000_000, "bytes of equations that are held between passes; others are computed again", least=0
    )

    def __post_init__(self) -> None:
        check(self)

    def to_json(self) -> str:
        """Return the settings as JSON."""
        return json.dumps(asdict(self), sort_keys=True)


DEFAULT = TrainingSettings()
