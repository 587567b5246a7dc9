"""A widget on an open page, moved as a reader moves it: what the tests of every widget share."""

import json
import re
import statistics
from collections.abc import Callable, Iterable
from typing import Any

from playwright.sync_api import Locator, Page, expect

TOLERANCE = 1e-5

# What the widget says that it shows, as plain JSON: typed arrays as lists, and infinity as null.
SHOWN = """(name) => {
  const { conv2attn: now } = document.querySelector(`.c2a-island[data-widget="${name}"] .c2a-widget`).parentElement;
  const plain = (value) => (ArrayBuffer.isView(value) ? Array.from(value)
    : Array.isArray(value) ? value.map(plain) : value === Infinity ? null : value);
  return Object.fromEntries(Object.entries(now).map(([key, value]) => [key, plain(value)]));
}"""


class Bench:
    """The widget called `name` on a page: its controls, and what it shows."""

    def __init__(self, page: Page, name: str) -> None:
        """Scroll to the widget and wait until it is there."""
        self.page, self.name = page, name
        self.island = page.locator(f'.c2a-island[data-widget="{name}"]')
        self.island.scroll_into_view_if_needed()
        expect(self.island).to_have_attribute("data-mounted", "true")

    def control(self, label: str) -> Locator:
        return self.island.get_by_label(label, exact=True)

    def choose(self, name: str) -> Locator:
        return self.island.get_by_role("combobox", name=name, exact=True)

    def do(self, action: Callable[[], Any]) -> dict[str, Any]:
        """Run an action, wait for the next painting and return what is shown then."""
        before = self.shown()["frames"]
        action()
        self.page.wait_for_function(f"([name, before]) => ({SHOWN})(name).frames > before", arg=[self.name, before])
        return self.shown()

    def slide(self, label: str, value: float) -> dict[str, Any]:
        return self.do(lambda: self.control(label).fill(str(value)))

    def drawing_time(self, label: str, values: Iterable[float]) -> float:
        """Milliseconds of a drawing: the median over those that a slider's values bring about."""
        return statistics.median(self.slide(label, value)["milliseconds"] for value in values)

    def shown(self) -> dict[str, Any]:
        return self.page.evaluate(SHOWN, self.name)

    def says(self, name: str) -> float | None:
        """A number as it stands in the page; None for a word."""
        text = self.island.locator(f'[data-of="{name}"]').text_content()
        text = text.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--"))
        number = re.fullmatch(r"(-?[\d.]+)(?: × 10(-?\d+))?", text)
        return float(number[1]) * 10.0 ** int(number[2] or 0) if number else None

    def pixels(self, name: str) -> str:
        """A canvas as a PNG in a data: address."""
        return self.island.locator(f"[data-canvas='{name}']").evaluate("(canvas) => canvas.toDataURL()")

    def errors(self) -> dict[str, float]:
        """How far everything shown is from what torch computes."""
        raise NotImplementedError

    def agrees(self) -> None:
        errors = self.errors()
        assert max(errors.values()) < TOLERANCE, errors


def mutated(before: str, after: str) -> str:
    """A script for `visit(…, before=…)`: the page's widgets with a change in their module, which must be in it once."""
    return f"""(() => {{
      const [from, to] = {json.dumps([before, after])};
      const RealBlob = window.Blob;
      window.Blob = class extends RealBlob {{
        constructor(parts, options) {{
          super(parts.map((part) => {{
            if (part.split(from).length !== 2) throw new Error(`not once in the module: ${{from}}`);
            return part.replace(from, to);
          }}), options);
        }}
      }};
    }})()"""


# A page with `window.el`, a widget [name, state] whose model stands in for a kernel's, and what it saved.
WITH_MODEL = """async ([name, state]) => {
  const text = document.querySelector(`script[data-widget="${name}"]`).textContent;
  const module = await import(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })));
  const listeners = {}, saved = [];
  const model = {
    get: (name) => state[name],
    set(name, value) { state[name] = value; (listeners[`change:${name}`] ??= []).forEach((act) => act()); },
    on: (event, act) => (listeners[event] ??= []).push(act),
    off: (event, act) => { listeners[event] = listeners[event].filter((other) => other !== act); },
    save_changes: () => saved.push(structuredClone(state)),
  };
  const el = document.createElement('div');
  document.querySelector('article').prepend(el);
  const cleanup = module.default.render({ model, el });
  const painted = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  Object.assign(window, { module, model, el, cleanup, listeners, saved, painted });
}"""
