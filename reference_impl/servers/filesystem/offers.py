"""How a tool of this server is declared: its arguments and its result as structs, and a plain function that blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from reference_impl.server import AdvancedMCPServer, Context, ToolResult
from reference_impl.server.content import Block
from reference_impl.servers.filesystem.beneath import Place, Root
from reference_impl.servers.filesystem.job import Job, run
from reference_impl.servers.filesystem.limits import Limits
from reference_impl.servers.filesystem.roots import Roots, located

__all__ = ["READS", "Arguments", "Errand", "Files", "Offer", "PathText", "Shown", "register"]

READS: dict[str, Any] = {"readOnlyHint": True, "openWorldHint": False}
"""Annotations of tools that change nothing."""
PathText = Annotated[
    str,
    Meta(
        min_length=1,
        description="Absolute path beneath one of list_allowed_directories, or relative to it if there is only one",
    ),
]

Value = TypeVar("Value")


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tool takes. The fields and their descriptions become the input schema."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A result with content blocks of its own beside it, in place of its JSON."""

    result: msgspec.Struct
    content: list[Block]


@dataclass(frozen=True, slots=True)
class Errand:
    """One call as the thread sees it: what it may use, how much of it, and whether it still matters."""

    roots: tuple[Root, ...]
    limits: Limits
    job: Job

    def place(self, path: str) -> Place:
        """Return the place that a path of the client means. Raises `ToolError`."""
        return located(path, self.roots)


@dataclass(frozen=True, slots=True)
class Files:
    """What all handlers share. `searchers` are the threads of long work, so that it never holds up the short."""

    roots: Roots
    limits: Limits
    searchers: ThreadPoolExecutor

    async def errand(self, context: Context, work: Callable[[Errand], Value], *, long: bool = False) -> Value:
        """Ask for the roots where need be, then run `work` in a thread."""
        roots = await self.roots.of_call(context)
        executor = self.searchers if long else None
        return await run(
            lambda job: work(Errand(roots, self.limits, job)), self.limits.seconds, context=context, executor=executor
        )


@dataclass(frozen=True, slots=True)
class Offer:
    """One tool. `work` takes an `Errand` and `arguments`, and returns a `result` or `Shown`, in a thread: one of the
    `searchers` if it may take `long`. `renames`: what is listed as resources may be others afterwards."""

    name: str
    title: str
    description: str
    arguments: type[Arguments]
    result: type[msgspec.Struct]
    work: Callable[[Errand, Any], msgspec.Struct | Shown]
    annotations: dict[str, Any]
    long: bool = False
    renames: bool = False


def register(server: AdvancedMCPServer, files: Files, offers: Iterable[Offer]) -> None:
    """Add tools to a server."""
    for offer in offers:
        server.tool(
            offer.name,
            offer.description,
            _schema(offer.arguments),
            title=offer.title,
            annotations=offer.annotations,
            outputSchema=_schema(offer.result),
        )(_handler(server, files, offer))


def _handler(server: AdvancedMCPServer, files: Files, offer: Offer) -> Callable[..., Any]:
    async def handler(context: Context, **arguments: Any) -> ToolResult | dict[str, Any]:
        given = msgspec.convert(arguments, offer.arguments, strict=False)  # the schema lets 3.0 through for an integer
        found = await files.errand(context, lambda errand: offer.work(errand, given), long=offer.long)
        if offer.renames:
            server.hub.list_changed("resources")
        if isinstance(found, Shown):
            return ToolResult(found.content, structured=msgspec.to_builtins(found.result))
        value: dict[str, Any] = msgspec.to_builtins(found)
        return value

    return handler


def _schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")
    schema: dict[str, Any] = dict(components.pop(struct.__name__))
    del schema["title"]
    schema.pop("description", None)  # that of the struct is for readers of the code
    return schema | ({"$defs": components} if components else {})
