"""What every widget of the course shares: one ES module, two hosts, a picture in its place.

A widget ``name`` is a module ``name.py`` with a subclass of :class:`Widget` (synced traits, ``figure()``, ``describe()``)
and ``name.js`` beside it, whose ``render({ model, el })`` draws it; ``name.css``, if there is one, is its own look.
With a kernel, anywidget loads that module and keeps its state and Python's the same. Without one, the cell's output
holds an *island*: the state as JSON, from which a page mounts the very same module, and a picture computed by torch
until then. CONTRIBUTING.md tells how to write one.
"""

import base64
import html
import io
import json
import re
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from matplotlib.figure import Figure

from conv2attn import figures

FOLDER = Path(__file__).parent
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)


def sources(name: str) -> list[Path]:
    """The files that the widget ``name`` is made of: modules, each after those it imports, then style sheets.

    Raises ValueError if a module is missing.
    """
    modules: list[Path] = []

    def add(module: str) -> None:
        path = FOLDER / f"{module}.js"
        if path in modules:
            return
        if not path.is_file():
            raise ValueError(f"expected the module {path.name} of the widget {name!r} in {FOLDER.name}/, found none")
        for imported in IMPORT.findall(path.read_text("utf-8")):
            add(imported)
        modules.append(path)

    add(name)
    sheets = [FOLDER / "widget.css", FOLDER / f"{name}.css"]
    return modules + [path for path in sheets if path.is_file()]


def module(name: str) -> str:
    """The widget's ES module in one text, as anywidget and a page without a kernel load it: the modules that it
    imports stand in front of it, each once, and the import statements are gone."""
    texts = (path.read_text("utf-8") for path in sources(name) if path.suffix == ".js")
    return "\n".join(IMPORT.sub("", text) for text in texts)


def style(*names: str) -> str:
    """The shared style sheet and those of the widgets ``names``, in one text."""
    sheets = dict.fromkeys(path for name in names for path in sources(name) if path.suffix == ".css")
    return "\n".join(path.read_text("utf-8") for path in sheets)


def png(figure: Figure) -> bytes:
    """A figure as PNG, opaque, so that it reads on a light and on a dark page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", transparent=False, metadata={"Software": None})
    return buffer.getvalue()


class Widget(anywidget.AnyWidget):
    """Base of all widgets. A subclass sets ``name`` and declares its state as traits."""

    name = ""
    """What its files and its island are called."""

    palette = traitlets.Dict({"weight": list(figures.WEIGHT_COLORS), "signed": list(figures.SIGNED_COLORS)}).tag(sync=True)
    """Colour anchors, from :mod:`conv2attn.figures`: one look in Python and on the page."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_esm" not in cls.__dict__:  # anywidget derives a class of its own, with _esm as a trait, for each widget
            cls._esm, cls._css = module(cls.name), style(cls.name)

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
        """The figure as PNG."""
        return png(self.figure())

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
            f'<div class="c2a-island" data-widget="{self.name}" data-alt="{alt}">'
            f'<script type="application/json" class="c2a-state">{state}</script><p>{alt}</p></div>'
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        data["text/html"] = self.island()
        data["image/png"] = base64.b64encode(self.picture()).decode()
        return data, metadata
