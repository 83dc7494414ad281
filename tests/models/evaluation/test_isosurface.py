"""Levels of surfaces, and their drawing."""

from __future__ import annotations

import numpy as np
import pytest

from symfft_models.evaluation.isosurface import draw_isosurface, enclosing_level


def test_a_level_encloses_its_share_of_the_electrons():
    rho = np.random.default_rng(0).random((6, 6, 6)) ** 3
    for share in (0.1, 0.5, 0.9):
        level = enclosing_level(rho, share)
        assert rho[rho > level].sum() <= share * rho.sum() <= rho[rho >= level].sum()


@pytest.mark.parametrize("values", [np.ones((4, 4, 4)), np.random.default_rng(1).random((4, 4, 4))])
def test_a_density_is_drawn_even_if_it_has_no_surface(values):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure, axes = pyplot.subplots()
    draw_isosurface(axes, values)
    assert len(axes.collections) == 2
    pyplot.close(figure)
