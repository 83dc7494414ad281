"""Pictures of lattice planes: values, atoms and lengths where they belong."""

import io

import numpy as np
import pytest
from crystals import crystal
from matplotlib.backends.backend_agg import FigureCanvasAgg

from symfft import Density, ShapeError
from symfft.plot import plot_planes

LATTICE = np.array([[4.0, 0.0, 0.0], [-1.5, 4.5, 0.0], [0.8, -0.7, 5.0]])


def wave(hkl, shape=(24, 24, 24)):
    """The plane wave cos 2π h·x, constant on the planes (hkl)."""
    x = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1)
    return Density(np.cos(2 * np.pi * (x @ hkl)), LATTICE, [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17], kind="elf")


@pytest.mark.parametrize("hkl", [(1, 0, 0), (1, 1, 0), (1, -1, 2), (0, 2, 1)])
@pytest.mark.parametrize("at", [0.0, 0.2, -0.5])
def test_a_wave_is_constant_on_its_own_planes(hkl, at):
    (ax, _) = plot_planes(wave(hkl), [(*hkl, at)]).axes
    np.testing.assert_allclose(ax.images[0].get_array(), np.cos(2 * np.pi * at), atol=2e-3)


def test_lengths_across_a_wave_are_its_wavelength():
    """On the plane (001) the wave (100) has crests at a distance of a·sin of the angle to b."""
    (ax, _) = plot_planes(wave((1, 0, 0)), [(0, 0, 1, 0)]).axes
    image, (left, right, bottom, top) = ax.images[0].get_array(), ax.images[0].get_extent()
    row, column = image[image.shape[0] // 2], image[:, image.shape[1] // 2]
    crests = []
    for line, length in ((row, right - left), (column, top - bottom)):
        phase = np.unwrap(np.angle(line + 1j * np.gradient(line) / np.abs(np.gradient(line)).max()))
        crests.append(abs(phase[-1] - phase[0]) / (2 * np.pi) / length)
    wavelength = np.linalg.norm(np.cross(LATTICE[0], LATTICE[1])) / np.linalg.norm(LATTICE[1])
    assert np.hypot(*crests) == pytest.approx(1 / wavelength, rel=0.1)


def test_atoms_lie_on_the_values_of_their_places():
    density = crystal(62)
    for ax in plot_planes(density, isolines=3).axes[:-1]:
        image, (left, right, bottom, top) = ax.images[0], ax.images[0].get_extent()
        values = image.get_array()
        dots = [line for line in ax.lines if line.get_linestyle() == "None"]
        assert dots
        for line in dots:
            for x, y in zip(*line.get_data(), strict=True):
                i = int((y - bottom) / (top - bottom) * values.shape[0])
                j = int((x - left) / (right - left) * values.shape[1])
                i, j = min(i, values.shape[0] - 1), min(j, values.shape[1] - 1)
                at_atoms = [density.at([place]).values[0] for place in density.positions]
                assert np.abs(values[i, j] - at_atoms).min() < 0.15 * np.ptp(density.values)


def test_one_ångström_is_equally_long_everywhere():
    figure = plot_planes(crystal(14), [(1, 0, 0), (1, 1, 1), (0, 1, 2)])
    figure.canvas.draw()
    scales = [np.diff(ax.transData.transform([(0, 0), (1, 1)]), axis=0).ravel() for ax in figure.axes[:-1]]
    np.testing.assert_allclose(scales, scales[0][0], rtol=1e-3)


def test_titles_legend_and_colours_do_not_overlap():
    figure = plot_planes(crystal(225), [(1, 0, 0), (1, 1, 0), (1, 1, 1)], isolines=4, title="a title")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = [ax.get_tightbbox(renderer) for ax in figure.axes]
    boxes += [figure.legends[0].get_window_extent(renderer), figure._suptitle.get_window_extent(renderer)]
    for i, one in enumerate(boxes):
        assert one.x0 >= 0
        assert one.x1 <= figure.bbox.width
        assert not any(one.overlaps(other) for other in boxes[:i])


def test_the_legend_names_every_element_once():
    (legend,) = plot_planes(wave((1, 0, 0))).legends
    assert [text.get_text() for text in legend.get_texts()] == ["Na", "Cl"]


def test_limits_are_the_ends_of_the_colours():
    figure = plot_planes(wave((1, 0, 0)), [(0, 0, 1)], limits=(-0.5, 0.25), isolines=2)
    image = figure.axes[0].images[0]
    assert image.get_clim() == (-0.5, 0.25)
    for limits in ((1, 0), (0, 0), (0, np.nan)):
        with pytest.raises(ShapeError, match="colours cannot run"):
            plot_planes(wave((1, 0, 0)), limits=limits)
    density = crystal(14)
    with pytest.raises(ShapeError, match="logarithmic"):
        plot_planes(density.with_values(np.abs(density.values)), log=True, limits=(0, 1))


@pytest.mark.parametrize("number", [2, 14, 62, 166, 225])
def test_default_planes_of_any_crystal_can_be_drawn(number):
    assert len(plot_planes(crystal(number), log=True, isolines=5).axes) == 3


@pytest.mark.parametrize("shape", [(1, 1, 6), (2, 3, 4)])
def test_thin_grids_and_grids_without_atoms(shape):
    density = Density(np.random.default_rng(0).random(shape), LATTICE, [], [])
    plot_planes(density).savefig(io.BytesIO(), format="png")


@pytest.mark.parametrize("planes", [[], [(1, 1)], [(0, 0, 0)], [(1, 0, 0, np.inf)], [(0.5, 0, 0)]])
def test_unusable_planes_are_refused(planes):
    with pytest.raises(ShapeError):
        plot_planes(crystal(14), planes)


@pytest.mark.parametrize("log", [False, True])
def test_no_contour_line_is_at_the_zero_in_the_middle_of_a_scale(log):
    """Where a magnetization vanishes but for noise, its zero line would run everywhere; bonds stand out from grey."""
    density = crystal(225)
    moment = density.values - density.values.mean()
    density = Density(density.values, density.lattice, density.positions, density.numbers, magnetization=moment)
    figure = plot_planes(density, [(1, 0, 0)], quantity="magnetization", isolines=3, log=log)
    marks = sorted(float(line.get_ydata()[0]) for line in figure.axes[-1].lines)
    assert len(marks) == 4
    np.testing.assert_allclose(marks, -np.array(marks[::-1]))
    assert min(map(abs, marks)) > 1e-3 * max(marks)
    bonds = [line for line in figure.axes[0].lines if line.get_linestyle() == "-"]
    assert bonds
    assert {line.get_color() for line in bonds} == {"0.3"}
