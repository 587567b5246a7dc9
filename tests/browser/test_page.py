"""What the frame of a page does for its reader: themes, search, contents, pictures, widgets."""

import re

import pytest
from playwright.sync_api import expect

CHAPTER = "chapters/08-convolution-as-attention.html"


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


@pytest.mark.parametrize("width", [1280, 390])
def test_links_into_sections_far_away_land(visit, width: int) -> None:
    """By address, and by a click in the page; the end of the page excepted, where there is no more to scroll."""
    below = """(el) => {
      const end = Math.abs(document.documentElement.scrollHeight - innerHeight - scrollY) < 2;
      const { top } = el.getBoundingClientRect();
      return end && top < innerHeight ? 0 : Math.abs(top - parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop));
    }"""
    anchors = ["test-it", "prop-blind", "move-it-yourself", "check-yourself", "exercises", "references"]
    for anchor in anchors:
        page = visit(f"{CHAPTER}#{anchor}", width=width)
        page.wait_for_timeout(500)
        assert page.locator(f"#{anchor}").evaluate(below) < 20, anchor
    page = visit(CHAPTER, width=width)
    for anchor in anchors:
        page.evaluate(f"document.querySelector('a[href=\"#{anchor}\"]').click()")
        page.wait_for_timeout(500)
        assert page.locator(f"#{anchor}").evaluate(below) < 20, anchor


def test_dialogs_have_names_and_a_way_out(visit) -> None:
    page = visit(CHAPTER, width=390)
    for name in ("Contents of the course", "On this page"):
        page.get_by_role("button", name=name).click()
        dialog = page.get_by_role("dialog", name=name)
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).not_to_be_visible()
        expect(page.get_by_role("button", name=name)).to_be_focused()
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()


def test_paper_is_light_and_nothing_is_folded_on_it(visit) -> None:
    page = visit(CHAPTER, theme="dark")
    closed = page.locator("article details:not([open])").count()
    assert closed > 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page.locator("article details:not([open])")).to_have_count(0)
    expect(page.locator(".bd-sidebar:visible, .launch:visible, button:visible")).to_have_count(0)
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("article details:not([open])")).to_have_count(closed)


def test_phone_without_javascript_leads_to_the_contents(visit) -> None:
    for path in (CHAPTER, "search.html"):
        page = visit(path, width=390, javascript=False)
        expect(page.get_by_role("navigation", name="Without JavaScript").get_by_role("link", name="Contents")).to_be_visible()


def test_words_around_a_result_hold_each_formula_once(visit) -> None:
    page = visit("search.html?q=softmax")
    words = page.locator("#search-results .context").first
    expect(words).to_contain_text("softmax")
    expect(words).not_to_contain_text("Open in Colab")
    for text in page.locator("#search-results .context").all_text_contents():
        assert "\\" not in text, text
