"""The picture that stands beside a link to the course where people share it: one for all pages.

It is drawn when the site is built, at the size that those places ask for. Only its address is in a page.
"""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

FILE = "social-card.png"
WIDTH, HEIGHT = 1200, 630
ALT = "A grid of pixels. Arrows lead from one of them to the eight around it: a convolution as self-attention."

INK, QUIET, GROUND = "#1d2530", "#55606e", "#f7fbff"
TAP, TOKEN, QUERY = "#2171b5", "#d6e4f2", "#d55e00"


def draw(title, path):
    """Draw the card: the title of the course, and one pixel that looks at the taps of a 3 × 3 kernel around it."""
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=GROUND)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes.set_axis_off()

    step, side = 78, 60
    left, bottom = 750, 120  # of the input, 5 × 5 tokens

    def centre(row, column):
        return left + column * step + side / 2, bottom + row * step + side / 2

    for row in range(5):
        for column in range(5):
            tap = 1 <= row <= 3 and 1 <= column <= 3
            corner = (left + column * step, bottom + row * step)
            box = FancyBboxPatch(corner, side, side, boxstyle="round,pad=0,rounding_size=10", linewidth=0)
            box.set_facecolor(QUERY if row == column == 2 else TAP if tap else TOKEN)
            axes.add_patch(box)
    for row in range(1, 4):
        for column in range(1, 4):
            if (row, column) != (2, 2):
                axes.annotate(
                    "",
                    centre(row, column),
                    centre(2, 2),
                    arrowprops={"arrowstyle": "-|>", "color": "white", "linewidth": 3, "shrinkA": 16, "shrinkB": 6},
                )

    axes.text(80, 400, title.replace(" to ", "\nto "), size=41, weight="bold", color=INK, va="center", linespacing=1.25)
    axes.text(80, 255, r"$y_p = \sum_q\, A_{p,q}(x)\; x_q\, W$", size=32, color=INK, va="center", math_fontfamily="cm")
    axes.text(80, 145, "An interactive course: see it, compute it,\nbreak it, prove it.", size=20, color=QUIET, va="center")
    figure.savefig(path, metadata={"Software": None})


def configure(app, config):
    """Have sphinxext-opengraph name the card on every page."""
    config.ogp_image = config.html_baseurl + FILE
    config.ogp_image_alt = ALT
    config.ogp_custom_meta_tags = [
        f'<meta property="og:image:width" content="{WIDTH}">',
        f'<meta property="og:image:height" content="{HEIGHT}">',
        '<meta name="twitter:card" content="summary_large_image">',
    ]


def write(app, exception):
    """Put the card beside the pages."""
    if not exception and app.builder.format == "html":
        draw(app.config.html_title, Path(app.outdir) / FILE)


def setup(app):
    app.connect("config-inited", configure)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
