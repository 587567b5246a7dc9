"""`{predict}`: the reader commits to a prediction before the output of the next cell shows.

    :::{predict}
    :label: predict-agreeing-pixels

    How many of the 25 output pixels agree, bit for bit?

    - all
    - all but the border
    :::

The choices are the list that the text ends with; without one the reader writes a line. The script
(assets/reader.js) keeps the prediction and opens the output; without it this is a note above a fold.
"""

from docutils import nodes
from docutils.parsers.rst import directives
from elements import element
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

TITLE = "Predict, then run"

logger = logging.getLogger(__name__)


class Predict(SphinxDirective):
    """A question whose answer is the output of the code cell that follows."""

    has_content = True
    option_spec = {"label": directives.unchanged_required}

    def run(self):
        label = self.options.get("label", "")
        if not label or label != nodes.make_id(label):
            logger.warning(
                "expected a label of lower-case words joined by hyphens, got %r",
                label,
                location=self.get_location(),
                type="predict",
            )
        body = self.parse_content_to_nodes()
        if body and isinstance(body[-1], nodes.bullet_list):
            *body, choices = body
            field = choose(choices)
        else:
            line = {"type": "text", "name": "prediction", "required": True, "maxlength": 200, "autocomplete": "off"}
            field = element("label", {"class": "pst-js-only"}, "Your prediction ", element("input", line))
        keep = element("button", {"type": "submit"}, "Keep my prediction and show")
        status = element("span", {"role": "status"})
        form = element("form", {}, field, element("div", {"class": "pst-js-only"}, keep, status))
        note = nodes.admonition("", nodes.title("", TITLE), *body, form, classes=["tip", "predict"], ids=[label])
        self.set_source_info(note)
        return [note]


def choose(choices):
    """Radio buttons from a list of choices."""
    items = []
    for item in choices:
        radio = {"type": "radio", "name": "prediction", "value": item.astext(), "required": True, "class": "pst-js-only"}
        text = nodes.inline("", "", *item[0].children)
        items.append(element("li", {}, element("label", {}, element("input", radio), text)))
    return element("fieldset", {}, element("legend", {}, "Your prediction"), element("ul", {}, *items))


def check(app, doctree):
    """Warn of a prediction whose output is in the open, and of two with the same label."""
    labels = set()
    for note in doctree.findall(nodes.admonition):
        if "predict" not in note["classes"]:
            continue
        after = note.next_node(descend=False, siblings=True)
        classes = [] if after is None else after.get("classes", [])
        if "tag_hide-output" not in classes:
            got = "one without" if "cell" in classes else "the end" if after is None else after.tagname
            logger.warning(
                "expected a code cell tagged hide-output after the prediction, got %s", got, location=note, type="predict"
            )
        if labels & set(note["ids"]):
            logger.warning("expected a label of its own, got %s twice", *note["ids"], location=note, type="predict")
        labels |= set(note["ids"])


def setup(app):
    app.add_directive("predict", Predict)
    app.connect("doctree-read", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
