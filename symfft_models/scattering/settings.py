"""Settings of learning a density model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from symfft_models.scattering.kernel import KernelSettings


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of the training.

    Attributes
    ----------
    kernel : KernelSettings
        What is alike.
    atom_own_share, atom_variance : float
        Part of a superposed atom's variance that no other element shares, and that variance for each valence electron.
    spherical, aspherical : int
        Most landmarks of degree 0, and of each other degree.
    shapes : int
        Radial shapes of degree 0; two fewer for the others.
    unexplained : float
        Part of the variance of the coefficients that no features describe.
    noise : float
        See :class:`~symfft_models.scattering.model.DensityModel`.
    rounds : int
        Alternations of superposed atoms and the variance of what they lack.
    variance_crystals : int
        Most crystals that this variance is found from.
    draws : int
        Draws of weights that the model keeps.
    seed : int
        Of the draws, and of choices among many crystals.
    reflections : int
        Most reflections of one crystal.
    memory : int
        Bytes that equations of the crystals of `variance_crystals` may take; of those that do not fit they are computed
        again in each pass. Equations of all other crystals are used once and let go.
    """

    kernel: KernelSettings = field(default_factory=KernelSettings)
    atom_own_share: float = 0.2
    atom_variance: float = 1.0
    spherical: int = 450
    aspherical: int = 450
    shapes: int = 9
    unexplained: float = 0.02
    noise: float = 0.006
    rounds: int = 4
    variance_crystals: int = 400
    draws: int = 32
    seed: int = 0
    reflections: int = 1500
    memory: int = 250_000_000

    def to_json(self) -> str:
        """Return the settings as JSON."""
        return json.dumps(asdict(self), sort_keys=True)


DEFAULT = TrainingSettings()
