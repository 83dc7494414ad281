"""Shows figures of examples that pyplot does not know, such as those of `symfft.plot`."""

from weakref import WeakSet

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

SHOWN: WeakSet[Figure] = WeakSet()


def figures(block, block_vars, gallery_conf):
    """Save each figure that an example has named since the last block; pyplot's have a manager and another scraper.

    It comes before that scraper, which closes figures and takes their managers away.
    """
    paths = []
    for value in list(block_vars["example_globals"].values()):
        if not isinstance(value, Figure) or value in SHOWN:
            continue
        SHOWN.add(value)
        if value.canvas.manager is None:
            path = next(block_vars["image_path_iterator"])
            value.savefig(path)
            paths.append(path)
    return figure_rst(paths, gallery_conf["src_dir"])


def _get_sg_image_scraper():
    return figures
