"""What every engine gives: structure factors in an order of its own, and the way back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft.fourier.threads import aligned


class Engine(ABC):
    """What computes a transform: values (b, n) to structure factors (b, n_h) in the order of `hkl`, and back.

    Results go into `out`, or new arrays. Threads share the rows, or the parts of each where there are fewer rows than
    threads, which changes no bit of the results.

    Parameters
    ----------
    hkl : (n_h, 3) int64
        One reflection of each class that is not absent, components in (-N/2, N/2].
    size : int
        n, the number of orbits.
    """

    def __init__(self, hkl: IntArray, size: int) -> None:
        self.hkl, self.size = hkl, size

    def forward(self, values: NDArray[Any], out: NDArray[Any] | None = None, threads: int = 1) -> NDArray[Any]:
        """Return ``F(h) = Σ_m rho(m) exp(-2πi h·x_m)``."""
        if out is None:
            out = aligned((len(values), len(self.hkl)), np.result_type(values.dtype, np.complex64))
        self._forward(np.ascontiguousarray(values), out, threads)
        return out

    def inverse(self, coefficients: NDArray[Any], out: NDArray[Any] | None = None, threads: int = 1) -> NDArray[Any]:
        """Return ``rho(m) = 1/N Σ_h F(h) exp(2πi h·x_m)``, of the symmetric part of the coefficients."""
        if out is None:
            out = aligned((len(coefficients), self.size), coefficients.real.dtype)
        self._inverse(np.ascontiguousarray(coefficients), out, threads)
        return out

    @abstractmethod
    def _forward(self, values: NDArray[Any], out: NDArray[Any], threads: int) -> None: ...

    @abstractmethod
    def _inverse(self, coefficients: NDArray[Any], out: NDArray[Any], threads: int) -> None: ...
