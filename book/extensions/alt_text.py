"""Every picture of the book says what is to be seen in it, or the build fails.

A code cell says it in its options (`mystnb: {image: {alt: ...}}`), a figure or an image in `:alt:`.
"""

from docutils import nodes
from sphinx.util import logging

logger = logging.getLogger(__name__)


def check(app, doctree):
    """Warn of every picture without alternative text."""
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            logger.warning(
                "a picture without alternative text; a code cell takes it as `mystnb: {image: {alt: ...}}`",
                location=image,
                type="alt_text",
            )


def setup(app):
    app.connect("doctree-read", check, priority=450)  # after islands.py has given widgets' pictures their text
    return {"parallel_read_safe": True, "parallel_write_safe": True}
