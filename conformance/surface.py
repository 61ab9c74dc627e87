"""What a target offers, read from the target itself: its lists, and from them the stimuli that checks need.

A stimulus is something the target must have for a check to say anything: a tool that may be called, one that is slow,
a resource to read. Where there is none the check is blocked, and its reason says what would unblock it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.samples import simplest
from reference_impl.protocol.methods import PAGINATED

if TYPE_CHECKING:
    from conformance.peer import Peer

__all__ = ["Permission", "Surface", "ToolCall", "free_string", "gather", "lasting", "prompt_arguments", "task_support"]

_PAGES = 50
"""Pages of one list that are followed; a longer list is judged by its beginning."""

_CALLS = 16
"""Tools that a check calls where it calls many."""

_SLOW = ("slow", "sleep", "wait", "delay", "long")
"""What the names of tools that take their time have in common."""
_SECONDS = ("seconds", "duration", "delay", "duration_seconds", "time")
_FIXTURES = frozenset(
    {
        *("test_simple_text", "test_image_content", "test_audio_content", "test_embedded_resource"),
        *("test_multiple_content_types", "test_error_handling", "test_tool_with_logging", "test_logging_tool"),
        *("test_tool_with_progress", "test_reconnection", "test_sampling", "test_elicitation"),
        *("test_streaming_elicitation", "test_elicitation_sep1034_defaults", "test_elicitation_sep1330_enums"),
        *("test_missing_capability", "test_custom_headers", "test_custom_headers_null", "json_schema_2020_12_tool"),
        *("test_input_required_result_elicitation", "test_input_required_result_sampling"),
        *("test_input_required_result_list_roots", "test_input_required_result_request_state"),
        *("test_input_required_result_tampered_state", "test_input_required_result_multiple_inputs"),
        *("test_input_required_result_multi_round", "test_input_required_result_capabilities"),
        *("trigger-elicitation-request", "trigger-sampling-request", "trigger-url-elicitation", "get-roots-list"),
        *("trigger-sampling-request-async", "trigger-elicitation-request-async", "simulate-research-query"),
        *("trigger-long-running-operation", "sampleLLM", "startElicitation"),
    }
)
"""Tools of everything-servers, whose names the official suite and `server-everything` have for the sake of tests, and
which change nothing: whoever offers one under such a name wants it called."""
_ECHO = ("text", "message", "input", "value", "msg")


@dataclass(frozen=True, slots=True)
class Permission:
    """Which tools may be called: those that say they are read-only, those that the user named, and the fixtures of
    everything-servers.

    `samples` are arguments that the user gave, by tool name; `asking` names tools that ask their client for something
    where it can be asked.
    """

    allowed: frozenset[str] = frozenset()
    samples: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    asking: frozenset[str] = frozenset()

    def grants(self, tool: Mapping[str, Any]) -> bool:
        """Whether a tool may be called."""
        annotations = tool.get("annotations")
        read_only = isinstance(annotations, dict) and annotations.get("readOnlyHint") is True
        return read_only or tool.get("name") in self.allowed or tool.get("name") in _FIXTURES


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that may be made: the tool as listed, and valid arguments for it."""

    tool: dict[str, Any]
    arguments: dict[str, Any]

    @property
    def params(self) -> dict[str, Any]:
        """The params of a `tools/call` request."""
        return {"name": self.tool["name"], "arguments": self.arguments}


@dataclass(slots=True)
class Surface:
    """The lists of one target at one revision; each holds the items as they came, objects only."""

    permission: Permission = field(default_factory=Permission)
    tools: list[dict[str, Any]] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    templates: list[dict[str, Any]] = field(default_factory=list)
    prompts: list[dict[str, Any]] = field(default_factory=list)

    def input_schema(self, name: object) -> Any:
        """Return the input schema of a tool, or None."""
        return next((tool.get("inputSchema") for tool in self.tools if tool.get("name") == name), None)

    def calls(self) -> Iterator[ToolCall]:
        """Every tool that may be called, with the simplest valid arguments; the well-behaved order of the list."""
        return (call for call in self._permitted() if task_support(call.tool) != "required")

    def task_calls(self) -> Iterator[ToolCall]:
        """Every call that may be made as a task (2025-11-25 `basic/utilities/tasks#tool-level-negotiation`)."""
        return (call for call in self._permitted() if task_support(call.tool) in ("optional", "required"))

    def _permitted(self) -> Iterator[ToolCall]:
        for tool in self.tools:
            if isinstance(tool.get("name"), str) and self.permission.grants(tool):
                arguments = self.permission.samples.get(tool["name"]) or simplest(tool.get("inputSchema"))
                if isinstance(arguments, dict):
                    yield ToolCall(tool, arguments)

    def is_slow(self, call: ToolCall) -> bool:
        """Whether a tool's name says that it takes its time."""
        return _is_slow(call.tool)

    def need_call(self) -> ToolCall:
        """Return a quick call. Raises `Inapplicable` without tools, `Blocked` if none may be called."""
        return self.need_calls()[0]

    def need_calls(self) -> list[ToolCall]:
        """Return the first quick calls. Raises `Inapplicable` without tools, `Blocked` if none may be called."""
        calls = [call for call in self.calls() if not _is_slow(call.tool)]
        if calls:
            return calls[:_CALLS]
        if not self.tools:
            raise Inapplicable("the target lists no tools")
        raise Blocked("no tool may be called: none has readOnlyHint, none was allowed (--allow NAME)")

    def need_echo(self) -> tuple[ToolCall, str]:
        """Return a call with the name of a free string argument, whose text may be of any size and content."""
        for call in self.calls():
            member = free_string(call.tool.get("inputSchema"))
            if member is not None and not _is_slow(call.tool):
                return call, member
        self.need_call()
        raise Blocked("no tool that may be called takes a free string argument")

    def need_slow(self, seconds: float) -> ToolCall:
        """Return a call that takes about that long, more where only whole seconds can be asked for.

        Raises `Blocked` if no such tool is known.
        """
        slow = (made for call in self.calls() if (made := lasting(call, seconds)) is not None)
        if self.tools and (found := next(slow, None)) is not None:
            return found
        if not self.tools:
            raise Inapplicable("the target lists no tools")
        raise Blocked("no tool that may be called is known to be slow (a name such as sleep, an argument seconds)")

    def need_resource(self) -> dict[str, Any]:
        """Return a listed resource. Raises `Blocked` if there is none."""
        for resource in self.resources:
            if isinstance(resource.get("uri"), str):
                return resource
        raise Blocked("the target lists no resources")

    def need_prompt(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return a listed prompt and arguments for it. Raises `Blocked` if there is none."""
        for prompt in self.prompts:
            if isinstance(prompt.get("name"), str):
                return prompt, prompt_arguments(prompt)
        raise Blocked("the target lists no prompts")

    def completions(self) -> Iterator[dict[str, Any]]:
        """Params of `completion/complete` for each argument of a listed prompt and variable of a listed template."""
        for prompt in self.prompts:
            arguments = prompt.get("arguments")
            for argument in arguments if isinstance(arguments, list) else []:
                if isinstance(argument, dict) and isinstance(argument.get("name"), str):
                    yield _completion({"type": "ref/prompt", "name": prompt.get("name")}, argument["name"])
        for template in self.templates:
            uri = template.get("uriTemplate")
            for name in _VARIABLE.findall(uri) if isinstance(uri, str) else []:
                yield _completion({"type": "ref/resource", "uri": uri}, name)


_VARIABLE = re.compile(r"\{[+#./;?&]?([A-Za-z0-9_]+)[^}]*\}")
"""The first variable of each expression of a URI template."""


def _completion(reference: dict[str, Any], argument: str) -> dict[str, Any]:
    return {"ref": reference, "argument": {"name": argument, "value": ""}}


def task_support(tool: Mapping[str, Any]) -> Any:
    """Return what a tool says of tasks; None where it says nothing, which means "forbidden"."""
    execution = tool.get("execution")
    return execution.get("taskSupport") if isinstance(execution, dict) else None


def lasting(call: ToolCall, seconds: float) -> ToolCall | None:
    """Return the call, of a tool known to be slow, so that it lasts about that long; None if that cannot be had."""
    from conformance.dialects import misfit  # not for who only names what may be called

    for arguments in _lasting(call, seconds) if _is_slow(call.tool) else ():
        if misfit(call.tool.get("inputSchema"), arguments) is None:
            return ToolCall(call.tool, arguments)
    return None


def _is_slow(tool: Mapping[str, Any]) -> bool:
    return any(word in str(tool.get("name", "")).lower() for word in _SLOW)


def _lasting(call: ToolCall, seconds: float) -> Iterator[dict[str, Any]]:
    """Arguments of a call that make it last: as asked for, else whole seconds, written as integers are."""
    schema = call.tool.get("inputSchema")
    members = schema.get("properties") if isinstance(schema, dict) else None
    name = next((name for name in _SECONDS if name in members), None) if isinstance(members, dict) else None
    if name is not None:
        for value in (seconds, math.ceil(seconds)) if seconds % 1 else (int(seconds),):
            yield {**call.arguments, name: value}


def free_string(schema: Any) -> str | None:
    """Return the name of an argument that takes a text of any size and content, if an input schema has one."""
    members = schema.get("properties") if isinstance(schema, dict) else None
    for name in _ECHO:
        member = members.get(name) if isinstance(members, dict) else None
        if isinstance(member, dict) and member.get("type") == "string" and not member.keys() & _LIMITS:
            return name
    return None


_LIMITS = {"enum", "const", "pattern", "format", "maxLength"}


def prompt_arguments(prompt: Mapping[str, Any]) -> dict[str, str]:
    """Return a value for each argument that a prompt requires."""
    arguments = prompt.get("arguments")
    listed = arguments if isinstance(arguments, list) else []
    return {argument["name"]: "a" for argument in listed if isinstance(argument, dict) and argument.get("required")}


async def gather(peer: Peer) -> None:
    """Fill the peer's surface from the lists whose capability is declared; what fails is left to the checks."""
    surface = peer.surface
    places = (surface.tools, surface.prompts, surface.resources, surface.templates)
    for (method, member), place in zip(PAGINATED.items(), places, strict=True):
        if method.partition("/")[0] in peer.capabilities:
            place.extend([item async for item in _items(peer, method, member)])


async def _items(peer: Peer, method: str, member: str) -> Any:
    cursor: str | None = None
    for _ in range(_PAGES):
        try:
            answer = await peer.request(method, None if cursor is None else {"cursor": cursor})
        except Mismatch:
            return
        page = answer.result if isinstance(answer.result, dict) else {}
        items = page.get(member)
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                yield item
        following = page.get("nextCursor")
        if not isinstance(following, str) or following == cursor or not (following or peer.revision.modern):
            return
        cursor = following
