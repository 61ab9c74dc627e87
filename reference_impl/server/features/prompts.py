"""`prompts/list` and `prompts/get` (`server/prompts`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.server.content import adapt, text
from reference_impl.server.context import Context
from reference_impl.server.definitions import Prompt
from reference_impl.server.exchange import Exchange
from reference_impl.server.inputs import InputRequired, Inputs
from reference_impl.server.middleware import Invocation
from reference_impl.server.pagination import page
from reference_impl.server.scopes import visible

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["get_prompt", "list_prompts"]


async def list_prompts(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Return one page of prompts."""
    items = visible(server, "prompts", exchange.revision)
    return page("prompts/list", items, params, server.page_size("prompts/list"))


async def get_prompt(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Fill in a prompt. Its handler returns a string, a content block, or a list of messages."""
    prompt, arguments = _target(server, params)
    inputs = Inputs.of(exchange, server.seal)
    context = Context(server, exchange, inputs)
    try:
        value = await server.invoke(Invocation("prompt", prompt.name, prompt, arguments, context))
    except InputRequired as required:
        return inputs.result(required, exchange, server.seal)
    messages = [_message(item, exchange) for item in (value if isinstance(value, list) else [value])]
    result: dict[str, Any] = {"messages": messages}
    if "description" in prompt.wire:
        result["description"] = prompt.wire["description"]
    return result


def _message(item: Any, exchange: Exchange) -> dict[str, Any]:
    if isinstance(item, str):
        item = text(item)
    if "role" not in item:
        item = {"role": "user", "content": item}
    return {"role": item["role"], "content": adapt([item["content"]], exchange.revision)[0]}


def _target(server: AdvancedMCPServer, params: dict[str, Any]) -> tuple[Prompt, dict[str, str]]:
    name, arguments = params.get("name"), params.get("arguments")
    if not isinstance(name, str):
        raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: name must be a string")
    prompt = server.prompts.get(name)
    if prompt is None:
        raise RemoteProtocolError(Code.INVALID_PARAMS, f"Unknown prompt: {name}")
    arguments = {} if arguments is None else arguments
    if not isinstance(arguments, dict) or not all(isinstance(value, str) for value in arguments.values()):
        raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: arguments must map names to strings")
    missing = sorted(prompt.required - arguments.keys())
    if missing:
        raise RemoteProtocolError(Code.INVALID_PARAMS, f"Invalid params: missing argument {', '.join(missing)}")
    return prompt, {key: value for key, value in arguments.items() if key in prompt.arguments}
