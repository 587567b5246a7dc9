"""What every widget of the course shares: one ES module, two hosts, a picture in its place.

A widget ``name`` is a module ``name.py`` with a subclass of :class:`Widget` (synced traits, ``figure()``, ``describe()``)
and ``name.js`` beside it, whose ``render({ model, el })`` draws it. With a kernel, anywidget loads that module
and keeps its state and Python's the same. Without one, the cell's output holds an *island*: the state as JSON,
from which a page mounts the very same module, and a picture computed by torch until then.
"""

import base64
import html
import io
import json
from pathlib import Path
from typing import Any

import anywidget
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent


class Widget(anywidget.AnyWidget):
    """Base of all widgets. A subclass sets ``name`` and ``_esm = FOLDER / f"{name}.js"``."""

    _css = FOLDER / "widget.css"

    name = ""
    """What the island calls the module: the file name without its ending."""
    height = 320
    """The least height in CSS pixels, at any width, that a page keeps for it; widget.css keeps the exact one."""

    def __repr__(self) -> str:
        """Deterministic, unlike Python's default: notebooks store it and compare it."""
        return f"{type(self).__name__}()"

    def figure(self) -> Figure:
        """The widget's present state as a matplotlib figure, made without pyplot."""
        raise NotImplementedError

    def describe(self) -> str:
        """What is to be seen, in one or two sentences: the picture's alternative text."""
        raise NotImplementedError

    def picture(self) -> bytes:
        """The figure as PNG, opaque, so that it reads on a light and on a dark page."""
        buffer = io.BytesIO()
        self.figure().savefig(buffer, format="png", transparent=False, metadata={"Software": None})
        return buffer.getvalue()

    def state(self) -> dict[str, Any]:
        """The synced traits that the widget itself declares, in the form that its module reads."""
        inherited = anywidget.AnyWidget.class_trait_names()
        own = [key for key in sorted(self.keys) if key not in inherited and not key.startswith("_")]
        return {key: value for key, value in sorted(self.get_state(own).items())}

    def island(self) -> str:
        """The widget as HTML for a page without a kernel. The same state gives the same text."""
        # "<" is escaped so that no value can end the script element.
        state = json.dumps(self.state(), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
        alt = html.escape(self.describe())
        return (
            f'<div class="c2a-island" data-widget="{self.name}" data-alt="{alt}" data-height="{self.height}">'
            f'<script type="application/json" class="c2a-state">{state}</script><p>{alt}</p></div>'
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        data["text/html"] = self.island()
        data["image/png"] = base64.b64encode(self.picture()).decode()
        return data, metadata
