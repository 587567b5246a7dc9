"""The built pages as a reader meets them: at two widths, in two themes, with and without a server."""

import re

import pytest
from playwright.sync_api import Page, expect

CHAPTER = "chapters/08-convolution-as-attention.html"
PAGES = ["book/index.html", "book/references.html", CHAPTER]

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


def scroll_through(page: Page) -> None:
    """Let everything that waits for the reader come near."""
    for y in range(0, page.evaluate("document.documentElement.scrollHeight"), 800):
        page.evaluate("y => window.scrollTo(0, y)", y)
        page.wait_for_timeout(20)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", PAGES)
def test_page_is_whole(visit, path: str, width: int, theme: str) -> None:
    page = visit(path, width=width, theme=theme)
    scroll_through(page)
    assert page.locator("html").get_attribute("data-theme") == theme
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") == width, "the page scrolls sideways"
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(LOW_CONTRAST) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_keep_their_colours(visit, theme: str) -> None:
    page = visit(CHAPTER, theme=theme)
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    pictures = page.locator("article img")
    assert pictures.count() > 0
    for picture in pictures.all():
        expect(picture).to_have_css("filter", "none")


def test_dark_page_is_dark(visit) -> None:
    ground = visit(CHAPTER, theme="dark").evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", ground)[:3])) < 64


def test_reader_chooses_the_theme_and_keeps_it(visit) -> None:
    page = visit("book/index.html", theme="light")
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("link", name="8. Convolution as attention").first.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("from_disk", [False, True])
def test_root_leads_to_the_front_page(visit, from_disk: bool) -> None:
    page = visit("index.html", from_disk=from_disk)
    page.wait_for_url("**/book/index.html")
    expect(page.locator("h1")).to_contain_text("From Convolution to Attention")


@pytest.mark.parametrize("from_disk", [False, True])
def test_search_finds_the_chapter(visit, from_disk: bool) -> None:
    page = visit("book/index.html", from_disk=from_disk)
    page.keyboard.press("Control+k")
    page.keyboard.type("softmax")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=softmax")
    page.locator("#search-results").get_by_role("link", name=re.compile("Convolution as attention")).first.click()
    page.wait_for_url("**/chapters/08-convolution-as-attention.html*")


def test_contents_open_on_a_phone(visit) -> None:
    page = visit(CHAPTER, width=390)
    contents = page.get_by_role("navigation", name="Main")
    expect(contents).not_to_be_visible()
    page.get_by_role("button", name="Contents of the course").click()
    expect(contents).to_be_visible()
    page.keyboard.press("Escape")
    expect(contents).not_to_be_visible()


def test_formulas_are_drawn_and_can_be_read_aloud(visit) -> None:
    page = visit(CHAPTER)
    assert page.locator(".katex").count() > 50
    assert page.locator(".katex").count() == page.locator(".katex .katex-mathml math").count()
    assert page.evaluate("document.fonts.ready.then(() => document.fonts.check('16px KaTeX_Main'))")


@pytest.mark.parametrize("from_disk", [False, True])
def test_widgets_come_alive(visit, from_disk: bool) -> None:
    page = visit(CHAPTER, from_disk=from_disk)
    islands = page.locator(".c2a-island")
    assert islands.count() > 0
    for island in islands.all():
        expect(island.locator("> img")).to_be_attached()  # nothing is run before the reader comes near
        island.scroll_into_view_if_needed()
        expect(island).to_have_attribute("data-mounted", "true")
        expect(island.locator("> img")).not_to_be_attached()


def test_picture_stands_for_the_widget_without_javascript(visit) -> None:
    island = visit(CHAPTER, javascript=False).locator(".c2a-island").first
    expect(island.locator("> img")).to_be_visible()
    expect(island.locator("> img")).to_have_attribute("alt", island.get_attribute("data-alt"))


def test_picture_stays_when_a_widget_fails(visit) -> None:
    page = visit(CHAPTER, before="URL.createObjectURL = () => { throw new Error('no modules today'); }")
    island = page.locator(".c2a-island").first
    island.scroll_into_view_if_needed()
    expect(island).to_have_attribute("data-mounted", "failed")
    expect(island.locator("> img")).to_be_visible()
    assert all("no modules today" in error for error in visit.errors)
    visit.errors.clear()
