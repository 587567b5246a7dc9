"""Keeps punctuation on the line of the formula that it follows.

A browser may break a line after any formula, and a full stop alone at the start of a line reads as a mistake.
"""

import re

from docutils import nodes

PUNCTUATION = re.compile(r"[.,;:!?)\]’”]+")


def keep(app, doctree):
    """Put each formula in the text and the punctuation right after it into one part that does not break."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        found = PUNCTUATION.match(after) if isinstance(after, nodes.Text) else None
        if found:
            after.parent.replace(after, nodes.Text(after[found.end() :]))
            formula.replace_self(nodes.inline("", "", formula.deepcopy(), nodes.Text(found[0]), classes=["nowrap"]))


def setup(app):
    app.connect("doctree-read", keep)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
