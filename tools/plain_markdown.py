"""MyST Markdown to the plain Markdown that every notebook editor shows well.

Colab and VS Code print MyST's directives and roles as they stand. `plain` turns those that
the course uses into Markdown: hints fold (`<details>`), notes become quotations, theorems a
bold title and their body, roles the text they stand for.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

# A line that opens a directive or a block of code: the fence, then {name} title, or a language.
FENCE = re.compile(r"^ {0,3}(?P<fence>:{3,}|`{3,}|~{3,})[ \t]*(?:\{(?P<name>[\w:-]+)\})?(?P<rest>.*)$")
OPTION = re.compile(r"^:(?P<key>[\w-]+):[ \t]*(?P<value>.*)$")
LABEL = re.compile(r"^\((?P<label>[\w:.-]+)\)=\s*$")
ROLE = re.compile(r"\{(?P<name>[\w:]+)\}`(?P<text>[^`]+)`")
WITH_TARGET = re.compile(r"^(?P<text>.+?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
LINK = re.compile(r"(?P<text>!?\[[^\]]*\])\((?P<target>[^()\s]+)\)")
LABELLED_MATH = re.compile(r"\$\$(?P<body>.+?)\$\$[ \t]*\((?P<label>[\w:.-]+)\)", re.DOTALL)

QUOTED = {"note", "tip", "hint", "important", "warning", "caution", "attention", "danger", "seealso"}
NAMED = {"predict": "Predict, then run"}
WITHOUT_TEXT = {"bibliography", "contents", "tableofcontents"}


def plain(markdown: str, names: Mapping[str, str] | None = None, link: Callable[[str], str] = str) -> str:
    """`markdown` without MyST's own syntax.

    Args:
        markdown: the source of one cell.
        names: what to call a label that is referred to, from `label_names`; an unknown label
            is called by its own words.
        link: maps the target of a relative link or picture to where it is from the notebook.

    Raises:
        ValueError: a fence is never closed.
    """
    return "\n".join(_Plain(names or {}, link).blocks(markdown.splitlines())).strip("\n")


def label_names(cells: Iterable[str]) -> dict[str, str]:
    """Label -> name, for the headings and theorem blocks in these cells: `Theorem (title)`."""
    names: dict[str, str] = {}
    for text in cells:
        lines = text.splitlines()
        for number, line in enumerate(lines):
            following = next((other for other in lines[number + 1 :] if other.strip()), "")
            if (label := LABEL.match(line)) and following.startswith("#"):
                names[label["label"]] = following.lstrip("# ")
            fence = _fence(line)
            if fence and (fence["name"] or "").startswith("prf:"):
                options, _ = _options(lines[number + 1 :])
                if "label" in options:
                    names[options["label"]] = _titled(fence["name"], fence["rest"].strip())
    return names


class _Plain:
    """One conversion: what labels are called, and where links lead."""

    def __init__(self, names: Mapping[str, str], link: Callable[[str], str]) -> None:
        self.names = names
        self.link = link

    def blocks(self, lines: list[str]) -> Iterator[str]:
        """The lines of a text with directives in it, each directive replaced."""
        text: list[str] = []
        start = 0
        while start < len(lines):
            fence = _fence(lines[start])
            if not fence:
                text.append(lines[start])
                start += 1
                continue
            end = _closing(lines, start, fence["fence"])
            yield from self.text(text)
            text = []
            if fence["name"] is None:
                yield from lines[start : end + 1]
            else:
                yield from self.directive(fence["name"], fence["rest"].strip(), lines[start + 1 : end])
            start = end + 1
        yield from self.text(text)

    def directive(self, name: str, title: str, lines: list[str]) -> Iterator[str]:
        """One directive as plain lines."""
        options, lines = _options(lines)
        if name in WITHOUT_TEXT:
            return
        if name == "math":
            tag = [_tag(options["label"])] if "label" in options else []
            yield from ["$$", *lines, *tag, "$$"]
        elif name in {"code-block", "code", "mermaid"}:
            yield from ["```" + (title or name), *lines, "```"]
        elif name in {"figure", "image"}:
            yield from [f"![{options.get('alt', '')}]({self.link(title)})", "", *self.blocks(lines)]
        elif name == "dropdown":
            # Inside an HTML tag Markdown is not read.
            summary = re.sub(r"`([^`]+)`", r"<code>\1</code>", "".join(self.text([title])))
            yield from ["<details>", f"<summary>{summary}</summary>", "", *self.blocks(lines), "", "</details>"]
        elif name in QUOTED | {"admonition", "margin", "predict"}:
            named = NAMED.get(name, name.capitalize() if name in QUOTED else "")
            heading = [f"**{title or named}**", ""] if title or named else []
            quoted = [*self.text(heading), *self.blocks(lines)]
            yield from (f"> {line}".rstrip() for line in quoted)
        else:
            named = _titled(name, title) + "." if name.startswith("prf:") else title
            heading = [f"**{named}**", ""] if named else []
            yield from [*self.text(heading), *self.blocks(lines)]

    def text(self, lines: list[str]) -> list[str]:
        """Lines without directives: roles, links, labels and comments replaced."""
        kept = [line for line in lines if not LABEL.match(line) and not line.startswith("%")]
        text = LABELLED_MATH.sub(lambda m: f"$${m['body'].rstrip()} {_tag(m['label'])}$$", "\n".join(kept))
        text = ROLE.sub(lambda m: self.role(m["name"], m["text"]), text)
        text = LINK.sub(lambda m: self.hyperlink(m["text"], m["target"]), text)
        return text.split("\n") if kept else []

    def role(self, name: str, text: str) -> str:
        """The text that a role stands for."""
        if name.startswith("cite"):
            works = "; ".join(_citation(key.strip()) for key in text.split(","))
            return works if name == "cite:t" else f"[{works}]"
        if name == "eq":
            return f"({text.removeprefix('eq-')})"
        if name == "math":
            return f"${text}$"
        if named := WITH_TARGET.match(text):
            return named["text"]
        return self.names.get(text, _words(text)) if name in {"ref", "numref", "prf:ref", "doc"} else text

    def hyperlink(self, text: str, target: str) -> str:
        """A link or picture from where the notebook is; a link within the page is its text."""
        if target.startswith("#"):
            return text.strip("[]") or self.names.get(target[1:], _words(target[1:]))
        if re.match(r"[a-z][a-z+.-]*:", target):
            return f"{text}({target})"
        target = self.link(target)
        if text == "[]":
            text = f"[{_words(target.rpartition('/')[2].partition('.')[0])}]"
        return f"{text}({target})"


def _fence(line: str) -> re.Match[str] | None:
    """The match of a line that opens a directive or a block of code."""
    fence = FENCE.match(line)
    if not fence or (fence["name"] is None and fence["fence"][0] == ":"):
        return None
    inline_code = fence["fence"][0] == "`" and "`" in fence["rest"]
    return None if inline_code else fence


def _closing(lines: list[str], start: int, fence: str) -> int:
    """Where the fence opened in line `start` is closed: the first line of only that fence, or a longer one."""
    for number in range(start + 1, len(lines)):
        line = lines[number].strip()
        if line.startswith(fence) and not line.strip(fence[0]):
            return number
    raise ValueError(f"a closing fence {fence} for the line {lines[start].strip()!r} is expected, none is given")


def _options(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    """The `:key: value` lines that a directive begins with, and the lines of its body."""
    options = {}
    count = 0
    while count < len(lines) and (option := OPTION.match(lines[count].strip())):
        options[option["key"]] = option["value"].strip()
        count += 1
    body = lines[count:]
    while body and not body[0].strip():
        body = body[1:]
    return options, body


def _tag(label: str) -> str:
    """The tag of an equation, by which `{eq}` calls it."""
    return rf"\tag{{{label.removeprefix('eq-')}}}"


def _titled(name: str, title: str) -> str:
    """`Theorem (title)` from `prf:theorem` and its title."""
    kind = name.partition(":")[2].capitalize()
    return f"{kind} ({title})" if title else kind


def _citation(key: str) -> str:
    """`Cordonnier 2020` from `cordonnier2020`."""
    author = re.match(r"^([a-z-]+?)-?(\d{4})", key)
    return f"{author[1].replace('-', ' ').title()} {author[2]}" if author else key


def _words(label: str) -> str:
    """A label or file name as words: `theorem convolution is attention`."""
    return re.sub(r"[-_:/]+", " ", label).strip()
