"""What every engine gives: structure factors in an order of its own, and the way back."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from symfft.crystal.operators import IntArray


class Engine(Protocol):
    """What computes a transform: values (b, n) to structure factors (b, n_h) in the order of its `hkl`, and back."""

    hkl: IntArray
    #: Expected time of a transform in ns: operations counted, times what a machine of 2025 took for them at 96³.
    cost: float

    def forward(self, values: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return ``F(h) = Σ_m rho(m) exp(-2πi h·x_m)``."""
        ...

    def inverse(self, coefficients: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return ``rho(m) = 1/N Σ_h F(h) exp(2πi h·x_m)``, of the symmetric part of the coefficients."""
        ...
