"""Text within a line, as Markdown: emphasis, code, links; everything else escaped, so that it stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from reference_impl.servers.web.tree import BLOCKS, Element
from reference_impl.servers.web.urls import joined
from reference_impl.servers.web.visible import is_hidden

__all__ = ["Inline", "escaped", "on_one_line", "paragraphs", "strung"]

_SPECIAL = re.compile(r"[\\`*\[\]|]|<(?=[A-Za-z/!?])|&(?=[#A-Za-z])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|~~")
_BREAK = "\\\n"
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "cite": "*", "del": "~~", "s": "~~", "strike": "~~"}
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_ANCHORS = frozenset({"#", "\u00b6", "\u00a7", "\U0001f517"})
"""What stands beside headings to be linked to."""
_LONGEST_LABEL = 300
"""A link around more text than this surrounds a part of the page: its content is then worth more than itself."""


def escaped(text: str) -> str:
    """Return text with what Markdown would read as signs escaped, white space made single spaces."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", re.sub(r"\s+", " ", text))


def paragraphs(text: str) -> list[str]:
    """Return a line without the spaces that nobody sees, in several pieces where several breaks follow each other."""
    pieces: list[list[str]] = [[]]
    for line in re.sub(r" {2,}", " ", text).split(_BREAK):
        if line.strip():
            pieces[-1].append(line.strip())
        elif pieces[-1]:
            pieces.append([])
    return [_BREAK.join(lines) for lines in pieces if lines]


def strung(pieces: Iterable[str]) -> str:
    """Return pieces of a line as one; an exclamation mark before a link stays a mark, or both would be an image."""
    kept: list[str] = []
    for piece in filter(None, pieces):
        if kept and piece[0] == "[" and kept[-1][-1] == "!":
            kept[-1] = f"{kept[-1][:-1]}\\!"
        kept.append(piece)
    return "".join(kept)


def on_one_line(text: str) -> str:
    """Return a line without breaks, and without the spaces that nobody sees."""
    return re.sub(r" {2,}", " ", text.replace(_BREAK, " ")).strip()


@dataclass(frozen=True, slots=True)
class Inline:
    """Writes the inside of lines; `base` is what links are relative to."""

    base: str

    def line(self, node: Element | str) -> str:
        """Return all that a node holds as one piece of a line."""
        return self._write(node, frozenset())

    def _write(self, node: Element | str, inside: frozenset[str]) -> str:
        if isinstance(node, str):
            return escaped(node)
        if is_hidden(node):
            return ""
        if node.name in ("br", "img"):
            return _BREAK if node.name == "br" else _image(node)
        if node.name in _CODE and not node.holds_blocks:
            return _code(node)
        return self._link(node, inside) if node.name == "a" else self._emphasis(node, inside)

    def _emphasis(self, node: Element, inside: frozenset[str]) -> str:
        mark = _MARKS.get(node.name, "")
        if mark in inside or node.holds_blocks:
            mark = ""
        content = self._inner(node, inside | {mark} if mark else inside)
        return _marked(content, mark) if mark else f" {content} " if node.name in BLOCKS else content

    def _inner(self, node: Element, inside: frozenset[str]) -> str:
        return strung(self._write(child, inside) for child in node.children)

    def _link(self, node: Element, inside: frozenset[str]) -> str:
        content = self._inner(node, inside | {"link"})
        label = on_one_line(content)
        if label in _ANCHORS and node.attributes.get("href", "").startswith("#"):
            return ""
        if not label:
            label = escaped(" ".join(node.attributes.get(key, "") for key in ("aria-label", "title"))).strip()
        to = "" if "link" in inside or len(label) > _LONGEST_LABEL else self.address(node.attributes.get("href", ""))
        return _around(content, f"[{label}]({to})") if to and label else content

    def address(self, reference: str) -> str:
        """Return where a link leads, fit to stand in Markdown; an empty string if it leads nowhere else, or to what is
        no address but a program."""
        if reference.lstrip().startswith("#") or not reference.strip():
            return ""
        url = joined(self.base, reference)
        if not url or urlsplit(url).scheme.lower() not in _SCHEMES:
            return ""
        return re.sub(r"[()<>\s\\\"]", lambda found: f"%{ord(found[0]):02X}", url)


def _around(content: str, replacement: str) -> str:
    """Put `replacement` in place of `content`, between the spaces that were around that."""
    before = " " if content[:1] == " " else ""
    after = " " if content[-1:] == " " else ""
    return f"{before}{replacement}{after}"


def _marked(content: str, mark: str) -> str:
    """Put marks around text; the spaces at its ends stay outside, or the marks would be none."""
    text = content.strip()
    if not text or text in ("\\", _BREAK.strip()):
        return content
    return _around(content, f"{mark}{text}{mark}")


def _image(node: Element) -> str:
    """Return what an image shows, in words alone: an address would let whoever displays this load it."""
    alt = " ".join(node.attributes.get("alt", "").split())
    return f"\\[Image: {escaped(alt)}\\]" if alt else ""


def _code(node: Element) -> str:
    text = " ".join(node.text().split())
    if not text:
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{padding}{text}{padding}{fence}"
