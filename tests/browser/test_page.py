"""What the frame of a page does for its reader: themes, search, contents, pictures, widgets, copies, links."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

import book  # tools/book.py
import page_checks

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
    page_checks.assert_search_finds_the_chapter(visit("book/index.html", from_disk=from_disk))


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
    landed = """(id) => {
      const end = Math.abs(document.documentElement.scrollHeight - innerHeight - scrollY) < 2;
      const { top } = document.getElementById(id).getBoundingClientRect();
      const padding = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop);
      window.stood = (end && top < innerHeight) || Math.abs(top - padding) < 20 ? (window.stood ?? 0) + 1 : 0;
      return window.stood > 20; // asked once a frame
    }"""
    anchors = ["test-it", "prop-blind", "move-it-yourself", "check-yourself", "exercises", "references"]
    for anchor in anchors:
        visit(f"{CHAPTER}#{anchor}", width=width).wait_for_function(landed, arg=anchor, timeout=5000)
    page = visit(CHAPTER, width=width)
    for anchor in anchors:
        page.evaluate(f"document.querySelector('a[href=\"#{anchor}\"]').click(); window.stood = 0")
        page.wait_for_function(landed, arg=anchor, timeout=5000)


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
    page = visit("search.html?q=pixel")
    front = page.locator("#search-results li").filter(has=page.get_by_role("link", name="From Convolution to Attention"))
    expect(front.locator(".context")).to_contain_text("A says where pixel p looks, W what")
    expect(page.locator("#search-results .context").first).not_to_contain_text("Open in Colab")


def test_code_is_copied_by_keyboard(visit) -> None:
    page = visit(CHAPTER)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    block = page.locator(".cell_input .highlight").first
    button = block.get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("navigator.clipboard.readText().then((text) => text !== '')")
    assert page.evaluate("navigator.clipboard.readText()").strip() == block.locator("pre").inner_text().strip()


def test_a_focused_copy_button_can_be_seen(visit) -> None:
    page = visit(CHAPTER)
    button = page.locator(".cell_input .highlight").first.get_by_role("button")
    expect(button).to_have_css("opacity", "0")
    page.keyboard.press("Tab")  # from here on the keyboard leads
    button.focus()
    expect(button).to_have_css("opacity", "1")
    expect(button).to_have_accessible_name("Copy to clipboard")


def test_pages_lead_to_the_next_and_back(visit) -> None:
    paths = [page.relative_to(book.SITE).as_posix() for page in book.pages()]
    page = visit(paths[0])

    def follow(link: str, path: str) -> None:
        """By key: sections above are laid out as they come near, and a click that is on its way would miss."""
        page.locator(f".prev-next-footer .{link}").focus()
        expect(page.locator(f".prev-next-footer .{link}")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/{path}")

    for path in paths[1:]:
        follow("right-next", path)
    assert page.locator(".prev-next-footer .right-next").count() == 0
    for path in reversed(paths[:-1]):
        follow("left-prev", path)


def test_the_citation_is_copied(visit) -> None:
    page = visit("book/index.html")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    block = page.locator("#cite div.highlight")
    block.hover()
    block.get_by_role("button").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.startsWith('@software{conv2attn,'))")


def test_the_notebook_is_downloaded(visit) -> None:
    page = visit(CHAPTER)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the notebook").click()
    assert download.value.suggested_filename == "08-convolution-as-attention.ipynb"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_links_of_a_chapter_have_room_for_a_finger(visit, width: int) -> None:
    page = visit(CHAPTER, width=width)
    of_chapter, of_exercises = (
        [link.bounding_box() for link in links.get_by_role("link").all()] for links in page.locator(".launch").all()
    )
    assert len(of_chapter) == 4 and len(of_exercises) == 3
    for boxes in (of_chapter, of_exercises):
        assert all(box["height"] >= 24 and box["x"] + box["width"] <= width for box in boxes)
        assert max(box["y"] for box in boxes) - min(box["y"] for box in boxes) < (40 if width == 1280 else 80), boxes


def test_404_page_finds_its_files_at_any_depth(browser: Browser, site: Path) -> None:
    """As a server shows it: at the address that was asked for, whatever its depth."""
    base = book.base_url()
    asked, missing, errors = [], [], []

    def answer(route) -> None:
        url = route.request.url
        asked.append(url)
        path = site / urlsplit(url).path.removeprefix(urlsplit(base).path)
        if url.startswith(base) and path.is_file():
            route.fulfill(path=path)
        elif route.request.is_navigation_request():
            route.fulfill(path=site / "404.html", content_type="text/html")
        else:
            missing.append(url)
            route.abort()

    page = browser.new_page()
    page.route("**/*", answer)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{base}no/such/page/at/all.html")
    expect(page.locator("h1")).to_have_text("Page not found")
    assert page.evaluate("getComputedStyle(document.body).lineHeight") != "normal"  # the style sheet is there
    assert all(url.startswith(base) for url in asked) and not missing and not errors
    page.get_by_role("searchbox", name="Search the course").last.fill("softmax")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=softmax")
    page.go_back()
    page.locator("article").get_by_role("link", name=re.compile("Convolution as attention")).click()
    expect(page.locator("h1")).to_contain_text("8. Convolution as attention")
    page.close()
    assert not missing and not errors
