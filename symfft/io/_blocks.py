"""The blocks of a file as the fields of a density."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.kinds import Kind

#: Kinds whose two blocks are spin up and spin down, not total and magnetization.
CHANNEL_KINDS: tuple[Kind, ...] = ("potential", "elf", "kinetic_energy")


def fields_of_blocks(blocks: Sequence[NDArray[np.float64]], kind: Kind) -> dict[str, Any]:
    """Return the fields of :class:`symfft.density.Density` that hold one, two or four blocks.

    Two blocks are total and magnetization of a charge density, spin up and spin down of other kinds; four are the
    total and the three components of the magnetization.
    """
    fields: dict[str, Any] = {"values": blocks[0], "kind": kind}
    if len(blocks) == 2:
        fields["spin_down" if kind in CHANNEL_KINDS else "magnetization"] = blocks[1]
    elif len(blocks) == 4:
        fields["magnetization"] = np.stack(list(blocks[1:]))
    return fields
