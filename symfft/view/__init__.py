"""Interactive pages: isosurfaces, atoms and lattice planes of a density in one HTML file that needs no network."""

from symfft.view.page import Page, density_page

__all__ = ["Page", "density_page"]
