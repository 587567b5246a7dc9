"""Mends the HTML that extensions write and that the standard does not allow."""

import re

from docutils import nodes

# sphinx-proof gives the same ids to every proof and to the content of every theorem.
SHARED_IDS = ["proof"], ["proof-content"]
SUMMARY = re.compile(r"<summary\b.*?</summary>", re.DOTALL)
PARAGRAPH = re.compile(r"(</?)p\b")


def drop_shared_ids(app, doctree, docname):
    """An id names one element of a page; these name several, and nothing refers to them."""
    for node in doctree.findall(lambda node: isinstance(node, (nodes.section, nodes.admonition))):
        if node["ids"] in SHARED_IDS:
            node["ids"] = []


def mend_summaries(app, pagename, templatename, context, doctree):
    """myst-nb puts paragraphs into the summary of a folded cell, where only a line of text may stand."""
    if "body" in context:
        context["body"] = SUMMARY.sub(lambda match: PARAGRAPH.sub(r"\1span", match[0]), context["body"])


def setup(app):
    app.connect("doctree-resolved", drop_shared_ids)
    app.connect("html-page-context", mend_summaries)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
