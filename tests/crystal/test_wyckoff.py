"""Wyckoff letters and site symmetry of known structures."""

from __future__ import annotations

import numpy as np
import pytest

from symfft.crystal.wyckoff import wyckoff_sites
from symfft.errors import SpaceGroupError


def test_rutile() -> None:
    u = 0.3053
    oxygen = [[u, u, 0], [1 - u, 1 - u, 0], [0.5 + u, 0.5 - u, 0.5], [0.5 - u, 0.5 + u, 0.5]]
    positions = np.array([[0, 0, 0], [0.5, 0.5, 0.5], *oxygen])
    titanium, other = wyckoff_sites(np.diag([4.594, 4.594, 2.959]), positions, np.array([22, 22, 8, 8, 8, 8]))
    assert (titanium.wyckoff, titanium.multiplicity, titanium.number) == ("a", 2, 22)
    assert (other.wyckoff, other.multiplicity, other.position) == ("f", 4, (u, u, 0.0))
    assert titanium.site_symmetry == "m.mm"
    assert other.site_symmetry == "m.2m"


def test_no_group_is_an_error() -> None:
    with pytest.raises(SpaceGroupError):
        wyckoff_sites(4.0 * np.eye(3), np.zeros((2, 3)), np.array([1, 1]))
