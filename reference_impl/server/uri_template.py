"""URI templates (RFC 6570): all four levels written out, and found again in a URI as far as that is possible.

`expand` is the RFC. `match` is its inverse, which the RFC leaves open (1.4): every URI that `expand` makes of plain
strings is found, and the first reading wins where there are several (`{a}{b}`). A prefix (`{name:3}`) has lost the
rest, and what `*` exploded is no longer one value: templates with either are never found (`matchable`). A list without
`*` is found as the string with commas that it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

__all__ = ["UriTemplate", "Values"]

Value = str | list[str] | dict[str, str]
Values = Mapping[str, Value]

_UNRESERVED = "-._~"
_RESERVED = ":/?#[]@!$&'()*+,;=" + _UNRESERVED
_EXPRESSION = re.compile(r"\{([^{}]*)\}")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z0-9_%]+(?:\.[A-Za-z0-9_%]+)*)(?:(?P<explode>\*)|:(?P<prefix>[1-9]\d{0,3}))?")
_LONGEST = 8192
"""Characters of a URI that is looked at; templates with several open ends take time that grows with its square."""
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")


@dataclass(frozen=True, slots=True)
class _Operator:
    """One row of RFC 6570's table (appendix A). `characters` is what a value may hold where it is found in a URI."""

    first: str = ""
    separator: str = ","
    named: bool = False
    if_empty: str = ""
    safe: str = _UNRESERVED
    characters: str = r"[^/?#,]"


_OPERATORS: dict[str, _Operator] = {
    "": _Operator(characters=r"[^/?#]"),
    "+": _Operator(safe=_RESERVED, characters="."),
    "#": _Operator("#", safe=_RESERVED, characters="."),
    ".": _Operator(".", ".", characters=r"[^/?#.]"),
    "/": _Operator("/", "/", characters=r"[^/?#]"),
    ";": _Operator(";", ";", named=True, characters=r"[^/?#;]"),
    "?": _Operator("?", "&", named=True, if_empty="=", characters=r"[^&#]"),
    "&": _Operator("&", "&", named=True, if_empty="=", characters=r"[^&#]"),
}


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    explode: bool
    prefix: int | None


@dataclass(frozen=True, slots=True)
class _Expression:
    operator: _Operator
    variables: tuple[_Variable, ...]


class UriTemplate:
    """A template. `names` are its variables, in order. Raises `ValueError` for what RFC 6570 does not admit."""

    __slots__ = ("_parts", "_pattern", "names", "template")

    def __init__(self, template: str) -> None:
        self.template = template
        self._parts = _parse(template)
        found = [variable.name for part in self._parts if isinstance(part, _Expression) for variable in part.variables]
        self.names = tuple(dict.fromkeys(found))
        self._pattern = _pattern(self._parts)

    @property
    def matchable(self) -> bool:
        """Whether variables can be found again in a URI."""
        return self._pattern is not None

    def match(self, uri: str) -> dict[str, str] | None:
        """Return the variables of `uri`, percent-decoded, or None if it is not of this family.

        Pairs of a query are found in the template's order; one that the URI leaves out (`{?page}`) is absent.
        """
        match = None if self._pattern is None or len(uri) > _LONGEST else self._pattern.fullmatch(uri)
        if match is None:
            return None
        found = {}
        for index, name in enumerate(self.names):
            value = match[f"v{index}"]
            if value is not None:
                found[name] = unquote(value)
        return found

    def expand(self, values: Values) -> str:
        """Return the URI for `values`: strings, lists of strings, and maps of strings (levels 1 to 4). A variable
        without a value, and an empty list or map, leaves nothing behind (RFC 6570, 3.2.1)."""
        return "".join(part if isinstance(part, str) else _expanded(part, values) for part in self._parts)


def _parse(template: str) -> tuple[str | _Expression, ...]:
    parts: list[str | _Expression] = []
    last = 0
    for match in _EXPRESSION.finditer(template):
        parts += [_literal(template, template[last : match.start()]), _expression(template, match[1])]
        last = match.end()
    parts.append(_literal(template, template[last:]))
    return tuple(parts)


def _literal(template: str, text: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError(f"a brace without its partner in URI template {template!r}")
    return text


def _expression(template: str, text: str) -> _Expression:
    operator = text[0] if text[:1] in _OPERATORS and text else ""
    variables = []
    for part in text[len(operator) :].split(","):
        match = _VARIABLE.fullmatch(part)
        if match is None:
            raise ValueError(f"{{{text}}} in URI template {template!r} is no expression of RFC 6570")
        prefix = None if match["prefix"] is None else int(match["prefix"])
        variables.append(_Variable(match["name"], match["explode"] is not None, prefix))
    return _Expression(_OPERATORS[operator], tuple(variables))


# Finding ----------------------------------------------------------------------------------------------


def _pattern(parts: tuple[str | _Expression, ...]) -> re.Pattern[str] | None:
    variables = [variable for part in parts if isinstance(part, _Expression) for variable in part.variables]
    if any(variable.prefix is not None or variable.explode for variable in variables):
        return None
    numbers: dict[str, int] = {}
    return re.compile("".join(re.escape(part) if isinstance(part, str) else _found(part, numbers) for part in parts))


def _found(expression: _Expression, numbers: dict[str, int]) -> str:
    operator, variables = expression.operator, expression.variables
    if operator.named:
        return _found_by_name(operator, variables, numbers)
    pieces = []
    for index, variable in enumerate(variables):
        lead = operator.separator if index else operator.first
        # Between the variables of one expression stands a comma, which a value then has encoded.
        alone = len(variables) == 1 or operator.separator != ","
        pieces.append(re.escape(lead) + _group(variable, numbers, f"{operator.characters if alone else '[^/?#,]'}+"))
    return "".join(pieces)


def _found_by_name(operator: _Operator, variables: tuple[_Variable, ...], numbers: dict[str, int]) -> str:
    """Return a pattern for `name=value` pairs, each of which may be missing."""
    first, separator = re.escape(operator.first), re.escape(operator.separator)
    pieces = []
    for variable in variables:
        lead = separator if operator.first == operator.separator else f"(?:(?<={first})|{separator})"
        value = _group(variable, numbers, f"{operator.characters}*")
        ends = f"(?:=|(?!{operator.characters}))"  # a name alone stands for an empty value
        pieces.append(f"(?:{lead}{re.escape(variable.name)}{ends}{value})?")
    pairs = "".join(pieces)
    return pairs if operator.first == operator.separator else f"(?:{first}{pairs})?"


def _group(variable: _Variable, numbers: dict[str, int], pattern: str) -> str:
    if variable.name in numbers:
        return f"(?P=v{numbers[variable.name]})"  # the same variable again has the same value
    number = numbers[variable.name] = len(numbers)
    return f"(?P<v{number}>{pattern})"


# Writing ----------------------------------------------------------------------------------------------


def _expanded(expression: _Expression, values: Values) -> str:
    operator = expression.operator
    written = [
        text
        for variable in expression.variables
        if (value := values.get(variable.name)) not in (None, [], {})
        for text in _written(operator, variable, value)
    ]
    return operator.first + operator.separator.join(written) if written else ""


def _written(operator: _Operator, variable: _Variable, value: Value | None) -> list[str]:
    match value:
        case str():
            text = value if variable.prefix is None else value[: variable.prefix]
            return [_with_name(operator, variable.name, _encoded(text, operator.safe))]
        case dict() if variable.explode:
            pairs = ((_encoded(key, operator.safe), _encoded(item, operator.safe)) for key, item in value.items())
            return [_pair(operator, key, item) for key, item in pairs]
        case list() if variable.explode:
            return [_with_name(operator, variable.name, _encoded(item, operator.safe)) for item in value]
        case dict():
            flat = [text for pair in value.items() for text in pair]
        case _:
            flat = list(value or ())
    return [_with_name(operator, variable.name, ",".join(_encoded(item, operator.safe) for item in flat))]


def _with_name(operator: _Operator, name: str, text: str) -> str:
    return _pair(operator, name, text) if operator.named else text


def _pair(operator: _Operator, key: str, text: str) -> str:
    return f"{key}={text}" if text or not operator.named else key + operator.if_empty


def _encoded(text: str, safe: str) -> str:
    """Return `text` percent-encoded but for `safe`; where reserved characters may stay, so may what is encoded
    already."""
    if safe is not _RESERVED:
        return quote(text, safe=safe)
    pieces, last = [], 0
    for match in _ENCODED.finditer(text):
        pieces += [quote(text[last : match.start()], safe=safe), match[0]]
        last = match.end()
    return "".join(pieces) + quote(text[last:], safe=safe)
