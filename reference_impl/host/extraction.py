"""Arguments of a tool, found in the words of a request: by its schema, never by guessing.

Taken are `name=value`, texts in quotes, URLs, paths, numbers, statements of SQL, words that an enumeration lists, and
words that stand beside the name of a parameter ("branch main", "the users table", "last 3").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from reference_impl.client.settings import JsonObject
from reference_impl.host.words import QUOTED, STATEMENT, stem, words

__all__ = ["Found", "extract", "without_literals"]

_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'`<>]+", re.IGNORECASE)
_PATH = re.compile(
    r"(?<![\w/])(?:~?/|\.{1,2}/)?[\w@.+-]+(?:/[\w@.+-]+)+/?"  # with a slash inside
    r"|(?<![\w/])~?/(?:[\w@.+-]+/?)?(?!\w)|(?<![\w/])[\w@.+-]+/(?!\w)"  # at the beginning or the end
    r"|(?<![\w/])[\w@+-][\w@.+-]*\.[A-Za-z][A-Za-z0-9]{0,7}(?!\w)"  # a name with an ending
)
_TEXT_FILE = re.compile(
    r"\.(txt|md|rst|csv|tsv|json|jsonl|toml|ya?ml|ini|cfg|log|html?|css|xml|sql|py|js|ts|c|h|rs|go|java|sh)$"
)
_NUMBER = re.compile(r"(?<![\w./-])-?\d+(?:\.\d+)?(?![\w/]|\.\d)")
_IDENTIFIER = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w-]+")
_PAIR = re.compile(r"\b([A-Za-z_][\w-]*)\s*[=:]\s*(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\s,;\"']+))")
_WORD = re.compile(r"[\w.@+-]*\w")
_FALSE = frozenset({"no", "not", "without", "false", "off"})
_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

_PLACES = frozenset({"path", "file", "directory", "filename", "filenam", "source", "destination", "root"})
_ADDRESSES = frozenset({"url", "uri", "link", "address", "href"})
_AMOUNTS = frozenset({"limit", "count", "max", "number", "amount", "most", "line", "size", "n", "top"})
_KEYS = frozenset({"id", "key", "code", "number", "identifier", "slug"})
_STATEMENTS = frozenset({"query", "statement"})


def without_literals(text: str) -> str:
    """Return a text in which each literal is replaced by what it is: what is in it tells nothing of the tool."""
    for pattern, kind in ((QUOTED, " "), (STATEMENT, " query "), (_URL, " url ")):
        text = pattern.sub(kind, text)
    text = _PATH.sub(lambda path: " text file " if _TEXT_FILE.search(path[0]) else " file ", text)
    return _PAIR.sub(r" \1 ", text)


@dataclass(slots=True)
class Found:
    """The arguments so far, which required parameters nothing was found for, and how many literals nobody took."""

    arguments: JsonObject = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unused: int = 0


def extract(text: str, schema: Any) -> Found:
    """Find arguments for a tool's input schema in a text."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    table: dict[str, JsonObject] = {
        name: value
        for name, value in (properties if isinstance(properties, dict) else {}).items()
        if isinstance(value, dict)
    }
    required = [name for name in schema.get("required", []) if isinstance(name, str)] if table else []
    values = _Values(text)
    found = Found()
    for name, value in values.pairs(table):
        found.arguments[name] = value
    order = [*required, *(name for name in table if name not in required)]
    for find in (_enumerated, _beside, _by_kind, _left_over):
        for name in order:
            if name not in found.arguments and name in table:
                value = find(values, name, table[name], name in required)
                if value is not None:
                    found.arguments[name] = value
    found.missing = [name for name in required if name not in found.arguments]
    found.unused = values.left
    return found


class _Values:
    """What stands in a text, each piece to be taken once."""

    def __init__(self, text: str) -> None:
        statement = _statement(text)
        self.statement = None if statement is None else statement[0].strip().rstrip(".")
        if statement is not None:
            text = f"{text[: statement.start()]} {text[statement.end() :]}"
        self.quoted = [found[0][1:-1] for found in QUOTED.finditer(text)]
        self._pairs = [(found[1], _given(found)) for found in _PAIR.finditer(text)]
        bare = QUOTED.sub(" ", text)
        for name, value in self._pairs:
            bare = re.sub(rf"\b{re.escape(name)}\s*[=:]\s*{re.escape(value)}", " ", bare)
        self.urls = [url.rstrip(".,;)") for url in _URL.findall(bare)]
        bare = _URL.sub(" ", bare)
        self.paths = [path.rstrip(".,") for path in _PATH.findall(bare)]
        self.numbers = _NUMBER.findall(bare)
        self.words = _WORD.findall(bare)

    def pairs(self, table: dict[str, JsonObject]) -> list[tuple[str, Any]]:
        """Return what was given by name, as far as it is of the parameter's type."""
        known = {name.lower(): name for name in table}
        found = []
        for said, value in self._pairs:
            name = known.get(said.lower().replace("-", "_"), known.get(said.lower()))
            converted = None if name is None else _converted(value, table[name])
            if name is not None and converted is not None:
                found.append((name, converted))
                self._take(value)
        return found

    @property
    def left(self) -> int:
        """How many pieces were not taken."""
        pieces = (self.quoted, self.urls, self.paths, self.numbers)
        return sum(map(len, pieces)) + (self.statement is not None)

    def _take(self, value: str) -> None:
        for pieces in (self.quoted, self.urls, self.paths, self.numbers):
            if value in pieces:
                pieces.remove(value)


def _statement(text: str) -> re.Match[str] | None:
    """Find a statement that is not in quotes: one that is, is a text like any other."""
    masked = QUOTED.sub(
        lambda found: found[0] if STATEMENT.search(text[: found.start()]) else " " * len(found[0]), text
    )
    found = STATEMENT.search(masked)
    return None if found is None else re.compile(re.escape(text[found.start() : found.end()])).search(text)


def _given(pair: re.Match[str]) -> str:
    return next(group for group in pair.groups()[1:] if group is not None)


def _kinds(schema: JsonObject) -> list[str]:
    kind = schema.get("type")
    listed = kind if isinstance(kind, list) else [kind]
    for options in ("anyOf", "oneOf"):
        for option in schema.get(options) or []:
            listed += _kinds(option) if isinstance(option, dict) else []
    return [one for one in listed if isinstance(one, str)]


def _converted(text: str, schema: JsonObject) -> Any:
    kinds = _kinds(schema)
    if "boolean" in kinds and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if {"integer", "number"} & set(kinds) and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return _number(text, schema)
    if "array" in kinds:
        return [piece.strip() for piece in text.split(",")]
    return text if "string" in kinds or not kinds else None


def _number(text: str, schema: JsonObject) -> Any:
    value = float(text)
    if "integer" in _kinds(schema) or value.is_integer():
        return int(value) if value.is_integer() else None
    return value


def _enumerated(values: _Values, name: str, schema: JsonObject, required: bool) -> Any:  # noqa: ARG001 - a finder
    """Take a word that the parameter's enumeration lists."""
    options = [option for option in schema.get("enum") or [] if isinstance(option, str)]
    said = {word.lower() for word in (*values.words, *values.quoted)}
    return next((option for option in options if option.lower() in said), None)


def _beside(values: _Values, name: str, schema: JsonObject, required: bool) -> Any:  # noqa: ARG001 - a finder
    """Take what stands beside the parameter's name, or the name itself where it is a switch."""
    kinds, own = _kinds(schema), words(name)
    last = own[-1] if own else stem(name)
    for index, word in enumerate(values.words):
        if stem(word) not in own:
            continue
        before = values.words[index - 1] if index else ""
        after = values.words[index + 1] if index + 1 < len(values.words) else ""
        if "boolean" in kinds:
            return before.lower() not in _FALSE
        if {"integer", "number"} & set(kinds):
            for near in (after, before):
                if near in values.numbers:
                    values.numbers.remove(near)
                    return _number(near, schema)
        elif "string" in kinds and stem(word) == last and not _special(own):
            for near in (after, before):
                if _names_something(near):
                    return near
    return None


def _special(own: list[str]) -> bool:
    return bool((_PLACES | _ADDRESSES | _STATEMENTS) & set(own))


def _names_something(word: str) -> bool:
    """Whether a word may be a name of something: no common word, no number."""
    return bool(words(word)) and not word.isdigit() and word.lower() not in _COMMON


_COMMON_WORDS = """
any all every each other named called first last new old same search show list read write get file files table tables
branch branches
"""
_COMMON = frozenset(_COMMON_WORDS.split())
"""Words beside the name of a parameter that are no value of it."""


def _by_kind(values: _Values, name: str, schema: JsonObject, required: bool) -> Any:
    """Take a piece of the kind that the parameter's name or format promises."""
    own, kinds = set(words(name)), _kinds(schema)
    if "string" in kinds and (own & _STATEMENTS) and values.statement is not None:
        statement, values.statement = values.statement, None
        return statement
    if "string" in kinds and (own & _ADDRESSES or schema.get("format") == "uri"):
        return _first(values.urls)
    if "string" in kinds and own & _PLACES:
        return _first(values.paths) or (_first(values.quoted) if required else None)
    if "string" in kinds and own & _KEYS and required:
        return next((word for word in values.words if _IDENTIFIER.fullmatch(word)), None) or _first(values.numbers)
    if {"integer", "number"} & set(kinds) and (required or own & _AMOUNTS):
        number = _first(values.numbers)
        return None if number is None else _number(number, schema)
    return None


def _left_over(values: _Values, name: str, schema: JsonObject, required: bool) -> Any:  # noqa: ARG001 - a finder
    """Give a required text what was quoted and nobody took; an optional one is left alone."""
    kinds = _kinds(schema)
    if not required:
        return None
    if "string" in kinds and not schema.get("enum"):
        return _first(values.quoted) or _first(values.paths) or _first(values.urls)
    if "array" in kinds:
        taken = [*values.quoted, *values.paths]
        values.quoted.clear()
        values.paths.clear()
        return taken or None
    return None


def _first(pieces: list[str]) -> str | None:
    return pieces.pop(0) if pieces else None
