"""Requests in several rounds (`basic/patterns/mrtr`): the tools and the prompt that suites of that revision look
for."""

from __future__ import annotations

from typing import Any

from reference_impl.server import AdvancedMCPServer, Context, text
from reference_impl.server.inputs import Question
from reference_impl.servers.everything.asking import answer_of
from reference_impl.servers.everything.tools import READ_ONLY

__all__ = ["register"]


def _form(name: str, kind: str = "string") -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}


def _elicit(message: str, name: str, kind: str = "string") -> Question:
    return Question("elicitation/create", {"mode": "form", "message": message, "requestedSchema": _form(name, kind)})


def _sample(prompt: str) -> Question:
    message = {"role": "user", "content": text(prompt)}
    return Question("sampling/createMessage", {"messages": [message], "maxTokens": 50})


_NAME = _elicit("What is your name?", "name")


def register(server: AdvancedMCPServer) -> None:
    """Add the tools and the prompt of this module."""
    _add_single(server)
    _add_stateful(server)
    _add_several(server)

    @server.prompt("test_input_required_result_prompt", "A prompt that asks for context first.")
    async def prompt(context: Context) -> str:
        question = _elicit("What should the prompt know?", "context")
        answers = await context.ask({"user_context": question})
        return f"Use this context: {_content(answers['user_context']).get('context', 'none')}"


def _content(answer: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = answer.get("content") or {}
    return content


def _add_single(server: AdvancedMCPServer) -> None:
    @server.tool("test_input_required_result_elicitation", "Asks for a name.", annotations=READ_ONLY)
    async def elicitation(context: Context) -> str:
        answers = await context.ask({"user_name": _NAME})
        return f"Hello, {_content(answers['user_name']).get('name', 'stranger')}!"

    @server.tool("test_input_required_result_sampling", "Asks for a completion.", annotations=READ_ONLY)
    async def sampling(context: Context) -> str:
        answers = await context.ask({"capital_question": _sample("What is the capital of France?")})
        return answer_of(answers["capital_question"])

    @server.tool("test_input_required_result_list_roots", "Asks for roots.", annotations=READ_ONLY)
    async def list_roots(context: Context) -> str:
        answers = await context.ask({"client_roots": Question("roots/list")})
        return "\n".join(root["uri"] for root in answers["client_roots"]["roots"]) or "No roots"


def _add_stateful(server: AdvancedMCPServer) -> None:
    async def confirmed(context: Context) -> str:
        answers = await context.ask({"confirm": _elicit("Please confirm", "ok", "boolean")})
        return f"state-ok: {_content(answers['confirm']).get('ok', False)}"

    for name in ("test_input_required_result_request_state", "test_input_required_result_tampered_state"):
        server.tool(name, "Asks for a confirmation and checks the state that comes back.", annotations=READ_ONLY)(
            confirmed
        )


def _add_several(server: AdvancedMCPServer) -> None:
    @server.tool("test_input_required_result_multiple_inputs", "Asks for three things at once.", annotations=READ_ONLY)
    async def multiple_inputs(context: Context) -> str:
        answers = await context.ask(
            {"user_name": _NAME, "greeting": _sample("Greet somebody"), "client_roots": Question("roots/list")}
        )
        return f"{answer_of(answers['greeting'])} {_content(answers['user_name']).get('name', '')}".strip()

    @server.tool("test_input_required_result_multi_round", "Asks twice, one after the other.", annotations=READ_ONLY)
    async def multi_round(context: Context) -> str:
        first = await context.ask({"step1": _elicit("First: what are you called?", "name")})
        second = await context.ask({"step2": _elicit("Second: which color do you like best?", "color")})
        return f"{_content(first['step1']).get('name')} likes {_content(second['step2']).get('color')}"

    @server.tool(
        "test_input_required_result_capabilities", "Asks only for what the client can do.", annotations=READ_ONLY
    )
    async def capabilities(context: Context) -> str:
        able = {"sampling": _sample("Say hello"), "elicitation": _NAME, "roots": Question("roots/list")}
        questions = {name: question for name, question in able.items() if name in context.capabilities}
        answers = await context.ask(questions)
        return f"Asked for {', '.join(answers) or 'nothing'}"
