import numpy as np
import pytest
from crystals import CRYSTALS, crystal

from symfft import ShapeError
from symfft.analysis import FourierSeries, macroscopic_average, planar_average
from symfft.analysis.planes import axis_number, plane_period


@pytest.mark.parametrize("number", [2, 62, 194])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_planar_and_macroscopic_averages_are_integrals_of_the_series(number, axis):
    density = crystal(number, shape=CRYSTALS[number][1])
    n = density.shape[axis]
    series = FourierSeries(density.values[None], density.lattice)
    period = plane_period(density.lattice, axis)
    line = planar_average(density.values, axis)
    assert line.mean() * density.volume == pytest.approx(density.electrons)
    window = 0.37 * period
    smooth = macroscopic_average(line, period, window)
    lower, upper = np.zeros(3), np.ones(3)
    for k in range(n):
        lower[axis], upper[axis] = k / n - 0.185, k / n + 0.185
        slab = series.in_box(lower, upper)[0] / (density.volume * 0.37)
        assert smooth[k] == pytest.approx(slab, rel=1e-9)


def test_the_period_is_the_distance_of_the_planes():
    cell = CRYSTALS[2][0]
    for axis in range(3):
        others = [cell[k] for k in range(3) if k != axis]
        area = np.linalg.norm(np.cross(*others))
        assert plane_period(cell, axis) == pytest.approx(abs(np.linalg.det(cell)) / area)


def test_axes_by_name_or_number():
    assert [axis_number(a) for a in ("a", "b", "c", 0, 1, 2)] == [0, 1, 2, 0, 1, 2]
    for bad in ("z", 3, True, -1):
        with pytest.raises(ShapeError, match="axis"):
            axis_number(bad)


@pytest.mark.parametrize("window", [0.0, -1.0, float("nan"), float("inf")])
def test_a_window_is_a_positive_length(window):
    with pytest.raises(ShapeError, match="window"):
        macroscopic_average(np.ones(4), 1.0, window)
