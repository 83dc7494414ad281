"""Settings of the documentation; `make docs` builds it."""

import os
import sys
import warnings
from pathlib import Path

import symfft
from symfft._compile import numba_parts

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]
SOURCE = "https://github.com/symfft/symfft/blob/main/"

project = "symfft"
author = "The symfft developers"
copyright = "the symfft developers, BSD-3-Clause"
version = release = symfft.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",
]
exclude_patterns = ["_build", "examples", "api/generated/*.examples"]
templates_path = ["_templates"]
default_role = None
html_math_renderer = "mathml"  # no script from elsewhere: the site is read offline too
nitpicky = False

# ---- reference -------------------------------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say types with their shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
# other projects are linked to only where a builder has a network
intersphinx_mapping = (
    {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }
    if os.environ.get("SYMFFT_DOCS_LINKS")
    else {}
)

# ---- pages -----------------------------------------------------------------------------------------------------------

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
myst_url_schemes = ("http", "https", "mailto")

html_theme = "pydata_sphinx_theme"
html_title = "symfft"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "github_url": "https://github.com/symfft/symfft",
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "changelog": [], "contributing": [], "cite": []}

# ---- examples --------------------------------------------------------------------------------------------------------

# examples show what they print; what a first call compiles depends on the machine
numba_parts._say_compiling = lambda name: None
# figures are drawn, not shown
os.environ.setdefault("MPLBACKEND", "agg")
warnings.filterwarnings("ignore", message=".*non-interactive.*")
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "capture_repr": ("_repr_html_", "__repr__"),
    "image_scrapers": ("figures", "matplotlib"),
    "reset_modules": (),
    "plot_gallery": True,
    "abort_on_example_error": True,
    "copyfile_regex": r"(?!)",
}


def bars_are_bars(app, what, name, obj, options, lines):
    """Escape the bars of |rho| in docstrings, which reStructuredText would take for substitutions."""
    in_math = False
    for i, line in enumerate(lines):
        if in_math and line.strip() and not line.startswith(in_math):
            in_math = False
        if ".. math::" in line:
            in_math = line[: len(line) - len(line.lstrip())] + " "
        elif not in_math and "`" not in line and ">>>" not in line:
            lines[i] = line.replace("\\|", "|").replace("|", "\\|")


def setup(app):
    """Connect what this file does beyond settings."""
    app.connect("autodoc-process-docstring", bars_are_bars, priority=900)
