"""Densities that the tests of several formats share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chgcar_text import chgcar_text, random_grids

from symfft import Density, read_chgcar

LATTICE = np.array([[4.0, 0.0, 0.0], [-0.5, 5.0, 0.0], [1.0, 0.25, 6.0]])


@pytest.fixture(autouse=True, scope="module", params=["compiled"])
def conversion(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let compiled loops convert numbers, as in a process that has read some; parametrized as "plain", Python."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("symfft.io._text._Plain.left", 1 << 60 if request.param == "plain" else 0)
        yield


@pytest.fixture
def density() -> Density:
    (grid,) = random_grids(1, (3, 4, 7))
    return Density(grid, LATTICE, [[0, 0, 0], [0.5, 0.25, 1 / 3]], [11, 17], comment="salt")


@pytest.fixture
def spin(tmp_path: Path) -> Density:
    path = tmp_path / "spin"
    path.write_text(chgcar_text(random_grids(2), occupancies=7))
    return read_chgcar(path)
