"""What a server offers, found out once after it was connected, and again where it says that something changed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from reference_impl.client.connection import ClientConnection
from reference_impl.client.errors import InvalidAnswer, RequestFailed
from reference_impl.client.settings import JsonObject

__all__ = ["Capabilities", "negotiate"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server is and offers: its name for itself, the revision, the capabilities that it declared, its lists."""

    server_info: JsonObject
    protocol_version: str
    declared: JsonObject
    instructions: str | None = None
    tools: list[JsonObject] = field(default_factory=list)
    resources: list[JsonObject] = field(default_factory=list)
    resource_templates: list[JsonObject] = field(default_factory=list)
    prompts: list[JsonObject] = field(default_factory=list)


async def negotiate(session: ClientConnection) -> Capabilities:
    """Ask for the lists of everything that the server declared to have.

    A list that it then refuses, or that is none, counts as empty: the others are no worse for it. Raises what else a
    request raises.
    """
    agreement = session.agreement
    lists: dict[str, tuple[str, Callable[[], Awaitable[list[Any]]]]] = {
        "tools": ("tools", session.list_tools),
        "resources": ("resources", session.list_resources),
        "resource_templates": ("resources", session.list_resource_templates),
        "prompts": ("prompts", session.list_prompts),
    }
    found: dict[str, list[JsonObject]] = {}
    for name, (capability, read) in lists.items():
        if agreement.offers(capability):
            found[name] = await _list(name, read)
    return Capabilities(
        agreement.server_info, agreement.revision.name, agreement.capabilities, agreement.instructions, **found
    )


async def _list(name: str, read: Callable[[], Awaitable[list[JsonObject]]]) -> list[JsonObject]:
    try:
        return await read()
    except (RequestFailed, InvalidAnswer) as error:
        _logger.warning("the list of %s cannot be had: %s", name.replace("_", " "), error)
        return []
