"""HTML elements that docutils has no node for: forms, fields, buttons.

`element("fieldset", {}, element("legend", {}, *inline), ...)` is a node like any other, so what stands
inside is resolved as in the text: formulas are set, references find their numbers.
"""

from html import escape

from docutils import nodes

VOID = {"input"}


class HTMLElement(nodes.General, nodes.Element):
    """One element, with its name in `tag` and its attributes in `html`."""


def element(tag, attributes=None, *children):
    """A node for `<tag attributes>children</tag>`; a child may be a string, an attribute True or None."""
    node = HTMLElement(tag=tag, html=attributes or {})
    node.extend(nodes.Text(child) if isinstance(child, str) else child for child in children)
    return node


def visit(self, node):
    """Write the opening tag; `self` is Sphinx's HTML translator."""
    written = (
        f" {name}" if value is True else f' {name}="{escape(str(value))}"'
        for name, value in node["html"].items()
        if value is not None
    )
    self.body.append(f"<{node['tag']}{''.join(written)}>")


def depart(self, node):
    """Write the closing tag, where there is one."""
    if node["tag"] not in VOID:
        self.body.append(f"</{node['tag']}>")


def setup(app):
    app.add_node(HTMLElement, html=(visit, depart))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
