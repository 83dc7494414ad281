"""The compiled loop in which a thread looks for what another one says."""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile import bare
from symfft._compile.shared import latest


@bare
def watch(count: Array, old: Any, looks: Any) -> None:
    """Return when ``count[0]``, of 64-bit integers, is not `old` any more, or after so many looks."""
    while looks > 0:
        looks -= 1
        if latest(count, 0) != old:
            break
