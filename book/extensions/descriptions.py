"""Every page says in one or two sentences what it is about, or the build fails.

The text is what a search engine shows below the title. It is `description:` in the page's front matter,
or else the first paragraph of the page that holds no formula.
"""

import textwrap

from docutils import nodes
from sphinx.util import logging

SHORTEST, LONGEST = 50, 200  # characters

logger = logging.getLogger(__name__)


def first_paragraph(doctree):
    """The text of the first paragraph that stands in a section itself and is prose alone; empty if none does."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section) and not paragraph.next_node(nodes.math):
            return paragraph.astext()
    return ""


def describe(app, pagename, templatename, context, doctree):
    """Set the description of a page; the template writes it, sphinxext-opengraph too."""
    if doctree is None:  # a template gives its own
        return
    meta = context["meta"] = context["meta"] or {}
    given = meta.get("description")
    text = textwrap.shorten(given or first_paragraph(doctree), LONGEST, placeholder=" …")
    if len(text) < SHORTEST:
        logger.warning(
            "expected a description of %d characters or more, got %d: write `description: …` into the front matter",
            SHORTEST,
            len(text),
            location=pagename,
            type="descriptions",
        )
    context["description"] = meta["og:description"] = text


def setup(app):
    app.connect("html-page-context", describe, priority=400)  # before sphinxext-opengraph
    return {"parallel_read_safe": True, "parallel_write_safe": True}
