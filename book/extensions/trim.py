"""Takes from every page the scripts that the theme brings and this book does not use.

The theme's own scripts go too: assets/page.js does their work without measuring the whole page. What the
theme writes into its own template, templates/layout.html leaves out; the icons are drawn by site.css.
"""

import shutil
from pathlib import Path

from style_sheet import file_name

# What every page needs, joined into one file. Sphinx's search stays on the search page.
SCRIPTS = ["clipboard.min.js", "copybutton.js", "page.js", "reader.js"]
JOINED = "scripts/book.js"
TABS = "design-tabs.js"
SEARCH = {"documentation_options.js", "doctools.js", "sphinx_highlight.js"}
# Copied by the theme, asked for by no page.
UNUSED = [
    "*/*.map",
    "*.png",
    "*webpack-macros.html",
    "copybutton_funcs.js",
    "images",
    "locales",
    "scripts",
    "styles/theme.css",
    "vendor",
]


def choose_scripts(app, pagename, templatename, context, doctree):
    """Keep the scripts that this page needs, and let none of them hold up the page."""
    context["joined_script"] = JOINED
    wanted = set()
    if "sd-tab-set" in context.get("body", ""):
        wanted.add(TABS)
    if pagename == "search":
        wanted |= SEARCH
    context["script_files"] = [script for script in context["script_files"] if file_name(script) in wanted]
    for script in context["script_files"]:
        # The search page's own inline scripts do not wait.
        if file_name(script) not in SEARCH:
            script.attributes["defer"] = "defer"


def write(app, exception):
    """Remove what no page asks for, and join the scripts that every page does."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for pattern in UNUSED:
        for path in static.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    sources = [static / name for name in SCRIPTS]
    joined = static / JOINED
    joined.parent.mkdir()
    joined.write_text("\n;\n".join(source.read_text("utf-8") for source in sources), "utf-8")
    for source in sources:
        source.unlink()


def setup(app):
    # Jupyter Book sets this even where sphinx-comments is not loaded.
    app.add_config_value("comments_config", {}, "html")
    app.connect("html-page-context", choose_scripts, priority=900)
    app.connect("build-finished", write, priority=800)  # before style_sheet.py looks for words in scripts
    return {"parallel_read_safe": True, "parallel_write_safe": True}
