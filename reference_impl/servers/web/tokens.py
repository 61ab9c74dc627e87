"""HTML as a row of tokens: what opens, what closes, and the text between.

Never fails, whatever comes, and takes time in proportion to its length: each character is looked at a bounded number of
times. It follows the tokenizer of WHATWG HTML 13.2.5 in all that matters to somebody who reads a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

__all__ = ["Close", "Open", "Text", "readable", "tokens", "without_invisible"]

_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>\0]{0,63}+)")
_TO_NAME_END = re.compile(r"[^\s/>]*+")
_ATTRIBUTE = re.compile(r"""[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s>]*+))?""")
_TAG_END = re.compile(r"[\s/]*+>")
_VERBATIM = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes"})
_VERBATIM_ENDS = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in (*_VERBATIM, "title", "textarea", "plaintext")
}
"""Elements whose content is no markup, and what ends them; in the last two of the list, character references count."""
_NO_CHARACTER = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9A-Fa-f]{8,}+);?")
_INVISIBLE = re.compile(
    "[\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u180e\\u200b\\u200e\\u200f\\u202a-\\u202e"
    "\\u17b4\\u17b5\\u2060-\\u206f\\u3164\\ufe00-\\ufe0d\\ufeff\\uffa0\\ufff9-\\ufffb\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff]"
)
_COMMENT_END = re.compile(r"--!?>")
_MOST_ATTRIBUTES = 64


@dataclass(frozen=True, slots=True)
class Open:
    """A start tag. `ends` says that it closes itself, which counts outside HTML's own elements alone."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """An end tag."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text with its character references resolved."""

    value: str


def tokens(html: str) -> Iterator[Open | Close | Text]:
    """Yield the tokens of a document. Comments, declarations and processing instructions are none."""
    at, end = 0, len(html)
    while at < end:
        if html[at] != "<":
            stop = html.find("<", at)
            stop = end if stop < 0 else stop
            yield Text(readable(html[at:stop]))
            at = stop
            continue
        tag = _TAG.match(html, at)
        if tag is None:
            at, text = _no_tag(html, at)
            if text:
                yield Text(text)
            continue
        name = tag[2].lower()
        after = _TO_NAME_END.match(html, tag.end())
        attributes, ends, at = _attributes(html, after.end() if after else tag.end())
        if at < 0:
            return  # a tag without an end is none, and neither is what it swallowed
        if tag[1]:
            yield Close(name)
            continue
        yield Open(name, attributes, ends)
        if name in _VERBATIM_ENDS:
            content, at = _verbatim(html, at, name)
            if content:
                yield Text(content)


def readable(text: str) -> str:
    """Resolve character references, and leave out characters that nobody sees: models read them all the same. Numbers
    that are too long for any character stand for the sign of what is none."""
    if "&" in text:
        text = unescape(_NO_CHARACTER.sub("\ufffd", text))
    return without_invisible(text)


def without_invisible(text: str) -> str:
    """Leave out control characters, zero-width ones but the joiners, those that turn the direction of writing, and
    tags."""
    return _INVISIBLE.sub("", text)


def _no_tag(html: str, at: int) -> tuple[int, str]:
    """Pass over a comment or the like; return where it ends, and the text that it was if it is none."""
    if html.startswith("<!--", at):
        if html.startswith((">", "->"), at + 4):
            return html.index(">", at) + 1, ""
        found = _COMMENT_END.search(html, at + 4)
        return found.end() if found else len(html), ""
    if html.startswith("<![CDATA[", at):
        stop = html.find("]]>", at)
        stop = len(html) if stop < 0 else stop
        return stop + 3, html[at + 9 : stop]
    if html.startswith(("<!", "<?", "</"), at):
        stop = html.find(">", at)
        return len(html) if stop < 0 else stop + 1, ""
    return at + 1, "<"


def _attributes(html: str, at: int) -> tuple[dict[str, str], bool, int]:
    """Read attributes up to the end of the tag; return them, whether the tag closes itself, and where it ended (-1 if
    it did not)."""
    attributes: dict[str, str] = {}
    while True:
        over = _TAG_END.match(html, at)
        if over is not None:
            return attributes, "/" in over[0], over.end()
        found = _ATTRIBUTE.match(html, at)
        if found is None:
            return attributes, False, -1
        name, value = found[1].lower(), found[2] or ""
        if value[:1] in ("'", '"') and len(value) > 1 and value[-1] == value[0]:
            value = value[1:-1]
        if len(attributes) < _MOST_ATTRIBUTES:
            attributes.setdefault(name, readable(value))
        at = found.end()


def _verbatim(html: str, at: int, name: str) -> tuple[str, int]:
    """Return the content of an element that holds no markup, and where its end tag begins."""
    found = _VERBATIM_ENDS[name].search(html, at)
    stop = found.start() if found else len(html)
    content = html[at:stop]
    return (content if name in _VERBATIM or name == "plaintext" else readable(content)), stop
