"""What must hold on every page, as functions of an open page."""

import gzip
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Page

STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

REQUESTS = 20
TEXT_KB = 200  # without pictures
TOTAL_KB = 350
COMPRESSED = {".html", ".css", ".js", ".svg", ".json"}
PICTURES = {".png", ".jpg", ".webp", ".svg"}

# Text whose contrast with the ground behind it is below WCAG AA. Colour maps in widgets are no text.
LOW_CONTRAST = """() => {
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number);
    return { rgb: [r, g, b], a };
  };
  const over = (top, under) => top.rgb.map((v, i) => v * top.a + under[i] * (1 - top.a));
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (el) => {
    const layers = [];
    for (; el; el = el.parentElement) layers.push(parse(getComputedStyle(el).backgroundColor));
    return layers.reverse().reduce((under, layer) => (layer.a ? over(layer, under) : under), [255, 255, 255]);
  };
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const el = node.parentElement;
    if (!node.textContent.trim() || el.closest('.c2a-island, script, style, .katex-mathml')) continue;
    if (!el.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(el);
    if (!/^rgb/.test(style.color)) throw new Error(`unknown colour ${style.color}`);
    const under = ground(el), text = over(parse(style.color), under);
    const [low, high] = [luminance(under), luminance(text)].sort((a, b) => a - b);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    const where = `${el.tagName}.${el.className}`;
    if (ratio < (large ? 3 : 4.5)) found.set(where, `${ratio.toFixed(2)}: ${node.textContent.trim().slice(0, 30)}`);
  }
  return [...found].map((pair) => pair.join(' '));
}"""

TOO_WIDE = """() => {
  const inside = (el) => {
    for (let p = el.parentElement; p; p = p.parentElement) if (getComputedStyle(p).overflowX !== 'visible') return true;
  };
  return [...document.querySelectorAll('article *')]
    .filter((el) => el.checkVisibility() && el.getBoundingClientRect().right > innerWidth + 1 && !inside(el))
    .map((el) => `${el.tagName}.${el.className}`);
}"""

UNSEEN_FOCUS = """() => {
  const el = document.activeElement, box = el.getBoundingClientRect();
  // The search field's mark is around the field and its icon.
  const style = getComputedStyle(el.closest('.bd-search') ?? el);
  const marked = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
  const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return marked && seen ? '' : `${marked ? '' : 'unmarked '}${seen ? '' : 'unseen '}${el.outerHTML.slice(0, 120)}`;
}"""

# Violations alone: axe takes twice as long to describe what it has found in order, and the page to hand that over.
AXE = """async (tags) => {
  const { violations } = await axe.run({ runOnly: tags, resultTypes: ['violations'] });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`));
}"""

# What waits until the reader is near is told so in the frame after, however slow the machine is.
SCROLL = """(y) => new Promise((done) => {
  window.scrollTo(0, y);
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));
})"""


def scroll_through(page: Page) -> None:
    """Let everything that waits for the reader come near."""
    y = 0
    while y < page.evaluate("document.documentElement.scrollHeight"):
        page.evaluate(SCROLL, y)
        y += 800


def open_every_fold(page: Page) -> None:
    """Open what is folded away, innermost things too."""
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")


def assert_whole(page: Page, width: int) -> None:
    """The page has one title, keeps to its width, and all its text can be told from its ground."""
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") == width, "the page scrolls sideways"
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(LOW_CONTRAST) == []


def assert_accessible(page: Page, npm_packages: Path) -> None:
    """axe finds nothing against WCAG 2.2, levels A and AA."""
    page.evaluate((npm_packages / "axe-core" / "axe.min.js").read_text("utf-8"))
    page.evaluate("scrollTo(0, 0)")  # what happens to lie half under the header is no small target
    assert page.evaluate(AXE, STANDARD) == []


def assert_light(page: Page, address: str, site: Path, path: str) -> None:
    """Requests and bytes of an open page, as a server that compresses would send them, keep to the budget."""
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    page.reload()
    # Pictures that wait until they are near are part of the page.
    page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach((image) => { image.loading = 'eager'; })")
    page.wait_for_load_state("networkidle")
    scroll_through(page)
    files = {site / unquote(urlsplit(url).path).lstrip("/") for url in asked if url.startswith(address)}
    kilobytes = {file: size(file) / 1000 for file in files if file.is_file()}
    assert site / path in kilobytes
    pictures = sum(kb for file, kb in kilobytes.items() if file.suffix in PICTURES)
    total = sum(kilobytes.values())
    largest = sorted(((round(kb, 1), file.name) for file, kb in kilobytes.items()), reverse=True)[:5]
    assert len(files) <= REQUESTS, sorted(file.name for file in files)
    assert total - pictures <= TEXT_KB, largest
    assert total <= TOTAL_KB, largest


def size(file: Path) -> int:
    """Bytes of a file on the wire: text compressed, fonts and pictures as they are."""
    data = file.read_bytes()
    return len(gzip.compress(data, 9)) if file.suffix in COMPRESSED else len(data)


def assert_usable_by_keyboard(page: Page) -> None:
    """Tab goes from one end of the page to the other; what has the focus is in view and marked."""
    page.evaluate("scrollTo(0, 0)")
    problems: list[str] = []
    reached = 0
    while True:
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body || document.activeElement === null"):
            break
        reached += 1
        assert reached < 1000, "the focus never leaves the page"
        if problem := page.evaluate(UNSEEN_FOCUS):
            problems.append(problem)
    assert problems == []
    assert reached >= page.locator("a[href]:visible, button:visible, summary:visible").count() * 0.9


def assert_heights_are_expected(page: Page) -> None:
    """What stands for a section that is not laid out is nearly as high as the section."""
    sections = page.evaluate("""() => [...document.querySelectorAll('.bd-article > section > section')].map((section) => {
      const expected = parseFloat(getComputedStyle(section).containIntrinsicBlockSize.replace('auto', ''));
      section.style.contentVisibility = 'visible';
      const height = section.getBoundingClientRect().height;
      section.style.contentVisibility = '';
      return [section.id, expected, height];
    })""")
    for name, expected, height in sections:
        assert 0.5 * height - 100 < expected < 1.7 * height + 100, (name, expected, height)
    if sections:
        assert 0.8 < sum(row[1] for row in sections) / sum(row[2] for row in sections) < 1.25


def assert_search_finds_the_chapter(page: Page) -> None:
    """From any page, a word leads to the chapter that it stands in."""
    page.keyboard.press("Control+k")
    page.keyboard.type("softmax")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=softmax")
    page.locator("#search-results").get_by_role("link", name=re.compile("Convolution as attention")).first.click()
    page.wait_for_url("**/chapters/08-convolution-as-attention.html*")
