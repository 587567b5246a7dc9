"""Every picture carries its width and height, so that the page keeps its place and nothing jumps."""

import re
from pathlib import Path, PurePosixPath

import imagesize

IMAGE = re.compile(r'<img (?![^>]*\swidth=)(?=[^>]*\bsrc="(?P<src>[^"]+)")')


def add_sizes(app, pagename, templatename, context, doctree):
    """Write the size in pixels into each <img> of the page's text that has none."""
    if "body" not in context:
        return
    sources = {name: Path(app.srcdir) / source for source, name in app.builder.images.items()}

    def with_size(match):
        source = sources.get(PurePosixPath(match["src"]).name)
        width, height = imagesize.get(source) if source else (-1, -1)
        return match[0] if width < 0 else f'<img width="{width}" height="{height}" '

    context["body"] = IMAGE.sub(with_size, context["body"])


def setup(app):
    app.connect("html-page-context", add_sizes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
