"""Tools that run as tasks, among them those that conformance suites look for by name (the extension's `greet`,
`slow_compute`, `failing_job` and their kin)."""

from __future__ import annotations

import asyncio
from typing import Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.server import AdvancedMCPServer, Context, ToolError
from reference_impl.server.inputs import Question
from reference_impl.servers.everything.tools import READ_ONLY

__all__ = ["register"]

_MOST_SECONDS = 300
_PAUSE = 0.2


def register(server: AdvancedMCPServer) -> None:
    """Add the tools of this module."""
    for add in (_add_plain, _add_slow, _add_failing, _add_asking, _add_late):
        add(server)


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _add_plain(server: AdvancedMCPServer) -> None:
    name = {"type": "string", "description": "Whom to greet"}

    @server.tool("greet", "Greets somebody, never as a task.", _object({"name": name}, "name"), annotations=READ_ONLY)
    async def greet(name: str) -> str:
        return f"Hello, {name}!"


def _add_slow(server: AdvancedMCPServer) -> None:
    seconds = {
        "type": "number",
        "minimum": 0,
        "maximum": _MOST_SECONDS,
        "default": 0.1,
        "description": "How long to take",
    }
    label = {"type": "string", "description": "What to call the work", "default": "work"}

    @server.tool(
        "slow_compute",
        "Computes for the given number of seconds, as a task for clients that can handle one.",
        _object({"seconds": seconds, "label": label}),
        annotations=READ_ONLY,
        taskSupport="optional",
    )
    async def slow_compute(context: Context, seconds: float = 0.1, label: str = "work") -> str:
        context.progress(0, seconds or 1, f"Computing {label}")
        await asyncio.sleep(seconds)
        return f"Computed {label} for {seconds:g} s"


def _add_failing(server: AdvancedMCPServer) -> None:
    @server.tool(
        "failing_job",
        "Fails after a while, with an error result; can only be called as a task.",
        annotations=READ_ONLY,
        taskSupport="required",
    )
    async def failing_job() -> str:
        await asyncio.sleep(_PAUSE)
        raise ToolError("This job fails whenever it is run")

    @server.tool(
        "protocol_error_job",
        "Comes to a protocol error after a while; can only be called as a task.",
        annotations=READ_ONLY,
        taskSupport="required",
    )
    async def protocol_error_job() -> str:
        await asyncio.sleep(_PAUSE)
        raise RemoteProtocolError(Code.INTERNAL_ERROR, "This job comes to a protocol error")


def _form(name: str, kind: str, description: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": kind, "description": description}}, "required": [name]}


def _elicitation(message: str, form: dict[str, Any]) -> Question:
    return Question("elicitation/create", {"mode": "form", "message": message, "requestedSchema": form})


def _add_asking(server: AdvancedMCPServer) -> None:
    filename = {"type": "string", "description": "Which file to speak of", "default": "notes.txt"}

    @server.tool(
        "confirm_delete",
        "Asks the user whether to delete a file, in the middle of a task. Nothing is deleted.",
        _object({"filename": filename}),
        annotations=READ_ONLY,
        taskSupport="optional",
    )
    async def confirm_delete(context: Context, filename: str = "notes.txt") -> str:
        answer = await context.elicit(f"Delete {filename}?", _form("confirm", "boolean", "Whether to delete it"))
        sure = answer["action"] == "accept" and answer["content"].get("confirm") is True
        return f"{filename} {'would be deleted' if sure else 'stays'}"

    @server.tool(
        "multi_input",
        "Asks the user two things at once, in the middle of a task.",
        annotations=READ_ONLY,
        taskSupport="optional",
    )
    async def multi_input(context: Context) -> str:
        answers = await context.ask(
            {
                "name": _elicitation("What is your name?", _form("name", "string", "A name")),
                "confirm": _elicitation("Are you sure?", _form("confirm", "boolean", "Whether you are sure")),
            }
        )
        return ", ".join(f"{key}: {answer['action']}" for key, answer in answers.items())


def _add_late(server: AdvancedMCPServer) -> None:
    form = _form("name", "string", "A name")

    @server.tool(
        "test_tool_with_task",
        "Asks for a name first, and goes on as a task then.",
        annotations=READ_ONLY,
        taskSupport="required",
        begins="handler",
    )
    async def tool_with_task(context: Context) -> str:
        answer = await context.elicit("What is your name?", form, "user_name")
        await context.begin_task()
        return f"Hello, {answer.get('content', {}).get('name', 'stranger')}"

    @server.tool(
        "ask_at_leisure",
        "Asks the user something that may take long, as a task of the client's where it can handle one.",
        annotations=READ_ONLY,
    )
    async def ask_at_leisure(context: Context) -> str:
        answer = await context.elicit("What is your name?", form, as_task=True)
        return f"{answer['action']}: {answer.get('content', {}).get('name', '')}"
