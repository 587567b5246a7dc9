"""Links from a chapter to its notebook and its exercises, and from every page to its source.

    :::{exercises}            in a chapter: where its exercises are
    :::

The notebooks are made by tools/downloads.py. Colab opens the one on the branch of the built site, which
installs the package by itself; Binder builds the repository and opens the committed one.
"""

import re
import sys
from html import escape
from pathlib import Path, PurePosixPath

from docutils import nodes
from sphinx.errors import ConfigError
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri

sys.path.append(str(Path(__file__).parents[2] / "tools"))
import instructions  # noqa: E402 - the notebooks say the same

REPOSITORY = re.compile(r"https://github\.com/(?P<name>[\w.-]+/[\w.-]+?)/?")


def configure(app, config):
    """Check the address of the repository."""
    url = config.repository_url
    if not REPOSITORY.fullmatch(url):
        raise ConfigError(f"repository_url is to be like https://github.com/ORG/REPO, not {url!r}")


def ways(config, published, committed, address):
    """Addresses under which a notebook is opened: to download it, in Colab, in Binder.

    Args:
        config: the configuration of Sphinx.
        published: the notebook on the site, as "notebooks/08-slug.ipynb".
        committed: the notebook in the repository, as "chapters/08-slug.ipynb".
        address: of the published one, seen from the page.
    """
    name = REPOSITORY.fullmatch(config.repository_url)["name"]
    colab = f"https://colab.research.google.com/github/{name}/blob/{config.site_branch}/{published}"
    binder = f"https://mybinder.org/v2/gh/{name}/{config.repository_branch}?urlpath=lab/tree/{committed}"
    return address, colab, binder


def row(pairs):
    """The links as one list, from their texts and addresses."""
    items = "".join(
        f'<li><a href="{escape(url)}"{"" if "://" in url else " download"}>{escape(text)}</a></li>' for text, url in pairs
    )
    return f'<ul class="launch d-print-none">{items}</ul>'


def add_links(app, pagename, templatename, context, doctree):
    """Below the title of a chapter; at the end of another page."""
    if doctree is None:
        return
    name = REPOSITORY.fullmatch(app.config.repository_url)["name"]
    source = app.env.doc2path(pagename, base=False)
    edit = ("Edit this page", f"https://github.com/{name}/edit/{app.config.repository_branch}/{source}")
    if pagename.startswith("chapters/"):
        committed = f"{pagename}.ipynb"
        published = committed.replace("chapters/", "notebooks/", 1)
        addresses = ways(app.config, published, committed, context["pathto"](published, 1))
        html = row([*zip(("Download the notebook", "Open in Colab", "Open in Binder"), addresses), edit])
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{html}", 1)
    else:
        context["body"] += row([edit])


class Exercises(SphinxDirective):
    """Where the exercises of this chapter are, for readers without the course's folder and with it."""

    def run(self):
        name = PurePosixPath(self.env.docname).name
        file = f"exercises/{name}.ipynb"
        addresses = ways(self.config, file, file, relative_uri(f"{self.env.docname}.html", file))
        texts = "Download the exercises", "Open the exercises in Colab", "Open the exercises in Binder"
        links = row(zip(texts, addresses))
        # Pages of solutions lead back to this label.
        text = f"(exercises-{name})=\n{instructions.where_exercises_are(name)}"
        return [nodes.raw("", links, format="html"), *self.parse_text_to_nodes(text)]


def setup(app):
    app.add_config_value("repository_url", "", "html")
    app.add_config_value("repository_branch", "main", "html")
    app.add_config_value("site_branch", "gh-pages", "html")
    app.add_directive("exercises", Exercises)
    app.connect("config-inited", configure)
    app.connect("html-page-context", add_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
