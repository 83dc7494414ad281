"""Pages in a real browser: they load without errors and network, and what is drawn lies where the formula says."""

import io
import time

import numpy as np
import pytest

from symfft import Density, ShapeError, SymfftError
from symfft.view import density_page

#: An oblique left-over cell: nothing is right by accident of right angles.
LATTICE = np.array([[4.0, 0.0, 0.0], [-1.5, 4.5, 0.0], [0.8, -0.7, 5.0]])
CENTRE = np.array([0.5, 0.45, 0.55])
WIDTH = 0.9


def gaussian(shape=(24, 26, 28), sign=1.0, lattice=LATTICE):
    """One Gaussian of unit height in the cell, and its exact value at any place in Å."""
    x = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1)
    apart = (x - CENTRE + 0.5) % 1.0 - 0.5
    values = sign * np.exp(-((apart @ lattice) ** 2).sum(axis=-1) / WIDTH**2)
    return Density(values, lattice, [CENTRE, [0, 0, 0]], [8, 1])


def opened(browser, tmp_path, page, position=""):
    """Open a page, wait until it has drawn, and return what the browser complained about."""
    path = tmp_path / "page.html"
    page.save(path)
    browser.get_log("browser")
    browser.get("about:blank")
    browser.get(f"{path.as_uri()}#{position}")
    wait_until(browser, "return document.body.dataset.triangles !== undefined")
    return [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def wait_until(browser, script, seconds=60):
    end = time.monotonic() + seconds
    while not browser.execute_script(script):
        assert time.monotonic() < end, f"waited in vain for: {script}"
        time.sleep(0.05)


def points_of(browser, kind, colour=None):
    """Corners of what is drawn, in Å, and the values on them where it has any."""
    script = """
        const [kind, colour, done] = arguments;
        K3DInstance.then((K3D) => {
          const all = Object.values(K3D.getWorld().ObjectsListJson);
          const json = all.find((one) => one.type === kind && (colour === null || one.color === colour));
          const mesh = K3D.getObjectById(json.id), at = mesh.geometry.attributes.position, found = [];
          const place = mesh.position.clone();
          mesh.updateMatrixWorld(true);
          for (let i = 0; i < at.count; i++) {
            found.push(place.fromBufferAttribute(at, i).applyMatrix4(mesh.matrixWorld).toArray());
          }
          done([found, json.attribute ? Array.from(json.attribute.data || []) : []]);
        });
    """
    points, values = browser.execute_async_script(script, kind, colour)
    return np.array(points), np.array(values)


@pytest.mark.parametrize("level", [0.2, 0.6])
def test_the_surface_is_where_the_density_has_the_level(browser, tmp_path, level):
    assert opened(browser, tmp_path, density_page(gaussian()), f"level={level}") == []
    assert int(browser.execute_script("return document.body.dataset.triangles")) > 500
    points, _ = points_of(browser, "MarchingCubes")
    radii = np.linalg.norm(points - CENTRE @ LATTICE, axis=1)
    # the surface is linear between grid points 0.2 Å apart: second order in the spacing
    assert np.abs(radii - WIDTH * np.sqrt(-np.log(level))).max() < 0.03


def test_nothing_comes_from_the_network(browser, tmp_path):
    opened(browser, tmp_path, density_page(gaussian()))
    fetched = browser.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert [name for name in fetched if not name.startswith(("data:", "blob:"))] == []


@pytest.mark.parametrize(("hkl", "at"), [((1, 0, 0), 0.5), ((1, 1, 0), 0.95), ((2, -1, 1), 1.1), ((0, 0, -1), -0.3)])
def test_a_plane_has_its_indices_and_its_values(browser, tmp_path, hkl, at):
    density = gaussian((40, 40, 40))
    position = f"surface=0&hkl={','.join(map(str, hkl))}&at={at}"
    assert opened(browser, tmp_path, density_page(density), position) == []
    assert browser.execute_script("return document.body.dataset.triangles") == "0"
    points, values = points_of(browser, "Mesh")
    x = points @ np.linalg.inv(LATTICE)
    np.testing.assert_allclose(x @ hkl, at, atol=1e-5)
    assert x.min() > -1e-5
    assert x.max() < 1 + 1e-5
    apart = (x - CENTRE + 0.5) % 1.0 - 0.5
    exact = np.exp(-((apart @ LATTICE) ** 2).sum(axis=1) / WIDTH**2)
    assert np.abs(values - exact).max() < 0.02  # linear interpolation
    # the polygon is all of the plane inside the cell: as many points of a fine grid are near as its area says
    rng = np.random.default_rng(0)
    inside = rng.random((4000, 3))
    inside += np.outer((at - inside @ hkl) / (np.array(hkl) @ hkl), hkl)
    inside = inside[((inside >= 0) & (inside <= 1)).all(axis=1)][:200]
    near = np.linalg.norm((inside[:, None] - x[None]) @ LATTICE, axis=-1).min(axis=1)
    assert near.max() < 0.2


def test_the_slider_moves_the_surface(browser, tmp_path):
    assert opened(browser, tmp_path, density_page(gaussian()), "level=0.1") == []
    before, _ = points_of(browser, "MarchingCubes")
    browser.execute_script(
        "const slide = document.getElementById('slide'); slide.value = 950; slide.dispatchEvent(new Event('input'));"
    )
    wait_until(browser, "return Number(document.getElementById('level').value) > 0.5")
    time.sleep(1.0)
    after, _ = points_of(browser, "MarchingCubes")
    middle = CENTRE @ LATTICE
    assert np.linalg.norm(after - middle, axis=1).max() < 0.7 * np.linalg.norm(before - middle, axis=1).min()


def test_both_signs_have_a_surface(browser, tmp_path):
    positive, negative = gaussian(), gaussian(sign=-1.0)
    moved = np.roll(negative.values, (12, 13, 14), (0, 1, 2))
    page = density_page(positive.with_values(positive.values + moved))
    assert opened(browser, tmp_path, page, "level=0.5") == []
    from symfft.view.scene import NEGATIVE, POSITIVE

    for colour, centre in ((POSITIVE, CENTRE), (NEGATIVE, CENTRE + 0.5)):
        points, _ = points_of(browser, "MarchingCubes", colour)
        apart = (points @ np.linalg.inv(LATTICE) - centre + 0.5) % 1.0 - 0.5
        assert np.abs(np.linalg.norm(apart @ LATTICE, axis=1) - WIDTH * np.sqrt(np.log(2))).max() < 0.03


def test_two_densities_and_their_difference(browser, tmp_path):
    first, second = gaussian(), gaussian((32, 32, 32))
    doubled = second.with_values(2 * second.values)
    page = density_page(first, doubled, names=("one", "two"))
    assert opened(browser, tmp_path, page, "grid=2&level=0.4") == []
    options = "return [...document.getElementById('grid').options].map((one) => one.text)"
    assert browser.execute_script(options) == [
        "one: electron density",
        "two: electron density",
        "difference: electron density, one − two",
    ]
    from symfft.view.scene import NEGATIVE

    points, _ = points_of(browser, "MarchingCubes", NEGATIVE)  # one - two = -gaussian
    radii = np.linalg.norm(points - CENTRE @ LATTICE, axis=1)
    assert np.abs(radii - WIDTH * np.sqrt(-np.log(0.4))).max() < 0.03


def test_the_picture_shows_surface_and_atoms(browser, tmp_path):
    from PIL import Image

    opened(browser, tmp_path, density_page(gaussian()), "panel=0")
    with Image.open(io.BytesIO(browser.get_screenshot_as_png())) as image:
        red, green, blue = np.moveaxis(np.asarray(image.convert("RGB"), dtype=int)[60:], -1, 0)
    yellow = (red > 120) & (green > 60) & (blue < 90) & (red > green + 20)
    assert yellow.mean() > 0.01
    assert (np.maximum(np.maximum(red, green), blue) > 250).mean() > 0.5  # on white


def test_names_cannot_end_the_script(browser, tmp_path):
    page = density_page(gaussian(), title="</script><script>document.body.dataset.broken = 1</script>")
    assert opened(browser, tmp_path, page) == []
    assert browser.execute_script("return document.body.dataset.broken") is None
    assert browser.title.startswith("</script>")


def test_densities_that_have_no_difference_are_refused():
    first = gaussian()
    with pytest.raises(ShapeError, match="a charge and a elf have no difference"):
        density_page(first, Density(first.values, LATTICE, first.positions, first.numbers, kind="elf"))
    with pytest.raises(ShapeError, match=r"differ by up to 0.2 Å.*standardize"):
        density_page(first, gaussian(lattice=1.05 * LATTICE - 0.05 * LATTICE + np.diag([0, 0, 0.2])))


def test_k3d_missing_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "k3d", None)
    with pytest.raises(SymfftError, match=r'pip install "symfft\[view\]"'):
        density_page(gaussian())


def test_large_grids_are_made_smaller(monkeypatch):
    monkeypatch.setattr("symfft.view.grids.MOST_POINTS", 1000)
    page = density_page(gaussian())
    assert page.notes == ("interpolated from 24 × 26 × 28 to 9 × 10 × 10 points",)


def test_a_notebook_shows_the_page_in_a_frame():
    page = density_page(gaussian())
    frame = page._repr_html_()
    assert frame.startswith("<iframe")
    assert frame.count("<") == 2  # all of the page is quoted
