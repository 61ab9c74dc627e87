"""How models are spoken to over HTTP: the chat completions that many servers share with OpenAI, and Anthropic's
messages. A dialect makes requests and reads answers; it sends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reference_impl.client.settings import JsonObject
from reference_impl.host.errors import ModelError

__all__ = ["DIALECTS", "Dialect", "Prompt", "ToolCall", "Turn"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants called. `fault` says what is wrong with the call, where something is."""

    id: str
    name: str
    arguments: JsonObject
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What a model said: its text, the calls that it wants, why it stopped, and the message as it is."""

    text: str
    calls: tuple[ToolCall, ...]
    message: JsonObject
    model: str
    stopped: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is given: `messages` in its dialect, the system's words, tools as `{name, description, schema}`.

    `may_call` is False where it is to answer with words, though messages speak of tools. `extra` goes into the request
    as it is.
    """

    messages: Sequence[JsonObject]
    system: str = ""
    tools: Sequence[JsonObject] = ()
    most_tokens: int = 4096
    may_call: bool = True
    extra: Mapping[str, Any] | None = None


class Dialect(Protocol):
    """One way to speak to a model."""

    path: str
    """What is added to the base URL."""

    def headers(self, key: str) -> dict[str, str]:
        """Return the headers that authorize a request; none without a key."""
        ...

    def body(self, model: str, prompt: Prompt) -> JsonObject:
        """Return a request."""
        ...

    def turn(self, answer: JsonObject) -> Turn:
        """Read an answer. Raises `ModelError`."""
        ...

    def results(self, results: Sequence[tuple[str, str, bool]]) -> list[JsonObject]:
        """Return the messages that tell what became of calls: their ids, texts, and whether they failed."""
        ...


class _ChatCompletions:
    path = "/chat/completions"

    def headers(self, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}"} if key else {}

    def body(self, model: str, prompt: Prompt) -> JsonObject:
        system = [{"role": "system", "content": prompt.system}] if prompt.system else []
        body: JsonObject = {"model": model, "messages": [*system, *prompt.messages], "max_tokens": prompt.most_tokens}
        if prompt.tools:
            body["tools"] = [{"type": "function", "function": _function(tool)} for tool in prompt.tools]
            body["tool_choice"] = "auto" if prompt.may_call else "none"
        return body | dict(prompt.extra or {})

    def turn(self, answer: JsonObject) -> Turn:
        match answer:
            case {"choices": [{"message": dict(message), **choice}, *_]}:
                pass
            case _:
                raise ModelError("the model's answer has no message in choices")
        text = message.get("content")
        wanted = message.get("tool_calls")
        calls = tuple(_called(call) for call in wanted) if isinstance(wanted, list) else ()
        kept = {"role": "assistant", "content": text} | ({"tool_calls": wanted} if calls else {})
        stopped = str(choice.get("finish_reason") or "stop")
        return Turn(text if isinstance(text, str) else "", calls, kept, str(answer.get("model") or ""), stopped)

    def results(self, results: Sequence[tuple[str, str, bool]]) -> list[JsonObject]:
        return [
            {"role": "tool", "tool_call_id": name, "content": f"Error: {text}" if failed else text}
            for name, text, failed in results
        ]


def _function(tool: JsonObject) -> JsonObject:
    return {"name": tool["name"], "description": tool["description"], "parameters": tool["schema"]}


def _called(call: Any) -> ToolCall:
    match call:
        case {"id": str(name), "function": {"name": str(tool), "arguments": str(text)}}:
            pass
        case _:
            raise ModelError("the model's answer has a tool call without id, name or arguments")
    try:
        arguments = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return ToolCall(name, tool, {}, "the arguments are no JSON")
    if not isinstance(arguments, dict):
        return ToolCall(name, tool, {}, "the arguments are no object")
    return ToolCall(name, tool, arguments)


class _Messages:
    path = "/v1/messages"

    def headers(self, key: str) -> dict[str, str]:
        return {"anthropic-version": "2023-06-01"} | ({"x-api-key": key} if key else {})

    def body(self, model: str, prompt: Prompt) -> JsonObject:
        body: JsonObject = {"model": model, "max_tokens": prompt.most_tokens, "messages": list(prompt.messages)}
        if prompt.system:
            body["system"] = prompt.system
        if prompt.tools:
            body["tools"] = [
                {"name": tool["name"], "description": tool["description"], "input_schema": tool["schema"]}
                for tool in prompt.tools
            ]
            body["tool_choice"] = {"type": "auto" if prompt.may_call else "none"}
        return body | dict(prompt.extra or {})

    def turn(self, answer: JsonObject) -> Turn:
        blocks = answer.get("content")
        if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
            raise ModelError("the model's answer has no list of content")
        text = "".join(str(block.get("text") or "") for block in blocks if block.get("type") == "text")
        calls = tuple(_used(block) for block in blocks if block.get("type") == "tool_use")
        message = {"role": "assistant", "content": blocks}
        stopped = str(answer.get("stop_reason") or "end_turn")
        return Turn(text, calls, message, str(answer.get("model") or ""), stopped)

    def results(self, results: Sequence[tuple[str, str, bool]]) -> list[JsonObject]:
        blocks = [
            {"type": "tool_result", "tool_use_id": name, "content": text} | ({"is_error": True} if failed else {})
            for name, text, failed in results
        ]
        return [{"role": "user", "content": blocks}]


def _used(block: JsonObject) -> ToolCall:
    match block:
        case {"id": str(name), "name": str(tool), "input": dict(arguments)}:
            return ToolCall(name, tool, arguments)
        case {"id": str(name), "name": str(tool)}:
            return ToolCall(name, tool, {}, "the arguments are no object")
    raise ModelError("the model's answer has a tool use without id or name")


DIALECTS: dict[str, Dialect] = {"openai": _ChatCompletions(), "anthropic": _Messages()}
"""Name to dialect."""
