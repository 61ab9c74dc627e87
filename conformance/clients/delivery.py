"""How the steps of a reply go out, whatever they go out over."""

from __future__ import annotations

from typing import Protocol

from conformance.clients.reply import End, Event, Later, Noise, Raw, Reply, Wait
from conformance.clients.scenario import Scene

__all__ = ["Out", "deliver"]


class Out(Protocol):
    """A way to the client."""

    async def event(self, event: Event) -> None:
        """Send a message, or what an event holds beside one."""

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are."""

    async def noise(self, data: bytes) -> None:
        """Write to standard error, where there is one."""

    async def wait(self, wait: Wait) -> bool:
        """Wait; return whether there is still anybody to go on for."""

    async def end(self, end: End) -> None:
        """End it, before all has gone out."""


async def deliver(reply: Reply, scene: Scene, out: Out) -> None:
    """Send what a reply holds, one step after the other."""
    for step in reply.steps(scene.answered):
        match step:
            case Wait():
                if not await out.wait(step):
                    return
            case Raw(data):
                await out.raw(data)
            case Noise(data):
                await out.noise(data)
            case End():
                await out.end(step)
                return
            case Event():
                await out.event(step)
            case Later(make):
                for message in make():
                    await out.event(Event(message))
            case _:
                await out.event(Event(step))
