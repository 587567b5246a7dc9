"""Controls that need a kernel: alive in a notebook, a picture and a line on the page, or the build fails."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import ipywidgets
import nbformat.v4 as nb
import pytest
import scratch_book
import yaml
from bs4 import BeautifulSoup
from matplotlib.figure import Figure
from nbformat import NotebookNode

from conv2attn.widgets import KernelOnly
from conv2attn.widgets.kernel_only import NOTE
from notebooks import METADATA  # tools/

LIVE = "application/vnd.jupyter.widget-view+json"
RECORD = "application/papermill.record/"  # what myst_nb.glue puts before a type


def a_figure() -> Figure:
    figure = Figure(figsize=(3, 2))
    figure.add_subplot().plot([1, 3, 2])
    return figure


def squares() -> ipywidgets.Widget:
    return ipywidgets.interactive(lambda a: a * a, a=(0, 9))


def test_a_notebook_gets_the_control_and_a_page_the_picture() -> None:
    control = squares()
    data = KernelOnly(control, picture=a_figure(), alt="A line with <one> top.")._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html", "image/png", LIVE}
    assert data[LIVE]["model_id"] == control.model_id
    assert data["text/plain"] == "KernelOnly(interactive)"
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG\r\n\x1a\n")
    assert "<one>" not in data["text/html"] and NOTE in data["text/html"]
    again = KernelOnly(squares(), picture=a_figure(), alt="A line with <one> top.")._repr_mimebundle_()
    assert {**again, LIVE: None} == {**data, LIVE: None}  # what notebooks store is always the same


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"control": print}, "an ipywidgets control, got .*print"),
        ({"picture": None}, "a matplotlib Figure as the picture, got None"),
        ({"alt": " "}, "a text that says what is to be seen in the picture, got ' '"),
    ],
)
def test_bad_input_says_what_was_expected_and_given(change: dict, expected: str) -> None:
    arguments = {"control": squares(), "picture": a_figure(), "alt": "A line.", **change}
    with pytest.raises(ValueError, match=f"expected {expected}"):
        KernelOnly(arguments.pop("control"), **arguments)


def bundle(thing: object) -> dict:
    """What a notebook stores of a thing that is displayed."""
    return thing._repr_mimebundle_()  # type: ignore[attr-defined]


def cell(data: dict, *tags: str, **metadata: object) -> NotebookNode:
    output = nb.new_output("display_data", data, metadata=metadata)
    return nb.new_code_cell("1", outputs=[output], metadata={"tags": list(tags)})


def glued(name: str, data: dict) -> NotebookNode:
    """As `myst_nb.glue(name, …, display=False)` stores it."""
    record = {RECORD + mime: value for mime, value in data.items()}
    return cell(record, "remove-cell", scrapbook={"name": name, "mime_prefix": RECORD})


@pytest.fixture
def build(scratch: Path) -> Callable[[list[NotebookNode]], tuple[int, str]]:
    """Build a book of one page with these cells, whose outputs are taken as they are."""

    def run(cells: list[NotebookNode]) -> tuple[int, str]:
        config = yaml.safe_load((scratch / "_config.yml").read_text("utf-8"))
        config["execute"]["execute_notebooks"] = "off"
        (scratch / "_config.yml").write_text(yaml.safe_dump(config), "utf-8")
        notebook = nb.new_notebook(cells=[nb.new_markdown_cell("# Page\n\n" + "What this is about. " * 3), *cells], metadata=METADATA)
        (scratch / "page.ipynb").write_text(json.dumps(notebook), "utf-8")
        result = scratch_book.build(scratch)
        return result.returncode, result.stdout

    return run


def test_every_control_that_would_be_dead_fails_the_build(build) -> None:
    slider = ipywidgets.IntSlider()
    dead = [
        cell(bundle(squares())),  # what interact() displays
        cell(bundle(ipywidgets.interactive_output(lambda a: a, {"a": slider}))),
        cell(bundle(ipywidgets.Output())),
        cell(bundle(slider), "margin"),
        cell(bundle(ipywidgets.Tab([slider])), "hide-output"),
        nb.new_markdown_cell("::::{tab-set}\n:::{tab-item} One\n```{glue} in-a-tab\n```\n:::\n::::"),
        nb.new_markdown_cell("```{margin} Beside\n{glue}`in-the-margin`\n```"),
    ]
    kept = [glued("in-a-tab", bundle(slider)), glued("in-the-margin", bundle(slider))]
    code, said = build([*kept, *dead])
    assert code != 0
    assert said.count("would be dead on the page") == len(dead), said


def test_a_control_with_a_picture_passes_and_the_page_says_so(build, scratch: Path) -> None:
    code, said = build([cell(bundle(KernelOnly(squares(), picture=a_figure(), alt="A line with one top.")))])
    assert code == 0, said
    page = BeautifulSoup((scratch / "_build" / "html" / "page.html").read_text("utf-8"), "html.parser")
    shown = page.select_one(".c2a-kernel-only")
    assert [tag.name for tag in shown.find_all(recursive=False)] == ["img", "p"]
    assert shown.img["alt"] == "A line with one top." and shown.p.text == NOTE
    assert "widget-view" not in str(page) and not page.select('script[type="text/x-conv2attn-widget"]')


def test_a_picture_lost_on_the_way_fails_the_build(build) -> None:
    data = bundle(KernelOnly(squares(), picture=a_figure(), alt="A line."))
    del data["image/png"]
    code, said = build([cell(data)])
    assert code != 0 and "a widget without a picture" in said, said
