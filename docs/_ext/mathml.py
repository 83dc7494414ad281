"""Formulas as MathML, which browsers draw themselves: no script, no network."""

from docutils.nodes import SkipNode
from latex2mathml.converter import convert


def inline(translator, node):
    """Write a formula within a line."""
    translator.body.append(convert(node.astext()))
    raise SkipNode


def display(translator, node):
    """Write a formula on lines of its own."""
    translator.body.append(f'<div class="math-display">{convert(_aligned(node.astext()), display="block")}</div>\n')
    raise SkipNode


def _aligned(text):
    """Return a formula of several lines as one of aligned lines, as Sphinx lets one write them."""
    return f"\\begin{{aligned}}{text}\\end{{aligned}}" if "\\\\" in text and "\\begin" not in text else text


def setup(app):
    """Make the renderer known to Sphinx."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
