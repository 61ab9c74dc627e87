"""Prompts: plain, with arguments, with content, and enough of them to need pages."""

from __future__ import annotations

from typing import Any

from reference_impl.server import AdvancedMCPServer, embedded, image
from reference_impl.servers.everything.media import PIXEL

__all__ = ["register"]

_LANGUAGES = ("c", "go", "java", "javascript", "kotlin", "python", "ruby", "rust", "swift", "typescript")


def register(server: AdvancedMCPServer) -> None:
    """Add prompts and their completions."""
    _add_fixtures(server)
    _add_fixtures_with_content(server)

    @server.prompt(
        "review",
        "Asks for a review of some code.",
        [
            {"name": "code", "description": "The code", "required": True},
            {"name": "language", "description": "Its language", "required": False},
        ],
        title="Code review",
    )
    async def review(code: str, language: str = "python") -> str:
        return f"Please review this {language} code:\n\n{code}"

    @server.completion("review", "language")
    async def complete_language(value: str, _known: dict[str, str]) -> list[str]:
        return [name for name in _LANGUAGES if name.startswith(value.lower())]

    @server.prompt("conversation", "Starts a conversation of two messages.", title="Conversation")
    async def conversation() -> list[dict[str, Any]]:
        return [
            {"role": "user", "content": {"type": "text", "text": "What can you do?"}},
            {"role": "assistant", "content": {"type": "text", "text": "Ask me to echo something."}},
        ]


def _add_fixtures(server: AdvancedMCPServer) -> None:
    @server.prompt("test_simple_prompt", "A prompt without arguments.")
    async def simple() -> str:
        return "Please say something about tests."

    @server.prompt(
        "test_prompt_with_arguments",
        "A prompt with two arguments.",
        [
            {"name": "arg1", "description": "First argument", "required": True},
            {"name": "arg2", "description": "Second argument", "required": True},
        ],
    )
    async def with_arguments(arg1: str, arg2: str) -> str:
        return f"Please compare '{arg1}' with '{arg2}'."

    @server.completion("test_prompt_with_arguments", "arg1")
    async def complete_first(value: str, _known: dict[str, str]) -> list[str]:
        return [word for word in ("paris", "park", "party") if word.startswith(value)]


def _add_fixtures_with_content(server: AdvancedMCPServer) -> None:
    @server.prompt(
        "test_prompt_with_embedded_resource",
        "A prompt that embeds a resource.",
        [{"name": "resourceUri", "description": "URI of the resource", "required": True}],
    )
    async def with_resource(resourceUri: str) -> list[Any]:  # noqa: N803 - the argument's name on the wire
        return [
            embedded(resourceUri, "What the prompt embeds.", "text/plain"),
            "Please sum up this resource.",
        ]

    @server.prompt("test_prompt_with_image", "A prompt that shows an image.")
    async def with_image() -> list[Any]:
        return [image(PIXEL, "image/png"), "Please describe this image."]
