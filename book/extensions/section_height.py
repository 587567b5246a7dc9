"""Tells each section how high it will be, so that a browser can leave it out until the reader comes near.

site.css gives sections `content-visibility: auto`. What is not laid out needs a height to stand for it, or the
scroll bar jumps as one reads. Here the height is guessed from what is in the section: pixels for what keeps
its height at any width, characters for running text, which site.css turns into lines of the window's width.
"""

import re
from pathlib import Path

import imagesize
from docutils import nodes

# Pixels in the style of site.css: one line of code, one row of a displayed formula, the space around a block.
CODE_LINE, FORMULA_ROW, AROUND = 22, 55, 20
LAST_LINE = 10  # the last line of a paragraph is not full
FOLDED = 60
WIDGET = 700
COLUMN = 640  # the widest that a picture is drawn


def is_folded(node):
    """Is the element something that stands closed until the reader opens it?"""
    hidden_output = node.get("nb_element") == "cell_code_output" and "tag_hide-output" in node.parent["classes"]
    return hidden_output or node.tagname == "dropdown_main"


def picture_height(image, srcdir):
    """The height of a picture as it is drawn, in pixels."""
    width, height = imagesize.get(srcdir / image["uri"]) if (srcdir / image["uri"]).is_file() else (0, 0)
    return height * min(1, COLUMN / width) if width > 0 else 0


def measure(node, srcdir):
    """How much there is in `node`: characters of running text, and pixels of everything else."""
    if isinstance(node, nodes.Text):
        return len(node), 0
    if is_folded(node):
        return 0, FOLDED
    if node.get("html", {}).get("hidden"):
        return 0, 0
    if isinstance(node, nodes.raw):
        return 0, WIDGET if "c2a_widget" in node else 0
    if isinstance(node, nodes.literal_block):
        return 0, CODE_LINE * len(node.astext().splitlines()) + 2 * AROUND
    if isinstance(node, nodes.math_block):
        return 0, FORMULA_ROW * (1 + node.astext().count("\\\\")) + AROUND
    if isinstance(node, nodes.image):
        return 0, picture_height(node, srcdir) + AROUND
    if isinstance(node, nodes.TextElement) or node.get("tag") == "p":
        return len(node.astext()), AROUND + LAST_LINE
    parts = [measure(child, srcdir) for child in node.children]
    if isinstance(node, nodes.row):  # its cells stand side by side
        return sum(text for text, _ in parts), max(pixels for _, pixels in parts)
    return sum(text for text, _ in parts), sum(pixels for _, pixels in parts)


def write_heights(app, pagename, templatename, context, doctree):
    """Write what each section of the second level holds into its element."""
    if doctree is None:
        return
    for section in doctree.findall(nodes.section):
        if isinstance(section.parent, nodes.section) and isinstance(section.parent.parent, nodes.document):
            text, pixels = measure(section, Path(app.srcdir))
            start = re.compile(rf'<section (?=[^>]*\bid="{re.escape(section["ids"][0])}")')
            style = f'<section style="--book-text: {text}; --book-pixels: {pixels:.0f}" '
            context["body"] = start.sub(style, context["body"], count=1)


def setup(app):
    app.connect("html-page-context", write_heights)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
