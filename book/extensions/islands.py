"""Widgets on the published page, where no kernel runs.

A widget's output holds an island (its state as JSON; conv2attn/widgets/base.py) and a picture. Here the
picture is put into the island, as what is seen until the widget stands and wherever it cannot, and each
page gets the modules of its widgets once, with host.js, which mounts them. A picture and a page cost
nothing more, and all of it works from a folder on disk.

A control that works with a kernel alone comes as its picture and a line that says so
(conv2attn.widgets.KernelOnly). Every other control that would be dead on the page fails the build.
"""

from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.util import logging

from conv2attn.widgets.base import module, sources, style

HOST = Path(__file__).parents[1] / "assets" / "host.js"
LIVE = "application/vnd.jupyter.widget-view+json"

logger = logging.getLogger(__name__)


def outputs(doctree):
    """Yield each output of a code cell, and its containers by their MIME type."""
    for bundle in doctree.findall(nodes.container):
        if bundle.get("nb_element") == "mime_bundle":
            yield bundle, {form["mime_type"]: form for form in bundle}


def place_pictures(app, doctree):
    """Put the picture of each widget into its island; warn of widgets that would be dead on the page."""
    for bundle, forms in list(outputs(doctree)):
        html = forms.get("text/html")
        soup = BeautifulSoup(html.astext() if html else "", "html.parser")
        island = soup.find(class_=["c2a-island", "c2a-kernel-only"])
        if island is None:
            if LIVE in forms:
                logger.warning(
                    "this widget needs a kernel and would be dead on the page: make it a conv2attn.widgets.base.Widget, "
                    "or show a picture in its place with conv2attn.widgets.KernelOnly",
                    location=bundle,
                    type="islands",
                )
            continue
        picture = forms.get("image/png")
        if picture is None:
            logger.warning("a widget without a picture to show on the page", location=bundle, type="islands")
            continue
        image = picture.next_node(nodes.image)
        image["alt"] = island["data-alt"]
        name = island.get("data-widget")
        if name:
            for path in [*sources(name), HOST]:
                app.env.note_dependency(str(path))
            island.p.decompose()  # the text alone, for hosts that show no picture
        inside = island.decode_contents()
        island.clear()
        opening, closing = str(soup).rsplit("</div>", 1)
        html.children = []
        html += [
            nodes.raw(text=opening, format="html", c2a_widget=name),
            image.deepcopy(),
            nodes.raw(text=f"{inside}</div>{closing}", format="html"),
        ]


def inline(text, closing):
    """The text of a module or style sheet, which must not end the element it is put into."""
    if closing in text.lower():
        logger.warning("a widget's files contain %s and cannot be put into a page", closing, type="islands")
    return text


def add_modules(app, pagename, templatename, context, doctree):
    """Give a page with widgets their modules, host.js and their style, each once."""
    islands = doctree.findall(nodes.raw) if doctree else []
    names = sorted({node["c2a_widget"] for node in islands if node.get("c2a_widget")})
    if not names:
        return
    context["metatags"] += f"\n<style>\n{inline(style(*names), '</style')}</style>"
    for name in names:
        text = inline(module(name), "</script")
        context["body"] += f'\n<script type="text/x-conv2attn-widget" data-widget="{name}">\n{text}</script>'
    context["body"] += f'\n<script type="module">\n{inline(HOST.read_text("utf-8"), "</script")}</script>\n'


def setup(app):
    app.connect("doctree-read", place_pictures, priority=400)
    app.connect("html-page-context", add_modules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
