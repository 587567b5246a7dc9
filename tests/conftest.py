"""Fixtures that more than one test module uses."""

import shutil
from pathlib import Path

import pytest

TOY = Path(__file__).parent / "toy"


@pytest.fixture(scope="session")
def site() -> Path:
    """The built site. A test without one fails: what it would have shown is not known."""
    import book  # tools/; here, because most tests need no site

    if reason := book.what_is_stale():
        pytest.fail(reason, pytrace=False)
    return book.SITE


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
