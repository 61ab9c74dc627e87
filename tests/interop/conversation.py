"""Our client in conversation with a stranger's server: its answers to what it is asked, and what it hears."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio

from reference_impl.client import ClientConnection, ClientSettings, Handlers, StdioCommand, connect
from reference_impl.protocol.messages import Notification

PATIENCE = 20.0


@dataclass(slots=True)
class Talk:
    """An open connection."""

    client: ClientConnection
    lacks: frozenset[str]
    heard: list[Notification] = field(default_factory=list)
    news: anyio.Event = field(default_factory=anyio.Event)

    def take(self, notification: Notification) -> None:
        """Keep a notification, and wake whoever waits for one."""
        self.heard.append(notification)
        self.news.set()

    async def until(self, wanted: Callable[[Notification], bool]) -> Notification:
        """Wait for a notification; it is taken from those that were heard."""
        with anyio.fail_after(PATIENCE):
            while True:
                found = next((notification for notification in self.heard if wanted(notification)), None)
                if found is not None:
                    self.heard.remove(found)
                    return found
                self.news = anyio.Event()
                await self.news.wait()


async def _elicit(params: dict[str, Any]) -> dict[str, Any]:
    """Fill in every field of the form that has to be filled in, names first."""
    fields = params.get("requestedSchema", {}).get("properties", {})
    return {"action": "accept", "content": {name: "Ada" for name in fields if name == "name"}}


async def _sample(params: dict[str, Any]) -> dict[str, Any]:
    content = {"type": "text", "text": "forty-two"}
    return {"role": "assistant", "model": "abacus", "content": content, "stopReason": "endTurn"}


async def _roots(_: dict[str, Any]) -> dict[str, Any]:
    return {"roots": [{"uri": "file:///home/ada", "name": "home"}]}


HANDLERS = Handlers(sampling=_sample, elicitation=_elicit, roots=_roots)


@asynccontextmanager
async def talking(target: StdioCommand | str, lacks: frozenset[str] = frozenset(), **more: Any) -> AsyncIterator[Talk]:
    """Connect for the length of a block."""
    talk: list[Talk] = []

    def hear(notification: Notification) -> None:
        if talk:
            talk[0].take(notification)

    settings = ClientSettings(handlers=HANDLERS, on_notification=hear, timeout=PATIENCE, **more)
    async with connect(target, settings) as client:
        talk.append(Talk(client, lacks))
        yield talk[0]


def texts(result: dict[str, Any]) -> list[str]:
    """The text blocks of a tool's result."""
    return [block["text"] for block in result["content"] if block["type"] == "text"]
