"""One style sheet for the site: all that Sphinx, the theme and the extensions list, less what no page uses.

The theme ships the whole of Bootstrap and of an icon font. A rule stays if every class that it asks for
occurs as a word somewhere in the built pages or scripts, so that nothing in use can be lost. All sheets
but our own stand in one cascade layer: what site.css says wins, without a race of selectors.
"""

import posixpath
import re
from pathlib import Path

import tinycss2

SHEET = "styles/book.css"
OURS = "site.css"
# The theme's template names these itself; the rest are in the page's context.
FIRST = ["basic.css", "styles/pydata-sphinx-theme.css"]
ICON_FONT = "fontawesome"  # trim.py removes its files
LINK = re.compile(r"""url\(\s*["']?(?!data:|#)([^)"']+)["']?\s*\)""")
WORD = re.compile(r"[\w-]+")
NOTICE = re.compile(r"/\*!.*?\*/", re.DOTALL)  # whose work it is and under which licence: kept


def file_name(asset):
    """The file of a style sheet or script below _static, without its check sum."""
    return str(getattr(asset, "filename", None) or "").removeprefix("_static/").split("?")[0]


def collect(app, pagename, templatename, context, doctree):
    """Note the style sheets of the page, in their order, and ask for the one sheet instead."""
    sheets = map(file_name, sorted(context["css_files"], key=lambda sheet: sheet.priority))
    # The keys of a dictionary: each once, and in order, though no page lists them all.
    app.env.style_sheets = dict.fromkeys([*getattr(app.env, "style_sheets", FIRST), *sheets])
    context["css_files"] = []
    context["style_sheet"] = SHEET


def classes(selector):
    """Classes that an element must have to match a selector; those inside :not() and :is() are free."""
    dots = [i for i, token in enumerate(selector) if token.type == "literal" and token.value == "."]
    return {selector[i + 1].value for i in dots}


def selectors(prelude):
    """Split a rule's selector list at its commas."""
    parts = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def used(rules, words):
    """The rules that can match something, as CSS."""
    for rule in rules:
        if rule.type == "qualified-rule":
            kept = [part for part in selectors(rule.prelude) if classes(part) <= words]
            if kept:
                prelude = ",".join(tinycss2.serialize(part).strip() for part in kept)
                yield f"{prelude}{{{tinycss2.serialize(rule.content)}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            body = "\n".join(used(inner, words))
            if body:
                yield f"@{rule.at_keyword} {tinycss2.serialize(rule.prelude).strip()}{{\n{body}\n}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword != "charset":
            text = rule.serialize()
            if ICON_FONT not in text:
                yield text
        elif rule.type == "error":
            raise ValueError(f"bad CSS at line {rule.source_line}: {rule.message}")


def write(app, exception):
    """Write the one sheet, with its links made relative to it, and remove those it was made of."""
    if exception or app.builder.format != "html":
        return
    site, static = Path(app.outdir), Path(app.outdir) / "_static"
    texts = (path.read_text("utf-8") for kind in ("*.html", "*.js") for path in site.rglob(kind))
    words = {word for text in texts for word in WORD.findall(text)}
    parts = []
    for sheet in app.env.style_sheets:

        def moved(link, folder=posixpath.dirname(sheet)):
            return f"url({posixpath.relpath(posixpath.join(folder, link[1]), posixpath.dirname(SHEET))})"

        css = LINK.sub(moved, (static / sheet).read_text("utf-8"))
        rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
        text = "\n".join([*NOTICE.findall(css), *used(rules, words)])
        parts.append(text if sheet == OURS else f"@layer theme {{\n{text}\n}}")
        (static / sheet).unlink()
    (static / SHEET).write_text("\n".join(parts) + "\n", "utf-8")


def setup(app):
    app.connect("html-page-context", collect, priority=900)
    app.connect("build-finished", write, priority=900)  # after the extensions have copied their sheets
    return {"parallel_read_safe": True, "parallel_write_safe": False}
