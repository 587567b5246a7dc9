"""Fixtures that more than one test module uses."""

import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

TOY = Path(__file__).parent / "toy"


@pytest.fixture(scope="session")
def site() -> Path:
    """The built site. A test without one fails: what it would have shown is not known."""
    import book  # tools/; here, because most tests need no site

    if reason := book.what_is_stale():
        pytest.fail(reason, pytrace=False)
    return book.SITE


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, BeautifulSoup]:
    """Every page of the site, by its path. To be read, not changed."""
    files = {path.relative_to(site).as_posix(): path.read_text("utf-8") for path in sorted(site.rglob("*.html"))}
    return {name: BeautifulSoup(text, "html.parser") for name, text in files.items()}


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """The folder of a book without pages, with the configuration and the extensions of this one."""
    import scratch_book  # here, because most tests need no book

    scratch_book.prepare(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def npm_packages() -> Path:
    """The folder of the packages that tests/package.json names: axe-core and the Nu checker."""
    import npm  # tools/; here, because most tests need no such package

    try:
        return npm.install(Path(__file__).parent)
    except npm.NpmError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def built_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project with a chapter and an exercise, its notebooks made. To be read, not changed."""
    import notebooks  # tools/; here, because most tests need no builder

    root = tmp_path_factory.mktemp("toy")
    shutil.copytree(TOY, root, dirs_exist_ok=True)
    assert notebooks.build(notebooks.sources(root)) == []
    return root


@pytest.fixture
def toy(built_toy: Path, tmp_path: Path) -> Path:
    """A copy of `built_toy` that a test may change."""
    shutil.copytree(built_toy, tmp_path, dirs_exist_ok=True)
    return tmp_path
