"""Pictures show what they claim: values at the right place, true lengths and angles, all of the asymmetric unit."""

import io
import sys
from collections import Counter

import numpy as np
import pytest
from crystals import CRYSTALS, crystal, odd_magnetization
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from symfft import IncompatibleGridError, ShapeError, SymfftError, asymmetric_unit
from symfft.plot import plot_slices
from symfft.plot.layout import MOST_LAYERS, PLANES, in_plane

GROUPS = [2, 14, 166, 194, 225]


def place(ax, i, j):
    """Where the picture of a plane puts grid point (i, j), in Å."""
    transform = ax.images[0].get_transform() - ax.transData
    return transform.transform((i, j))


@pytest.mark.parametrize("number", GROUPS)
def test_planes_are_true_to_scale_and_complete(number):
    density = crystal(number)
    figure = plot_slices(density, number, at=(0.2, 0.6, 0.4))
    rng = np.random.default_rng(0)
    for ax, (p, q, fixed) in zip(figure.axes[:3], PLANES):
        height = round((0.2, 0.6, 0.4)[fixed] * density.shape[fixed]) % density.shape[fixed]
        plane = np.take(density.values, height, axis=fixed)
        n, m = plane.shape
        shown = ax.images[0].get_array().T
        i, j = np.meshgrid(np.arange(-1, n + 2) % n, np.arange(-1, m + 2) % m, indexing="ij")
        np.testing.assert_array_equal(shown, plane[i, j])
        assert tuple(ax.images[0].get_extent()) == (-1.5, n + 1.5, -1.5, m + 1.5)
        for _ in range(5):
            (i0, j0), (i1, j1) = rng.integers(0, 20, (2, 2))
            step = (i1 - i0) / n * density.lattice[p] + (j1 - j0) / m * density.lattice[q]
            apart = np.linalg.norm(place(ax, i1, j1) - place(ax, i0, j0))
            assert apart == pytest.approx(np.linalg.norm(step), abs=1e-9)
        corners = np.array([place(ax, i, j) for i in (0, n) for j in (0, m)])
        (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
        assert (corners > [x0, y0]).all()
        assert (corners < [x1, y1]).all()
        assert f"{'abc'[fixed]} = {height / density.shape[fixed]:.3f}".rstrip("0") in ax.get_title()


@pytest.mark.parametrize("number", GROUPS)
def test_one_ångström_is_equally_long_in_all_planes_and_directions(number):
    figure = plot_slices(crystal(number), number)
    figure.canvas.draw()
    scales = []
    for ax in figure.axes[:3]:
        pixels = ax.transData.transform([(0, 0), (1, 0), (0, 1)])
        scales += [np.linalg.norm(pixels[1] - pixels[0]), np.linalg.norm(pixels[2] - pixels[0])]
    np.testing.assert_allclose(scales, scales[0], rtol=1e-6)


@pytest.mark.parametrize("number", GROUPS)
def test_dots_are_the_points_of_the_asymmetric_unit_inside_the_brick(number):
    density = crystal(number)
    au = asymmetric_unit(number, density.shape)
    seen = 0
    for k in range(max(density.shape)):
        figure = plot_slices(density, number, at=k / np.array(density.shape))
        for ax, (p, q, fixed) in zip(figure.axes[:3], PLANES):
            height = k % density.shape[fixed]
            here = au.indices[au.indices[:, fixed] == height][:, [p, q]]
            dots = next(line for line in ax.lines if line.get_zorder() == 4)
            wanted = here / np.array([density.shape[p], density.shape[q]]) @ in_plane(density, p, q)
            np.testing.assert_allclose(np.transpose(dots.get_data()), wanted, atol=1e-12)
            outlines = [patch for patch in ax.patches if patch.get_zorder() == 5]
            for x in wanted:
                assert any(patch.get_path().contains_point(x) for patch in outlines)
            if fixed == 2 and k < density.shape[2]:
                seen += len(here)
    assert seen == au.size


@pytest.mark.parametrize("number", [*GROUPS, 227])
def test_layers_hold_the_asymmetric_unit_and_nothing_else(number):
    density = crystal(number)
    au = asymmetric_unit(number, density.shape)
    assert min(au.brick_shape) <= MOST_LAYERS
    figure = plot_slices(density, number)
    panels = figure.axes[3:-1]
    assert len(panels) == min(au.brick_shape)
    shown = np.concatenate([ax.images[0].get_array().compressed() for ax in panels])
    np.testing.assert_array_equal(np.sort(shown), np.sort(density.values.reshape(-1)[au.points]))


def test_of_a_thick_brick_some_layers_are_chosen():
    rho = np.random.default_rng(0).random((30, 31, 32))
    figure = plot_slices(rho, 1)
    titles = [ax.get_title() for ax in figure.axes[3:-1]]
    assert len(titles) == MOST_LAYERS
    assert titles[0] == "a = 0"
    assert titles[-1] == "a = 0.967"


@pytest.mark.parametrize("log", [False, True])
def test_pixels_have_the_colour_of_the_value_at_their_place(log):
    """The whole way: a smooth density in an oblique cell, drawn to pixels, read back from them."""
    n = 40
    density = crystal(2, shape=(n, n, n))
    x = np.arange(n) / n
    wave = np.cos(2 * np.pi * (x[:, None, None] + x[None, :, None] - 2 * x[None, None, :]))
    figure = plot_slices(np.exp(2 * wave), lattice=density.lattice, at=(0, 0.25, 0.5), log=log)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    for ax, (_, _, fixed) in zip(figure.axes[:3], PLANES):
        plane = np.take(np.exp(2 * wave), round((0, 0.25, 0.5)[fixed] * n), axis=fixed)
        image = ax.images[0]
        for i, j in np.random.default_rng(0).integers(2, n - 2, (20, 2)):
            u, v = ax.transData.transform(place(ax, i, j))
            drawn = pixels[pixels.shape[0] - 1 - int(v), int(u), :3] / 255
            assert np.abs(drawn - image.cmap(image.norm(plane[i, j]))[:3]).max() < 0.06


def test_logarithmic_colours():
    density = crystal(225)
    values = np.array(density.values)
    values[0, 0, 0], values[1, 0, 0] = -3.0, 1e4
    figure = plot_slices(values, log=True)
    norm = figure.axes[0].images[0].norm
    assert (type(norm).__name__, norm.vmax) == ("LogNorm", 1e4)
    assert norm.vmin == pytest.approx(values[values > 0].min())
    shown = figure.axes[2].images[0].get_array()
    assert shown.min() > 0
    bottom = plot_slices(10.0 ** np.linspace(-12, 4, 512).reshape(8, 8, 8), log=True).axes[0].images[0]
    assert bottom.norm.vmin == pytest.approx(0.01)
    assert bottom.cmap(bottom.norm(1e-9)) == pytest.approx((0.851, 0.851, 0.851, 1.0), abs=1e-3)
    nowhere_positive = plot_slices(-np.ones((4, 4, 4)), log=True).axes[0].images[0].norm
    assert type(nowhere_positive).__name__ == "Normalize"


@pytest.mark.parametrize("log", [False, True])
def test_a_magnetization_of_both_signs_has_zero_in_the_middle(log):
    field, _ = odd_magnetization(14)
    density = crystal(14, magnetization=field)
    figure = plot_slices(density, 2, quantity="magnetization", log=log)
    image = figure.axes[0].images[0]
    assert image.cmap.name == "coolwarm"
    assert image.norm(0.0) == pytest.approx(0.5)
    assert image.norm.vmax == np.abs(field).max()
    assert figure.axes[-1].get_ylabel() == "magnetization (μB/Å³)"


def test_a_noncollinear_magnetization_is_drawn_by_its_length():
    vectors = np.random.default_rng(0).standard_normal((3, 6, 8, 10))
    figure = plot_slices(crystal(14, magnetization=vectors), quantity="magnetization", at=(0, 0, 0))
    shown = figure.axes[0].images[0].get_array().T[1:-2, 1:-2]
    np.testing.assert_allclose(shown, np.sqrt((vectors**2).sum(axis=0))[:, :, 0])


def test_contour_lines_run_at_even_steps_of_the_colours():
    density = crystal(225)
    figure = plot_slices(density, isolines=4, log=True)
    norm = figure.axes[0].images[0].norm
    contours = [c for ax in figure.axes[:3] for c in ax.collections]
    assert contours
    levels = np.unique(np.concatenate([c.levels for c in contours]))
    steps = np.asarray(norm(levels)) * 5
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
    assert not any(ax.collections for ax in plot_slices(density).axes[:3])


def test_labels_say_what_and_in_which_unit():
    for kind, label in [("charge", "e/Å³"), ("potential", "eV"), ("elf", "localization"), ("kinetic_energy", "eV/Å³")]:
        figure = plot_slices(crystal(225, kind=kind))
        assert label in figure.axes[-1].get_ylabel()
        assert figure.axes[0].get_xlabel() == "along a (Å)"
    spins = crystal(225, kind="potential", spin_down=np.ones((8, 8, 8)))
    assert "spin up" in plot_slices(spins).axes[-1].get_ylabel()
    assert "spin down" in plot_slices(spins, quantity="spin_down").axes[-1].get_ylabel()


def test_atoms_are_marked_in_the_planes_that_they_lie_in():
    density = crystal(225)
    figure = plot_slices(density, 225, at=(0, 0, 0))
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    colours = {to_hex(h.get_markerfacecolor()): n for n, h in zip(names, figure.legends[0].legend_handles, strict=True)}
    counts = Counter()
    for line in (line for line in figure.axes[0].lines if line.get_zorder() == 6):
        counts[colours[to_hex(line.get_markerfacecolor())]] += len(line.get_xdata())
    assert counts == {"Cl": 4, "Na": 5}  # with the copies on the far edges
    between = plot_slices(density, 225, at=(0.25, 0.25, 0.25)).axes[0]
    assert not [line for line in between.lines if line.get_zorder() == 6]
    for ax in figure.axes[:3]:
        marks = np.concatenate([np.transpose(line.get_data()) for line in ax.lines if line.get_zorder() == 6])
        assert (np.abs(marks / 2.8 - np.rint(marks / 2.8)) < 1e-9).all()


def test_planes_meet_in_the_largest_value_of_the_asymmetric_unit():
    density = crystal(227)
    au = asymmetric_unit(227, density.shape)
    figure = plot_slices(density, 227)
    largest = density.values.max()
    for ax in figure.axes[:3]:
        assert ax.images[0].get_array().max() == pytest.approx(largest, rel=1e-12)
        assert [p for p in ax.patches if p.get_zorder() == 5]
    assert density.values.reshape(-1)[au.points].max() == pytest.approx(largest, rel=1e-12)


def test_saves_without_a_window_in_every_format():
    figure = plot_slices(crystal(194), 194, isolines=3, title="a title")
    for kind, magic in [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]:
        file = io.BytesIO()
        figure.savefig(file, format=kind)
        assert file.getvalue().startswith(magic)
    assert not hasattr(figure, "number")  # pyplot, which manages windows, numbers its figures


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 1), (5, 1, 40)])
def test_thin_grids_can_be_drawn(shape):
    figure = plot_slices(np.random.default_rng(0).random(shape), 1, lattice=np.diag([2.0, 3.0, 30.0]), isolines=2)
    figure.canvas.draw()


def test_what_cannot_be_drawn_is_refused(monkeypatch):
    density = crystal(225)
    for options in (
        {"at": (0, 0)},
        {"at": (0, 0, float("nan"))},
        {"isolines": -1},
        {"quantity": "spin_down"},
        {"quantity": "x"},
    ):
        with pytest.raises(ShapeError):
            plot_slices(density, **options)
    with pytest.raises(IncompatibleGridError):
        plot_slices(np.ones((7, 7, 7)), 225)
    with pytest.raises(ShapeError):
        plot_slices(np.full((4, 4, 4), np.nan))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SymfftError, match=r"symfft\[plot\]"):
        plot_slices(density)


def test_every_crystal_here_has_the_group_it_is_said_to_have():
    for number in CRYSTALS:
        assert crystal(number).space_group().number == number
