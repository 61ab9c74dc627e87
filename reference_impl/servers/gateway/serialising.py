"""Parameters on their way into a request (OpenAPI 3, Style Values and Style Examples; RFC 6570).

Every value is percent-encoded, so that it ends where its parameter does. What would still leave its place once somebody
on the way decodes it (`..` in a path, a line end in a header) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

from reference_impl.protocol.messages import encode_json
from reference_impl.server.errors import ToolError
from reference_impl.servers.gateway.operations import Parameter

__all__ = ["as_json", "cookie", "header", "path_part", "query_name", "query_pairs"]

_RESERVED_IN_QUERY = ":/?@!$'()*,"
"""What `allowReserved` leaves as it is: RFC 3986's reserved characters, but for those that end a parameter somewhere:
`&`, `;`, `=`, `#`, `+`, and the brackets, which a query cannot have."""
_DELIMITERS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DECODINGS = 8


def query_name(name: str) -> str:
    """Return a parameter's name as a query has it."""
    return quote(name, safe="")


def as_json(value: Any) -> str:
    """Return what a parameter with `content` holds: a JSON text."""
    return encode_json(value).decode()


def path_part(parameter: Parameter, value: Any) -> str:
    """Return what takes the place of `{name}` in a path. Raises `ToolError` for what could mean another path."""
    _check_path(parameter, value)
    match parameter.style:
        case "label":
            return _label(parameter, value)
        case "matrix":
            return _matrix(parameter, value)
    return _simple(parameter, value, _encoded)


def _check_path(parameter: Parameter, value: Any) -> None:
    texts = list(_texts(value))
    if not "".join(texts):
        raise ToolError(f"{parameter.name} must not be empty: the path would name something else")
    for text in texts:
        for _ in range(_DECODINGS):
            if any(step.strip() in (".", "..") for step in re.split(r"[/\\;]", text)) or _CONTROL.search(text):
                raise ToolError(f"{parameter.name} must not hold . or .. as a step of a path, or control characters")
            before, text = text, unquote(text)  # noqa: PLW2901 - somebody on the way may decode more often than once
            if text == before:
                break
        else:
            raise ToolError(f"{parameter.name} is percent-encoded more than {_DECODINGS - 1} times over")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if item is not None:  # such a member is not written
                yield name
                yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield _text(value)


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case float() if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
    return encode_json(value).decode()


def _encoded(value: Any, safe: str = "") -> str:
    try:
        return quote(_text(value), safe=safe)
    except UnicodeEncodeError:
        raise ToolError("a text holds half of a surrogate pair, which cannot be sent") from None


def _members(value: dict[str, Any], parameter: Parameter) -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if not name:
            raise ToolError(f"{parameter.name} must not have a member without a name")
        if item is not None:
            yield name, item


def _simple(parameter: Parameter, value: Any, write: Any) -> str:
    match value:
        case list():
            return ",".join(write(item) for item in value if item is not None)
        case dict():
            joint = "=" if parameter.explode else ","
            return ",".join(f"{write(name)}{joint}{write(item)}" for name, item in _members(value, parameter))
    return str(write(value))


def _label(parameter: Parameter, value: Any) -> str:
    separator = "." if parameter.explode else ","
    match value:
        case list():
            found = [_encoded(item) for item in value if item is not None]
        case dict():
            joint = "=" if parameter.explode else ","
            found = [f"{_encoded(name)}{joint}{_encoded(item)}" for name, item in _members(value, parameter)]
        case _:
            found = [_encoded(value)]
    return "." + separator.join(found)


def _matrix(parameter: Parameter, value: Any) -> str:
    name = quote(parameter.name, safe="")
    if parameter.explode and isinstance(value, list):
        return "".join(f";{name}={_encoded(item)}" for item in value if item is not None)
    if parameter.explode and isinstance(value, dict):
        return "".join(f";{_encoded(key)}={_encoded(item)}" for key, item in _members(value, parameter))
    return f";{name}={_simple(parameter, value, _encoded)}"


def query_pairs(parameter: Parameter, value: Any) -> list[tuple[str, str]]:
    """Return the encoded names and values that a query parameter becomes."""
    name = query_name(parameter.name)
    safe = _RESERVED_IN_QUERY if parameter.reserved else ""
    match value:
        case dict() if parameter.style == "deepObject":
            return list(_deep(name, value, parameter))
        case dict() if parameter.explode:
            return [(_encoded(key), _encoded(item, safe)) for key, item in _members(value, parameter)]
        case list() if parameter.explode or parameter.style == "deepObject":
            return [(name, _encoded(item, safe)) for item in value if item is not None]
        case dict():
            return [(name, _delimited(parameter, [part for pair in _members(value, parameter) for part in pair], safe))]
        case list():
            return [(name, _delimited(parameter, value, safe))] if value else []
    return [(name, _encoded(value, safe))]


def _delimited(parameter: Parameter, items: list[Any], safe: str) -> str:
    delimiter = _DELIMITERS.get(parameter.style, ",")
    texts = [_text(item) for item in items if item is not None]
    if delimiter != "," and any(delimiter in text for text in texts):
        raise ToolError(f"the values of {parameter.name} must not hold {delimiter!r}, which stands between them")
    joint = "," if delimiter == "," else quote(delimiter)
    return joint.join(_encoded(text, safe.replace(",", "")) for text in texts)


def _deep(name: str, value: dict[str, Any], parameter: Parameter) -> Iterator[tuple[str, str]]:
    """`filter[owner][name]=x`; a list is a key repeated. The specification stops at one level, people do not."""
    for key, item in _members(value, parameter):
        inner = f"{name}%5B{_encoded(key)}%5D"
        if isinstance(item, dict):
            yield from _deep(inner, item, parameter)
            continue
        for one in item if isinstance(item, list) else [item]:
            if one is not None:
                yield inner, _encoded(one)


def header(parameter: Parameter, value: Any) -> str:
    """Return a header's value. Raises `ToolError` for what a header cannot carry, line ends before all."""
    text = _simple(parameter, value, _text)
    if _UNPRINTABLE.search(text):
        raise ToolError(f"{parameter.name} is sent as a header, which can hold printable ASCII characters alone")
    return text.strip()


def cookie(parameter: Parameter, value: Any) -> list[tuple[str, str]]:
    """Return the names and encoded values of the cookies that a parameter becomes."""
    match value:
        case dict() if parameter.explode:
            pairs = [(name, _encoded(item)) for name, item in _members(value, parameter)]
        case list() if parameter.explode:
            pairs = [(parameter.name, _encoded(item)) for item in value if item is not None]
        case _:
            pairs = [(parameter.name, _simple(parameter, value, _encoded))]
    for name, _ in pairs:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            raise ToolError(f"{name!r} cannot be the name of a cookie")
    return pairs
