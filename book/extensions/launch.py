"""Links from a chapter to its notebook, and from every page to its source.

The notebooks are made by tools/downloads.py. Colab opens the one on the branch of the built site, which
installs the package by itself; Binder builds the repository and opens the committed one.
"""

import re
from html import escape

from sphinx.errors import ConfigError

REPOSITORY = re.compile(r"https://github\.com/(?P<name>[\w.-]+/[\w.-]+?)/?")


def configure(app, config):
    """Check the address of the repository."""
    url = config.repository_url
    if not REPOSITORY.fullmatch(url):
        raise ConfigError(f"repository_url is to be like https://github.com/ORG/REPO, not {url!r}")


def links(config, pagename, source, notebook):
    """Text and address of each link of a page.

    Args:
        config: the configuration of Sphinx.
        pagename: the page, as "chapters/08-slug".
        source: its source file, relative to the repository.
        notebook: the address, seen from the page, of the notebook to download; None for a page without.
    """
    name = REPOSITORY.fullmatch(config.repository_url)["name"]
    branch = config.repository_branch
    edit = ("Edit this page", f"https://github.com/{name}/edit/{branch}/{source}")
    if notebook is None:
        return [edit]
    file = pagename.removeprefix("chapters/") + ".ipynb"
    colab = f"https://colab.research.google.com/github/{name}/blob/{config.site_branch}/notebooks/{file}"
    binder = f"https://mybinder.org/v2/gh/{name}/{branch}?urlpath=lab/tree/chapters/{file}"
    return [("Download the notebook", notebook), ("Open in Colab", colab), ("Open in Binder", binder), edit]


def row(pairs):
    """The links as one list."""
    items = "".join(
        f'<li><a href="{escape(url)}"{"" if "://" in url else " download"}>{escape(text)}</a></li>' for text, url in pairs
    )
    return f'<ul class="launch d-print-none">{items}</ul>'


def add_links(app, pagename, templatename, context, doctree):
    """Below the title of a chapter; at the end of another page."""
    if doctree is None:
        return
    chapter = pagename.startswith("chapters/")
    notebook = context["pathto"](pagename.replace("chapters/", "notebooks/", 1) + ".ipynb", 1) if chapter else None
    source = app.env.doc2path(pagename, base=False)
    html = row(links(app.config, pagename, source, notebook))
    if chapter:
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{html}", 1)
    else:
        context["body"] += html


def setup(app):
    app.add_config_value("repository_url", "", "html")
    app.add_config_value("repository_branch", "main", "html")
    app.add_config_value("site_branch", "gh-pages", "html")
    app.connect("config-inited", configure)
    app.connect("html-page-context", add_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
