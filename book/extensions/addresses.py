"""What follows from the one base URL of _config.yml: canonical addresses, sitemap, robots.txt, 404 and redirect.

Pages refer to each other and to their files by relative addresses, so that the site works in any folder
and from disk. What must be absolute is made from `html_baseurl`, here and in the extensions that this
one sets up.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from sphinx.errors import ConfigError

BASE = re.compile(r"https?://[^/?#]+/([^?#]*/)?")


def configure(app, config):
    """Check the base URL and hand it to sphinxext-opengraph and sphinx-notfound-page."""
    if not BASE.fullmatch(config.html_baseurl):
        raise ConfigError(f"html_baseurl is to be like https://host/ or https://host/path/, not {config.html_baseurl!r}")
    config.ogp_site_url, config.ogp_site_name = config.html_baseurl, config.html_title
    # A server shows 404.html at any depth, so its links begin at the root of the host.
    config.notfound_urls_prefix = urlsplit(config.html_baseurl).path


def keep_out_of_sitemap(app, env):
    """A page whose front matter says `nosearch` is found neither by our search nor through the sitemap."""
    unlisted = [app.builder.get_target_uri(name) for name, meta in env.metadata.items() if "nosearch" in meta]
    app.config.sitemap_excludes = [*app.config.sitemap_excludes, *unlisted]


def redirect_from_root(app):
    """The page at the root of the site, which leads to the front page."""
    front = app.config.root_doc
    if front == "index":
        return
    yield "index", {"front_url": app.config.html_baseurl + app.builder.get_target_uri(front)}, "redirect.html"


def finish_not_found(app, pagename, templatename, context, doctree):
    """The page for addresses that lead nowhere has no canonical one, and a book of one page no contents list."""
    if pagename == app.config.notfound_pagename:
        context["pageurl"] = None
        toctree = context["toctree"]
        context["toctree"] = lambda **options: toctree(**options) or ""


def write_robots(app, exception):
    """Every page may be read by everyone, and the sitemap lists them."""
    if exception or app.builder.format != "html":
        return
    text = f"User-agent: *\nAllow: /\n\nSitemap: {app.config.html_baseurl}{app.config.sitemap_filename}\n"
    (Path(app.outdir) / "robots.txt").write_text(text, "utf-8")


def setup(app):
    app.connect("config-inited", configure, priority=400)  # before sphinx-notfound-page checks what it is given
    app.connect("env-check-consistency", keep_out_of_sitemap)
    app.connect("html-collect-pages", redirect_from_root)
    app.connect("html-page-context", finish_not_found, priority=450)  # after sphinx-notfound-page, before the theme
    app.connect("build-finished", write_robots)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
