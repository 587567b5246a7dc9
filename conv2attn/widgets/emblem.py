"""The emblem of the course: heads at work in its smallest form, with one slider."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from conv2attn import figures
from conv2attn.widgets.drawing import numbered, panel
from conv2attn.widgets.heads_at_work import HeadsAtWork


class Emblem(HeadsAtWork):
    """The same state and numbers as :class:`HeadsAtWork`; all that the reader moves is α, up to the hard limit.

    The difference is drawn in the colours of the outputs, so that it fades as α grows.
    """

    name = "emblem"

    def __repr__(self) -> str:
        return super().__repr__().replace("HeadsAtWork", "Emblem", 1)

    def figure(self) -> Figure:
        """Image, heads and kernel; attention, convolution and their difference, on one scale."""
        attention, convolution = self.attention_output, self.convolution_output
        difference = attention - convolution
        limit = max(attention.abs().max().item(), convolution.abs().max().item()) or 1
        with matplotlib.rc_context(figures.STYLE):
            figure = Figure(figsize=(5.2, 4.4), dpi=120)
            cells = figure.add_gridspec(2, 3, left=0.01, right=0.99, top=0.93, bottom=0.08, hspace=0.3, wspace=0.06)
            self._draw_image(panel(figure, cells[0, 0], "$x$, image"), cross=False)
            self._draw_heads(panel(figure, cells[0, 1], f"$A$, {len(self.centres)} heads, α = {self._sharpness:g}"))
            numbered(panel(figure, cells[0, 2], "$W$, kernel"), np.array(self.kernel))
            outputs = {"attention": attention, "convolution": convolution, "difference": difference}
            for column, (title, values) in enumerate(outputs.items()):
                axes = panel(figure, cells[1, column], title)
                axes.imshow(values.numpy(), cmap=figures.signed_cmap, vmin=-limit, vmax=limit, interpolation="nearest")
            text = f"at most {difference.abs().max().item():.3g}"
            axes.text(0.5, -0.12, text, transform=axes.transAxes, ha="center", va="center")
        return figure
