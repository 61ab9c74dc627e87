"""What a server offers: tools, resources, templates and prompts, and how each revision writes them down.

Members that a revision does not know are left out (`WIRE`), so that a client of 2024-11-05 never meets `outputSchema`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from reference_impl.protocol.revisions import ALWAYS, Revision, Window
from reference_impl.protocol.streamable import header_parameters
from reference_impl.protocol.tasks import TaskSupport
from reference_impl.schemas import Validator, compile_schema
from reference_impl.server.calling import Callee
from reference_impl.server.schemas import input_schema
from reference_impl.server.uri_template import UriTemplate

__all__ = [
    "About",
    "Completion",
    "Described",
    "Prompt",
    "Resource",
    "ResourceMembers",
    "Tool",
    "ToolMembers",
    "check_icons",
    "identity",
    "on_wire",
]

_FROM_03 = Window(since="2025-03-26")
_FROM_06 = Window(since="2025-06-18")
_FROM_11 = Window(since="2025-11-25")
_AT_11 = Window(since="2025-11-25", until="2026-07-28")

WIRE: dict[str, Window] = {
    "title": _FROM_06,
    "_meta": _FROM_06,
    "outputSchema": _FROM_06,
    "icons": _FROM_11,
    "websiteUrl": _FROM_11,
    "execution": _AT_11,
    "description": ALWAYS,
}
"""Member of a definition to the revisions that have it; a member not listed is in all."""

_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_MIRRORED_TYPES = ("string", "integer", "boolean")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HEADER_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Described(TypedDict, total=False):
    """Optional members that every definition may have, under their names on the wire.

    `scopes` stays here: whoever uses the definition needs a token with all of them, where tokens are asked for.
    """

    scopes: Sequence[str]
    title: str
    icons: list[dict[str, Any]]
    annotations: dict[str, Any]
    _meta: dict[str, Any]


class About(TypedDict, total=False):
    """What a server may say of itself beside its name and version (`Implementation`)."""

    title: str
    description: str
    icons: list[dict[str, Any]]
    websiteUrl: str


class ToolMembers(Described, total=False):
    """Optional members of a tool.

    `taskSupport` says whether calls may run as tasks; the handler stays the same. `begins` says who makes the task of a
    client that leaves it to the server (2026-07-28): every `call` is one, or the `handler` says when, by
    `Context.begin_task`.
    """

    outputSchema: dict[str, Any]
    taskSupport: TaskSupport
    begins: Literal["call", "handler"]


class ResourceMembers(Described, total=False):
    """Optional members of a resource or template. `ttlMs` and `cacheScope` are the caching hints of what is read there,
    in place of the server's (`server/utilities/caching`)."""

    mimeType: str
    size: int
    ttlMs: int
    cacheScope: Literal["public", "private"]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `wire` is its full definition; `validate` judges arguments, `validate_output` structured content.

    `mirrored` is the input schema if it has `x-mcp-header` parameters, else None. `task_support` and `begins` are as in
    `ToolMembers`.
    """

    name: str
    callee: Callee
    wire: dict[str, Any]
    validate: Validator
    validate_output: Validator | None
    mirrored: dict[str, Any] | None
    task_support: TaskSupport = "forbidden"
    begins: Literal["call", "handler"] = "call"
    scopes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, function: Callable[..., Any], name: str, description: str | None, schema: dict[str, Any] | None, more: Any
    ) -> Tool:
        """Build a tool. Raises `ValueError` for a name or schema that the specification does not admit."""
        if not _TOOL_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no tool name: 1 to 128 of A-Z a-z 0-9 _ . - (server/tools#tool-names)")
        schema = input_schema(function) if schema is None else schema
        if schema.get("type") != "object":
            raise ValueError(f"the input schema of {name} must have type object")
        headers = _checked_headers(name, schema)
        output = more.get("outputSchema")
        tasks, begins = more.pop("taskSupport", "forbidden"), more.pop("begins", "call")
        scopes = _scopes(more)
        execution = {} if tasks == "forbidden" else {"execution": {"taskSupport": tasks}}
        wire = {"name": name, **_described(function, description), "inputSchema": schema, **execution, **more}
        check_icons(more.get("icons"))
        judge_output = None if output is None else compile_schema(output)
        mirrored = schema if headers else None
        judge = compile_schema(schema)
        return cls(name, Callee.of(function), wire, judge, judge_output, mirrored, tasks, begins, scopes)


def _scopes(more: dict[str, Any]) -> tuple[str, ...]:
    """Take the scopes out of what goes on the wire."""
    scopes = more.pop("scopes", ())
    if isinstance(scopes, str):
        raise ValueError("scopes are several strings, not one")  # noqa: TRY004 - like all that a definition refuses
    return tuple(scopes)


def _checked_headers(tool: str, schema: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the parameters that are mirrored into headers, all of them valid (`server/tools#x-mcp-header`)."""
    headers = header_parameters(schema)
    tokens = all(_HEADER_TOKEN.fullmatch(header) for header in headers)
    if not tokens or len({header.lower() for header in headers}) < len(headers):
        raise ValueError(f"the x-mcp-header names of {tool} must be tokens, and unique")
    annotated = list(_annotated(schema))
    if len(annotated) > len(headers) or any(node.get("type") not in _MIRRORED_TYPES for node in annotated):
        raise ValueError(
            f"x-mcp-header of {tool} must sit on strings, integers or booleans that plain properties reach"
        )
    return headers


def _annotated(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "x-mcp-header" in node and not isinstance(node["x-mcp-header"], dict):
            yield node
        yield from (found for value in node.values() for found in _annotated(value))
    elif isinstance(node, list):
        yield from (found for value in node for found in _annotated(value))


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource with a fixed URI, or a family of them: then `template` is set, and its variables are the arguments."""

    uri: str
    callee: Callee
    wire: dict[str, Any]
    template: UriTemplate | None = None
    scopes: tuple[str, ...] = ()
    hints: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, function: Callable[..., Any], uri: str, name: str | None, description: str | None, more: Any
    ) -> Resource:
        """Build a resource, or a template if `uri` has variables. Raises `ValueError` for what is no URI."""
        if not _SCHEME.match(uri):
            raise ValueError(f"{uri!r} is no URI: it has no scheme (RFC 3986, 3.1)")
        template = UriTemplate(uri) if "{" in uri else None
        if template is not None and not template.matchable:
            raise ValueError(f"{uri!r}: prefixes and exploded lists cannot be found again in a URI that is read")
        key = "uri" if template is None else "uriTemplate"
        scopes, hints = _scopes(more), _hints(more)
        wire = {key: uri, "name": name or function.__name__, **_described(function, description), **more}
        check_icons(more.get("icons"))
        return cls(uri, Callee.of(function), wire, template, scopes, hints)

    @property
    def mime_type(self) -> str | None:
        """The declared MIME type, for contents that name none."""
        return self.wire.get("mimeType")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt; `required` names the arguments it cannot do without."""

    name: str
    callee: Callee
    wire: dict[str, Any]
    arguments: tuple[str, ...]
    required: frozenset[str]
    scopes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        name: str,
        description: str | None,
        arguments: list[dict[str, Any]] | None,
        more: Any,
    ) -> Prompt:
        """Build a prompt. `arguments` as on the wire; without them, the function's parameters, required if no
        default."""
        given = _arguments(function) if arguments is None else arguments
        scopes = _scopes(more)
        wire = {"name": name, **_described(function, description), **({"arguments": given} if given else {}), **more}
        check_icons(more.get("icons"))
        required = frozenset(item["name"] for item in given if item.get("required"))
        return cls(name, Callee.of(function), wire, tuple(item["name"] for item in given), required, scopes)


@dataclass(frozen=True, slots=True)
class Completion:
    """What completes one argument: takes what was typed and the arguments already known."""

    completer: Callable[[str, dict[str, str]], Awaitable[list[str]]]

    async def callee(self, arguments: dict[str, Any], _context: Any) -> list[str]:
        """Call it, as other handlers are called."""
        return await self.completer(arguments["value"], arguments["known"])


def _arguments(function: Callable[..., Any]) -> list[dict[str, Any]]:
    schema = input_schema(function)
    needed = schema.get("required", [])
    return [
        {
            "name": name,
            **({"description": member["description"]} if "description" in member else {}),
            "required": name in needed,
        }
        for name, member in schema["properties"].items()
    ]


def _described(function: Callable[..., Any], description: str | None) -> dict[str, str]:
    words = description or " ".join((function.__doc__ or "").split())
    return {"description": words} if words else {}


def check_icons(icons: Any) -> None:
    """Check that icons can be shown without harm: `https:` or `data:` (`basic/index#icons`). Raises `ValueError`."""
    for icon in icons or ():
        if not str(icon.get("src")).startswith(("https://", "data:image/")):
            raise ValueError(f"the icon {str(icon.get('src'))[:80]!r} must be an https URL or an image as data")


def identity(name: str, version: str, about: About, revision: Revision) -> dict[str, Any]:
    """Return what a server says of itself to clients of `revision`."""
    wire = on_wire({"name": name, "version": version, **about}, revision)
    if revision not in _FROM_11:
        wire.pop("description", None)  # definitions had one from the start, implementations not
    return wire


def _hints(more: dict[str, Any]) -> dict[str, Any]:
    """Take the caching hints out of what goes on the wire."""
    hints: dict[str, Any] = {key: more.pop(key) for key in ("ttlMs", "cacheScope") if key in more}
    if hints.get("ttlMs", 0) < 0:
        raise ValueError("ttlMs must not be negative")
    return hints


def on_wire(definition: dict[str, Any], revision: Revision) -> dict[str, Any]:
    """Return a definition without the members that `revision` does not know."""
    kept = {key: value for key, value in definition.items() if revision in WIRE.get(key, ALWAYS)}
    if "inputSchema" in kept and "annotations" in kept and revision not in _FROM_03:
        del kept["annotations"]  # tools have had annotations since 2025-03-26, resources always
    schema = kept.get("outputSchema")
    if schema is not None and not revision.any_structured_content and schema.get("type") != "object":
        del kept["outputSchema"]  # only objects until 2025-11-25
    return kept
