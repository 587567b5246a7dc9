"""An ipywidgets control where a kernel runs, a picture where none does."""

import base64
import html
from typing import Any

import ipywidgets
from matplotlib.figure import Figure

from conv2attn.widgets.base import png

NOTE = "This control needs a kernel: run this chapter as a notebook to move it."


class KernelOnly:
    """Shows ``control`` in a notebook, and on the published page ``picture`` with a line that says why.

    For what only Python can compute. What a page can compute is a :class:`conv2attn.widgets.base.Widget`.

    Args:
        control: any ipywidgets control, such as what ``ipywidgets.interactive`` returns.
        picture: what it shows at first; made without pyplot (``matplotlib.figure.Figure``), so that it is not
            drawn a second time.
        alt: what is to be seen in the picture.

    Raises ValueError saying what was expected and what was given.
    """

    def __init__(self, control: ipywidgets.Widget, *, picture: Figure, alt: str) -> None:
        if not isinstance(control, ipywidgets.DOMWidget):
            raise ValueError(f"expected an ipywidgets control, got {control!r:.80}")
        if not isinstance(picture, Figure):
            raise ValueError(f"expected a matplotlib Figure as the picture, got {picture!r:.80}")
        if not alt.strip():
            raise ValueError(f"expected a text that says what is to be seen in the picture, got {alt!r}")
        self.control, self.picture, self.alt = control, picture, alt

    def __repr__(self) -> str:
        """Deterministic: notebooks store it and compare it."""
        return f"KernelOnly({type(self.control).__name__})"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        alt = html.escape(self.alt)
        return {
            **self.control._repr_mimebundle_(),
            "text/plain": repr(self),
            "text/html": f'<div class="c2a-kernel-only" data-alt="{alt}"><p>{NOTE}</p></div>',
            "image/png": base64.b64encode(png(self.picture)).decode(),
        }
