"""What the documents say of the project is so: where its files are, how many chapters there are."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COUNT = "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()


def read(name: str) -> str:
    """The text of a document."""
    return (ROOT / name).read_text("utf-8")


def test_the_layout_names_every_file_of_the_tools_and_the_book() -> None:
    layout = set(re.findall(r"[\w.-]+", read("CONTRIBUTING.md").partition("```text\n")[2].partition("```")[0]))
    files = [*ROOT.glob("tools/*.py"), *ROOT.glob("book/assets/[!.]*.*"), *ROOT.glob("conv2attn/widgets/[!_]*.*")]
    widgets = {path.stem for path in ROOT.glob("conv2attn/widgets/*.css")} - {"widget"}  # NAME, in the layout
    names = {path.name for path in files if path.stem not in widgets}
    extensions = {path.stem for path in ROOT.glob("book/extensions/*.py")}
    assert (names | extensions) - layout == {"package-lock.json"}
    assert extensions == set(re.findall(r"^      - (\w+)$", read("_config.yml").partition("# ours\n")[2], re.MULTILINE))


def test_the_chapters_are_counted_right() -> None:
    planned = len(re.findall(r"^\d+: ", read("book/contents.md"), re.MULTILINE))
    missing = COUNT[planned - len(list(ROOT.glob("chapters/[0-9][0-9]-*.md")))]
    assert f"The {COUNT[planned]} chapters" in read("book/contents.md")
    assert f"planned in {COUNT[planned]} chapters" in read("book/index.md")
    assert f"the other {missing} are not" in read("book/index.md")
    assert f"{missing.capitalize()} more are planned" in read("README.md")
