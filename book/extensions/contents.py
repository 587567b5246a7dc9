"""`{chapters}`: the chapters of a part, those that are written with what a reader wants to know before.

    :::{chapters}
    8: Convolution as attention
    9: How exact
    :::

The plan is the body. A chapter is written when `_toc.yml` names its file; then its title and description
come from its page, and its reading time is computed. Here too the pages get the reader's script, which
fills in what was read.
"""

import re

import yaml
from docutils import nodes
from elements import HTMLElement, element
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

CHAPTER = re.compile(r"chapters/(\d\d)-")
# What is read in a minute. A formula or a line of code takes longer than a word.
WORDS, FORMULAS, LINES = 200, 12, 30

logger = logging.getLogger(__name__)


class Plan(nodes.General, nodes.Element):
    """Stands for the list until all chapters have been read; `plan` maps numbers to titles."""


class Chapters(SphinxDirective):
    """The chapters of one part, in order."""

    has_content = True

    def run(self):
        plan = yaml.safe_load("\n".join(self.content))
        if not isinstance(plan, dict) or not all(isinstance(number, int) for number in plan):
            logger.warning("expected lines `8: Title`, got %r", plan, location=self.get_location(), type="contents")
            return []
        return [Plan(plan=plan)]


def written(env):
    """The page of each chapter that there is, by its number."""
    return {int(match[1]): name for name in env.found_docs if (match := CHAPTER.match(name))}


def minutes(doctree):
    """How long a chapter takes to read, to five minutes."""
    unread = nodes.math, nodes.math_block, nodes.literal_block, nodes.raw, nodes.comment
    texts = (text for text in doctree.findall(nodes.Text) if not isinstance(text.parent, unread))
    words = sum(len(text.split()) for text in texts)
    formulas = sum(1 for kind in (nodes.math, nodes.math_block) for _ in doctree.findall(kind))
    lines = sum(bool(line.strip()) for block in doctree.findall(nodes.literal_block) for line in block.astext().split("\n"))
    return max(1, round((words / WORDS + formulas / FORMULAS + lines / LINES) / 5)) * 5


def fill(app, doctree, docname):
    """Put the lists where the plans stand."""
    pages = written(app.env)
    plans = list(doctree.findall(Plan))
    for place in plans:
        items = [
            chapter(app, docname, number, pages[number]) if number in pages else planned(number, title)
            for number, title in place["plan"].items()
        ]
        place.replace_self(element("ol", {"class": "chapters"}, *items))
    if plans and (missing := pages.keys() - {number for place in plans for number in place["plan"]}):
        logger.warning("expected every chapter in the plan, got none for %s", sorted(missing), location=docname, type="contents")


def planned(number, title):
    """The line of a chapter that is not written."""
    return element("li", {"value": number}, nodes.paragraph("", f"{title} (planned)"))


def chapter(app, docname, number, page):
    """The lines of a chapter that is written."""
    doctree = app.env.get_doctree(page)
    description = app.env.metadata[page].get("description", "")
    if not description:
        logger.warning("expected `description: …` in the front matter, got none", location=page, type="contents")
    sections = [section["ids"][0] for section in doctree[0] if isinstance(section, nodes.section)]
    attributes = [node["html"] for node in doctree.findall(HTMLElement)]
    questions = [given["data-question"] for given in attributes if "data-question" in given]
    data = {"value": number, "data-chapter": page, "data-sections": " ".join(sections), "data-questions": " ".join(questions)}
    title = app.env.titles[page].deepcopy().children
    uri = app.builder.get_relative_uri(docname, page)
    shown = {"read": f"0 of {len(sections)} sections read."}
    if questions:
        shown["quiz"] = f"Quiz: {len(questions)} questions."
    return element(
        "li",
        data,
        nodes.paragraph("", "", nodes.reference("", "", *title, internal=True, refuri=uri)),
        nodes.paragraph("", f"{description} About {minutes(doctree)} minutes to read."),
        # The words below it say the same.
        element("progress", {"class": "pst-js-only", "max": len(sections), "value": 0, "aria-hidden": "true"}),
        *(element("p", {"class": "pst-js-only", "data-shown": kind}, text) for kind, text in shown.items()),
    )


def setup(app):
    app.add_node(Plan)
    app.add_directive("chapters", Chapters)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
