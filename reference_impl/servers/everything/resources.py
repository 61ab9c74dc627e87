"""Resources: fixed, binary, templated, watched, and enough of them to need pages."""

from __future__ import annotations

from reference_impl.protocol.messages import encode_json
from reference_impl.server import AdvancedMCPServer, ResourceNotFoundError
from reference_impl.servers.everything.media import PIXEL

__all__ = ["register"]

_PARAGRAPHS = 12


def register(server: AdvancedMCPServer) -> None:
    """Add resources, templates and their completions."""
    _add_fixed(server)
    _add_templates(server)
    for number in range(1, _PARAGRAPHS + 1):
        _add_paragraph(server, number)


def _add_fixed(server: AdvancedMCPServer) -> None:
    @server.resource("test://static-text", "static-text", "A text that never changes.", mimeType="text/plain")
    async def static_text() -> str:
        return "A static text, the same at every reading."

    @server.resource("test://static-binary", "static-binary", "An image of one pixel.", mimeType="image/png")
    async def static_binary() -> bytes:
        return PIXEL

    @server.resource("test://watched-resource", "watched-resource", "A text to subscribe to.", mimeType="text/plain")
    async def watched() -> str:
        return "A text that somebody may watch"


def _add_templates(server: AdvancedMCPServer) -> None:
    @server.resource("test://template/{id}/data", "template-data", "Data for any id.", mimeType="application/json")
    async def template_data(id: str) -> str:  # noqa: A002 - the name of the template's variable
        return encode_json({"id": id, "templateTest": True, "data": f"Data for ID: {id}"}).decode()

    @server.resource("test://square/{number}", "square", "The square of a whole number.", mimeType="text/plain")
    async def square(number: str) -> str:
        if not (number.isascii() and number.isdigit() and len(number) <= 20):
            raise ResourceNotFoundError(number)
        return str(int(number) ** 2)

    @server.resource("test://echo/{+path}", "echo-path", "The path itself, slashes included.", mimeType="text/plain")
    async def echo_path(path: str) -> str:
        return path

    @server.completion("test://template/{id}/data", "id")
    async def complete_id(value: str, _known: dict[str, str]) -> list[str]:
        return [str(number) for number in range(1, 201) if str(number).startswith(value)]


def _add_paragraph(server: AdvancedMCPServer, number: int) -> None:
    @server.resource(
        f"test://paragraph/{number}",
        f"paragraph-{number}",
        f"Paragraph {number} of {_PARAGRAPHS}.",
        mimeType="text/plain",
    )
    async def paragraph() -> str:
        return f"This is paragraph {number}."
