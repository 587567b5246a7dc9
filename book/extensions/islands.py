"""Widgets on the published page, where no kernel runs.

A widget's output holds an island (its state as JSON; conv2attn/widgets/base.py) and a picture. Here the
picture is put into the island, as what is seen until the widget stands and wherever it cannot, and each
page gets the modules of its widgets once, with host.js, which mounts them. A picture and a page cost
nothing more, and all of it works from a folder on disk.
"""

from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.util import logging

ROOT = Path(__file__).parents[2]
WIDGETS = ROOT / "conv2attn" / "widgets"
HOST = ROOT / "book" / "assets" / "host.js"
LIVE = "application/vnd.jupyter.widget-view+json"

logger = logging.getLogger(__name__)


def outputs(doctree):
    """Yield each output of a code cell as a dictionary from MIME type to its container."""
    for bundle in doctree.findall(nodes.container):
        if bundle.get("nb_element") == "mime_bundle":
            yield bundle, {form["mime_type"]: form for form in bundle}


def place_pictures(app, doctree):
    """Put the picture of each widget into its island; warn of widgets that would be dead on the page."""
    for bundle, forms in list(outputs(doctree)):
        html = forms.get("text/html")
        soup = BeautifulSoup(html.astext() if html else "", "html.parser")
        island = soup.find(class_="c2a-island")
        if island is None:
            if LIVE in forms:
                logger.warning(
                    "this widget needs a kernel and would be dead on the page: make it a conv2attn.widgets.base.Widget",
                    location=bundle,
                    type="islands",
                )
            continue
        name, picture = island["data-widget"], forms.get("image/png")
        sources = [WIDGETS / f"{name}.js", WIDGETS / "widget.css", HOST]
        missing = [path.name for path in sources if not path.is_file()]
        if missing or picture is None:
            what = f"no {', '.join(missing)}" if missing else "no picture to show before it stands"
            logger.warning("widget %s has %s", name, what, location=bundle, type="islands")
            continue
        for path in sources:
            app.env.note_dependency(str(path))
        image = picture.next_node(nodes.image)
        image["alt"] = island["data-alt"]
        island.p.decompose()  # the text alone, for hosts that show no picture
        start, end = str(soup).rsplit("</div>", 1)
        html.children = []
        html += [
            nodes.raw(text=start, format="html", c2a_widget=name),
            image.deepcopy(),
            nodes.raw(text="</div>" + end, format="html"),
        ]


def inline(path, closing):
    """The text of a module or style sheet, which must not end the element it is put into."""
    text = path.read_text("utf-8")
    if closing in text.lower():
        logger.warning("%s contains %s and cannot be put into a page", path.name, closing, type="islands")
    return text


def add_modules(app, pagename, templatename, context, doctree):
    """Give a page with widgets their modules, host.js and widget.css, each once."""
    islands = doctree.findall(nodes.raw) if doctree else []
    names = sorted({node["c2a_widget"] for node in islands if "c2a_widget" in node})
    if not names:
        return
    context["metatags"] += f"\n<style>\n{inline(WIDGETS / 'widget.css', '</style')}</style>"
    for name in names:
        module = inline(WIDGETS / f"{name}.js", "</script")
        context["body"] += f'\n<script type="text/x-conv2attn-widget" data-widget="{name}">\n{module}</script>'
    context["body"] += f'\n<script type="module">\n{inline(HOST, "</script")}</script>\n'


def setup(app):
    app.connect("doctree-read", place_pictures, priority=400)
    app.connect("html-page-context", add_modules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
