"""Formulas as MathML, which browsers draw themselves: no script, no network."""

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.util.logging import getLogger


def inline(translator, node):
    """Write a formula within a line."""
    translator.body.append(_converted(node, node.astext(), "inline"))
    raise SkipNode


def display(translator, node):
    """Write a formula on lines of its own."""
    translator.body.append(f'<div class="math-display">{_converted(node, _aligned(node.astext()), "block")}</div>\n')
    raise SkipNode


def _converted(node, text, display):
    found = convert(text, display=display)
    if "\\" in found:
        getLogger(__name__).warning("a command of the formula %s is not translated", text, location=node)
    return found


def _aligned(text):
    """Return a formula of several lines as one of aligned lines, as Sphinx lets one write them."""
    return f"\\begin{{aligned}}{text}\\end{{aligned}}" if "\\\\" in text and "\\begin" not in text else text


def setup(app):
    """Make the renderer known to Sphinx."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
