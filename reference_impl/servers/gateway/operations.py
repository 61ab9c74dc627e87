"""The operations of a document, read: what each takes, what it answers, where it lives, what it needs to be let in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from reference_impl.servers.gateway.document import Document, DocumentError
from reference_impl.servers.gateway.texts import cleaned

__all__ = ["Body", "LeftOut", "Operation", "Parameter", "Place", "Requirement", "is_json", "operations", "plain_name"]

Place = Literal["path", "query", "header", "cookie"]
Requirement = Mapping[str, tuple[str, ...]]
"""Security schemes that are needed together, each with its scopes."""

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
"""Without TRACE: it answers with the request, credentials included."""
_STYLES: dict[str, tuple[str, ...]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form", "cookie"),
}
"""Place to its styles, the default first (OpenAPI 3, Style Values)."""
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that the specification ignores (Parameter Object)."""
_NOT_OURS = frozenset(
    {"host", "cookie", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"}
    | {"expect", "proxy-authorization", "proxy-connection", "forwarded", "via", "x-real-ip", "x-rewrite-url"}
    | {"x-http-method-override", "x-http-method", "x-method-override", "accept-encoding"}
)
_NOT_OURS_BEGIN = ("x-forwarded-", "x-original-")
"""Headers that say where a message goes, how it is framed, or for whom: no argument sets them."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARIABLE = re.compile(r"\{([^{}/]+)\}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `content` is set where its value travels as a JSON text (`content` instead of `schema`)."""

    name: str
    place: Place
    schema: Any
    required: bool
    style: str
    explode: bool
    reserved: bool
    content: bool
    description: str


@dataclass(frozen=True, slots=True)
class Body:
    """A request body: its media type, schema, and the `encoding` of a form's fields."""

    media_type: str
    schema: Any
    required: bool
    description: str
    encoding: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `servers` are those that it names itself, if any; `security` the ways to be let in,
    `answers` its responses."""

    method: str
    path: str
    identifier: str | None
    summary: str
    description: str
    tags: tuple[str, ...]
    deprecated: bool
    parameters: tuple[Parameter, ...]
    body: Body | None
    answers: Mapping[str, Any]
    security: tuple[Requirement, ...]
    servers: tuple[Any, ...]

    @property
    def label(self) -> str:
        """How messages call it: `GET /notes/{id}`."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An operation that is no tool, and why."""

    label: str
    reason: str


def operations(document: Document) -> Iterator[Operation | LeftOut]:
    """Yield every operation, in the order of the document."""
    for path, node in document.value.get("paths", {}).items():
        if not path.startswith("/"):
            continue  # an extension
        try:
            item = document.resolved(node, "the path")
        except DocumentError as error:
            yield LeftOut(path, str(error))
            continue
        for method in METHODS:
            if method in item:
                yield _read(document, path, item, method)


def _read(document: Document, path: str, item: dict[str, Any], method: str) -> Operation | LeftOut:
    label = f"{method.upper()} {path}"
    try:
        node = document.resolved(item[method], "the operation")
        identifier = node.get("operationId")
        return Operation(
            method.upper(),
            _checked_path(path),
            identifier if isinstance(identifier, str) and identifier else None,
            " ".join(cleaned(node.get("summary") or item.get("summary"), 200).split()),
            cleaned(node.get("description") or item.get("description")),
            tuple(tag for tag in node.get("tags") or () if isinstance(tag, str)),
            node.get("deprecated") is True,
            tuple(_parameters(document, path, item, node)),
            _body(document, node),
            _responses(document, node),
            tuple(_requirements(node.get("security", document.value.get("security")))),
            tuple(node.get("servers") or item.get("servers") or ()),
        )
    except DocumentError as error:
        return LeftOut(label, str(error))
    except (TypeError, AttributeError, KeyError):
        return LeftOut(label, "it is not written as OpenAPI asks")


def _checked_path(path: str) -> str:
    fixed = _VARIABLE.sub("", path)
    if not path.isascii() or any(character <= " " or character in '?#\\"<>{}|^`\x7f' for character in fixed):
        raise DocumentError("its path has characters that a path cannot have")
    if any(re.sub("(?i)%2e", ".", segment) in (".", "..") for segment in path.split("/")):
        raise DocumentError("its path has . or .. in it")
    return path


def _parameters(document: Document, path: str, item: dict[str, Any], node: dict[str, Any]) -> Iterator[Parameter]:
    """Yield the parameters: those of the operation take the place of the path's; a variable of the path that nobody
    described is a text."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for raw in (*(item.get("parameters") or ()), *(node.get("parameters") or ())):
        parameter = document.resolved(raw, "a parameter")
        found[str(parameter.get("in")), str(parameter.get("name"))] = parameter
    variables = list(dict.fromkeys(_VARIABLE.findall(path)))
    for name in variables:
        found.setdefault(("path", name), {"schema": {"type": "string"}})
    for (place, name), parameter in found.items():
        if (place == "path" and name not in variables) or (place == "header" and _is_ignored(name)):
            continue
        yield _parameter(name, place, parameter)


def plain_name(place: str, name: str) -> str:
    """Return a parameter's name as servers may read it: of headers, many take `_` and `-` for one (CGI, WSGI)."""
    return name.lower().replace("_", "-") if place == "header" else name.lower()


def _is_ignored(name: str) -> bool:
    plain = plain_name("header", name)
    return plain in _NOT_PARAMETERS | _NOT_OURS or plain.startswith(_NOT_OURS_BEGIN)


def _parameter(name: str, place: str, node: dict[str, Any]) -> Parameter:
    if place not in _STYLES:
        raise DocumentError(f"its parameter {name} is in {place!r}, which is not supported")
    if place in ("header", "cookie") and not _TOKEN.fullmatch(name):
        raise DocumentError(f"its {place} parameter {name!r} has a name that HTTP cannot carry")
    style = node.get("style", _STYLES[place][0])
    if style not in _STYLES[place]:
        raise DocumentError(f"its {place} parameter {name} has style {style!r}, which is not for this place")
    content = node.get("content")
    if content:
        media_type, media = next(iter(content.items()))
        if not is_json(media_type):
            raise DocumentError(f"its parameter {name} is written as {media_type}, which is not supported")
    return Parameter(
        name,
        place,  # type: ignore[arg-type] # one of the keys of the table
        (media if content else node).get("schema", {}),
        node.get("required") is True or place == "path",
        style,
        bool(node.get("explode", style in ("form", "cookie"))),
        node.get("allowReserved") is True and place == "query",
        bool(content),
        cleaned(node.get("description")),
    )


def is_json(media_type: str) -> bool:
    """Tell whether a media type is written as JSON."""
    plain = media_type.partition(";")[0].strip().lower()
    return plain == "application/json" or plain.endswith("+json") or plain == "text/json"


def _rank(media_type: str) -> int:
    """How gladly a body is written so: JSON, a form, a form with files, a text, anything."""
    plain = media_type.partition(";")[0].strip().lower()
    if is_json(plain):
        return 0
    ranks = {"application/x-www-form-urlencoded": 1, "multipart/form-data": 2}
    return ranks.get(plain, 3 if plain.startswith("text/") else 4)


def _body(document: Document, node: dict[str, Any]) -> Body | None:
    if not node.get("requestBody"):
        return None
    body = document.resolved(node["requestBody"], "the request body")
    content = body.get("content") or {}
    if not content:
        return None
    media_type = min(content, key=_rank)
    media = content[media_type]
    required, said = body.get("required") is True, cleaned(body.get("description"))
    if any(character in media_type for character in "\r\n\0") or not media_type.isascii():
        raise DocumentError("its request body has a media type that HTTP cannot carry")
    return Body(media_type, media.get("schema", {}), required, said, media.get("encoding") or {})


def _responses(document: Document, node: dict[str, Any]) -> dict[str, Any]:
    responses = node.get("responses") or {}
    return {
        str(status): document.resolved(answer, "a response")
        for status, answer in responses.items()
        if not str(status).startswith("x-")
    }


def _requirements(node: Any) -> Iterator[Requirement]:
    for alternative in node or ():
        yield {str(name): tuple(scopes or ()) for name, scopes in alternative.items()}
