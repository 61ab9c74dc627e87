"""Tools that ask the client: for a form, a completion, its roots."""

from __future__ import annotations

from typing import Any

from reference_impl.server import AdvancedMCPServer, Context
from reference_impl.servers.everything.tools import READ_ONLY

__all__ = ["answer_of", "register"]

_NAME_FORM = {
    "type": "object",
    "properties": {"name": {"type": "string", "title": "Name", "description": "How to greet you"}},
    "required": ["name"],
}


def answer_of(result: dict[str, Any]) -> str:
    """Return the text of a `CreateMessageResult`."""
    content = result["content"]
    blocks = content if isinstance(content, list) else [content]
    return " ".join(block.get("text", f"[{block.get('type')}]") for block in blocks if isinstance(block, dict))


def register(server: AdvancedMCPServer) -> None:
    """Add the tools of this module."""

    @server.tool("ask", "Asks the user for a name and greets them.", title="Ask", annotations=READ_ONLY)
    async def ask(context: Context, question: str = "What is your name?") -> str:
        answer = await context.elicit(question, _NAME_FORM)
        if answer["action"] != "accept":
            return f"The user chose to {answer['action']}"
        return f"Hello, {answer['content']['name']}"

    @server.tool("visit", "Asks the user to visit a page outside the client.", title="Visit", annotations=READ_ONLY)
    async def visit(context: Context) -> str:
        answer = await context.elicit_url("Please read this page", "https://modelcontextprotocol.io/")
        return f"The user chose to {answer['action']}"

    @server.tool("sample", "Asks the client's model to answer a prompt.", title="Sample", annotations=READ_ONLY)
    async def sample(context: Context, prompt: str = "Say hello.") -> str:
        message = {"role": "user", "content": {"type": "text", "text": prompt}}
        return f"The model said: {answer_of(await context.sample([message], 100))}"

    @server.tool("roots", "Asks the client for its roots and lists them.", title="Roots", annotations=READ_ONLY)
    async def roots(context: Context) -> str:
        found = await context.roots()
        return "\n".join(root["uri"] for root in found) or "No roots"
