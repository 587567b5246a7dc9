"""What the site offers for download beside its pages.

notebooks/NN-slug.ipynb                  each chapter, with a first cell that installs the package where it is missing
exercises/NN-slug.ipynb                  the exercises of each chapter, as a learner gets them, with the same cell
conv2attn-VERSION-py3-none-any.whl       the package, which that cell installs
from-convolution-to-attention.zip        the whole site, to be read from disk

All of it depends on the sources alone, to the byte.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from urllib.parse import urljoin

import nbformat

ROOT = Path(__file__).resolve().parents[1]
# What the wheel is made of, beside the package's folder.
PACKAGE = ["pyproject.toml", "README.md", "LICENSE"]
# Where notebooks are in the project, and where on the site.
FOLDERS = {"chapters": "notebooks", "exercises": "exercises"}
ARCHIVE = "from-convolution-to-attention.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the date of every file in an archive: the earliest that zip knows
# In the archive itself this link would lead nowhere; its words stay.
LINK_TO_ARCHIVE = re.compile(rf'<a [^>]*href="[^"]*{re.escape(ARCHIVE)}"[^>]*>(.*?)</a>')

LINK_TO_SOURCE = re.compile(r"\]\((?P<path>(?!\w+:)[^()\s#]+)\.(?:md|ipynb)(?P<anchor>#[^()\s]*)?\)")

INSTALL = """\
# Where the course's package is missing, as on Colab, this fetches it from the course's site.
import importlib.util

if importlib.util.find_spec("conv2attn") is None:
    %pip install --quiet {address}"""


def wheel_name() -> str:
    """The file name of the package's wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return f"{project['name']}-{project['version']}-py3-none-any.whl"


def install_cell(base_url: str) -> str:
    """The text of the first cell of a notebook to download.

    Raises:
        ValueError: the base URL does not end in a slash.
    """
    if not base_url.endswith("/"):
        raise ValueError(f"expected a base URL that ends in '/', got {base_url!r}")
    return INSTALL.format(address=base_url + wheel_name())


def on_the_site(markdown: str, base_url: str, folder: str) -> str:
    """The Markdown of a cell, its links to other sources of the book leading to what the site makes of them.

    Args:
        markdown: the cell's source, in a notebook of the project's `folder`.
        base_url: where the site is published.
        folder: "chapters" or "exercises".
    """

    def moved(link: re.Match[str]) -> str:
        address = urljoin(f"{base_url}{folder}/", link["path"])
        suffix = ".ipynb" if address.startswith(f"{base_url}exercises/") else ".html"
        return f"]({address}{suffix}{link['anchor'] or ''})"

    return LINK_TO_SOURCE.sub(moved, markdown)


def write_notebooks(site: Path, base_url: str) -> None:
    """Copy each chapter's notebook and each learner's into `site`, with the cell that installs the package.

    Beside the downloaded one no other file lies, so its links lead to the site.
    """
    for folder, name in FOLDERS.items():
        (site / name).mkdir(exist_ok=True)
        for source in sorted((ROOT / folder).glob("*.ipynb")):
            notebook = nbformat.read(source, as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "markdown":
                    cell.source = on_the_site(cell.source, base_url, folder)
            notebook.cells.insert(0, nbformat.v4.new_code_cell(install_cell(base_url), id="install"))
            nbformat.write(notebook, site / name / source.name)


def build_wheel(folder: Path) -> Path:
    """Build the package into `folder`, without a network; return the wheel.

    It is built from a copy, because setuptools would leave files in the project and take up stale ones.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for name in PACKAGE:
            shutil.copy(ROOT / name, scratch)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "conv2attn", Path(scratch, "conv2attn"), ignore=ignore)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), scratch]
        subprocess.run(command, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "315532800"})  # 1980, as EPOCH
    return folder / wheel_name()


def pack(site: Path) -> Path:
    """Write the site into one archive inside it; return the archive.

    404.html stays out: only a server shows it, and its links begin at the root of the host.
    """
    archive = site / ARCHIVE
    archive.unlink(missing_ok=True)
    files = [path for path in sorted(site.rglob("*")) if path.is_file() and path != site / "404.html"]
    with zipfile.ZipFile(archive, "w") as target:
        for path in files:
            data = path.read_bytes()
            if path.suffix == ".html":
                data = LINK_TO_ARCHIVE.sub(r"\1", data.decode()).encode()
            entry = zipfile.ZipInfo(f"{archive.stem}/{path.relative_to(site).as_posix()}", EPOCH)
            entry.external_attr = 0o644 << 16
            target.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return archive


def add(site: Path, base_url: str) -> None:
    """Add all of it to the built site, which is published at `base_url`."""
    write_notebooks(site, base_url)
    build_wheel(site)
    pack(site)  # last: it holds the others
