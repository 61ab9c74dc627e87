"""Tools that return each kind of content."""

from __future__ import annotations

from typing import Any

from reference_impl.server import AdvancedMCPServer, audio, embedded, image, link, text
from reference_impl.servers.everything.media import PIXEL, SILENCE
from reference_impl.servers.everything.tools import READ_ONLY

__all__ = ["register"]


def register(server: AdvancedMCPServer) -> None:
    """Add the tools of this module."""

    @server.tool("image", "Returns an image of one red pixel.", title="Image", annotations=READ_ONLY)
    async def one_image() -> Any:
        return image(PIXEL, "image/png")

    @server.tool("audio", "Returns a short silence as audio.", title="Audio", annotations=READ_ONLY)
    async def one_audio() -> Any:
        return audio(SILENCE, "audio/wav")

    @server.tool("embedded", "Returns a resource embedded in the result.", title="Embedded", annotations=READ_ONLY)
    async def one_embedded() -> Any:
        return embedded("test://static-text", "A static text, the same at every reading.", "text/plain")

    @server.tool("link", "Returns links to resources of this server.", title="Link", annotations=READ_ONLY)
    async def some_links() -> Any:
        return [
            text("Two resources:"),
            link("test://static-text", "static-text", "A text", "text/plain"),
            link("test://static-binary", "static-binary", "An image", "image/png"),
        ]
