"""Takes from the pages the roles and labels that extensions write and that mislead a screen reader."""

import re

MISLEADING = re.compile(
    # myst-nb names every folded output the same, whatever its summary says.
    r' aria-label="Toggle hidden content"'
    # docutils marks citations with a role that ARIA has withdrawn, inside a list whose items are none.
    r'| role="doc-biblioentry"|(?<=<div) role="list"(?= class="citation-list")'
)


def remove_misleading(app, pagename, templatename, context, doctree):
    """Leave the plain elements, which say what they are."""
    if "body" in context:
        context["body"] = MISLEADING.sub("", context["body"])


def setup(app):
    app.connect("html-page-context", remove_misleading)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
