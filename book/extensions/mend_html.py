"""Mends the HTML that other extensions write: what the standard does not allow, and what misleads a screen reader."""

import re

from docutils import nodes

# sphinx-proof gives the same ids to every proof and to the content of every theorem.
SHARED_IDS = ["proof"], ["proof-content"]
# myst-nb puts paragraphs into the summary of a folded cell, where only a line of text may stand.
SUMMARY = re.compile(r"<summary\b.*?</summary>", re.DOTALL)
PARAGRAPH = re.compile(r"(</?)p\b")
MISLEADING = re.compile(
    # myst-nb names every folded output the same, whatever its summary says.
    r' aria-label="Toggle hidden content"'
    # docutils marks citations with a role that ARIA has withdrawn, inside a list whose items are none.
    r'| role="doc-biblioentry"|(?<=<div) role="list"(?= class="citation-list")'
)


def drop_shared_ids(app, doctree, docname):
    """An id names one element of a page; these name several, and nothing refers to them."""
    for node in doctree.findall(lambda node: isinstance(node, (nodes.section, nodes.admonition))):
        if node["ids"] in SHARED_IDS:
            node["ids"] = []


def mend(app, pagename, templatename, context, doctree):
    """Leave plain elements, which say what they are, each where it may stand."""
    if "body" in context:
        body = SUMMARY.sub(lambda match: PARAGRAPH.sub(r"\1span", match[0]), context["body"])
        context["body"] = MISLEADING.sub("", body)


def setup(app):
    app.connect("doctree-resolved", drop_shared_ids)
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
