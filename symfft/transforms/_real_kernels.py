"""Compiled loops between structure factors and the real vector, on bare arrays."""

from __future__ import annotations

from symfft._array_types import Array
from symfft._compile import kernel


@kernel
def take_parts(coefficients: Array, which: Array, factors: Array, parts: Array) -> None:
    """Fill ``parts[b, i] = Re(factors[i] · coefficients[b, which[i]])``."""
    for b in range(parts.shape[0]):
        for i in range(which.size):
            f = coefficients[b, which[i]]
            parts[b, i] = factors[i].real * f.real - factors[i].imag * f.imag


@kernel
def join_parts(parts: Array, which: Array, factors: Array, coefficients: Array) -> None:
    """Fill ``coefficients[b, j] = Σ factors[i] · parts[b, i]``, i neighbours with ``which[i] = j``."""
    for b in range(parts.shape[0]):
        last = -1
        for i in range(which.size):
            j = which[i]
            if j == last:
                coefficients[b, j] += factors[i] * parts[b, i]
            else:
                coefficients[b, j] = factors[i] * parts[b, i]
            last = j
