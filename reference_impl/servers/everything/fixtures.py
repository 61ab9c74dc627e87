"""The tools that conformance suites look for by name (`test_*`), and what these are expected to say."""

from __future__ import annotations

import asyncio
from typing import Any

from reference_impl.protocol.messages import encode_json
from reference_impl.server import AdvancedMCPServer, Context, ToolError, audio, embedded, image, text
from reference_impl.servers.everything.asking import answer_of
from reference_impl.servers.everything.media import PIXEL, SILENCE
from reference_impl.servers.everything.tools import MUTATING, READ_ONLY

__all__ = ["register"]

_PAUSE = 0.05

_ADDRESS = {"type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}
_CONTACT = {"contactMethod": {"type": "string", "enum": ["phone", "email"]}}
_FULL_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": {"$anchor": "addressDef", **_ADDRESS}},
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        **_CONTACT,
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}, {"required": ["name"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": []},
    "additionalProperties": False,
}

_DEFAULTS_FORM = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "Name of the user", "default": "John Doe"},
        "age": {"type": "integer", "description": "Age of the user", "default": 30},
        "score": {"type": "number", "description": "Score of the user", "default": 95.5},
        "status": {
            "type": "string",
            "description": "Status of the user",
            "enum": ["active", "inactive", "pending"],
            "default": "active",
        },
        "verified": {"type": "boolean", "description": "Whether the user is verified", "default": True},
    },
    "required": [],
}

_TITLED = [
    {"const": f"value{number}", "title": f"{word} option"}
    for number, word in enumerate(("First", "Second", "Third"), 1)
]
_PLAIN = ["option1", "option2", "option3"]
_ENUMS_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "description": "One of three", "enum": _PLAIN},
        "titledSingle": {"type": "string", "description": "One of three, with titles", "oneOf": _TITLED},
        "legacyEnum": {
            "type": "string",
            "description": "One of three, with titles beside",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option one", "Option two", "Option three"],
        },
        "untitledMulti": {
            "type": "array",
            "description": "One to three",
            "minItems": 1,
            "maxItems": 3,
            "items": {"type": "string", "enum": _PLAIN},
        },
        "titledMulti": {
            "type": "array",
            "description": "One to three, with titles",
            "minItems": 1,
            "maxItems": 3,
            "items": {"anyOf": _TITLED},
        },
    },
    "required": [],
}


def register(server: AdvancedMCPServer) -> None:
    """Add the tools of this module."""
    for add in (_add_content, _add_unusual, _add_running, _add_streaming, _add_asking, _add_forms, _add_changing):
        add(server)


def _add_content(server: AdvancedMCPServer) -> None:
    @server.tool("test_simple_text", "Returns a simple text.", annotations=READ_ONLY)
    async def simple_text() -> str:
        return "A short text, always the same."

    @server.tool("test_image_content", "Returns an image.", annotations=READ_ONLY)
    async def image_content() -> Any:
        return image(PIXEL, "image/png")

    @server.tool("test_audio_content", "Returns audio.", annotations=READ_ONLY)
    async def audio_content() -> Any:
        return audio(SILENCE, "audio/wav")

    @server.tool("test_embedded_resource", "Returns an embedded resource.", annotations=READ_ONLY)
    async def embedded_resource() -> Any:
        return embedded("test://embedded-resource", "What the embedded resource says.", "text/plain")

    @server.tool("test_multiple_content_types", "Returns a text, an image and a resource.", annotations=READ_ONLY)
    async def multiple_content_types() -> Any:
        body = encode_json({"test": "data", "value": 123}).decode()
        resource = embedded("test://mixed-content-resource", body, "application/json")
        return [text("A text, an image and a resource:"), image(PIXEL, "image/png"), resource]


def _add_unusual(server: AdvancedMCPServer) -> None:
    @server.tool(
        "json_schema_2020_12_tool", "Has an input schema with many keywords.", _FULL_SCHEMA, annotations=READ_ONLY
    )
    async def full_schema(**arguments: Any) -> str:
        return f"Called with {encode_json(arguments).decode()}"

    @server.tool("test_error_handling", "Always fails.", annotations=READ_ONLY)
    async def error_handling() -> str:
        raise ToolError("This tool fails whenever it is called")


def _add_running(server: AdvancedMCPServer) -> None:
    @server.tool("test_tool_with_logging", "Logs three messages while it runs.", annotations=READ_ONLY)
    async def with_logging(context: Context) -> str:
        for number, step in enumerate(("begun", "got half way", "ended")):
            await asyncio.sleep(_PAUSE if number else 0)
            context.log("info", f"The work has {step}")
        return "Three messages were logged"

    @server.tool("test_logging_tool", "Logs one message, to clients that want it.", annotations=READ_ONLY)
    async def logging_tool(context: Context) -> str:
        context.log("info", "A message of the logging tool")
        return "Logged"

    @server.tool("test_missing_capability", "Needs a client with sampling.", annotations=READ_ONLY)
    async def missing_capability(context: Context) -> str:
        if not context.revision.modern and "sampling" not in context.capabilities:
            raise ToolError("This tool needs a client with sampling")
        context.require("sampling")
        return "The client has sampling"


def _add_streaming(server: AdvancedMCPServer) -> None:
    @server.tool("test_tool_with_progress", "Reports progress in three steps.", annotations=READ_ONLY)
    async def with_progress(context: Context) -> str:
        for number, step in enumerate((0, 50, 100)):
            await asyncio.sleep(_PAUSE if number else 0)
            context.progress(step, 100, f"{step} of 100 done")
        return str(context.progress_token)

    @server.tool(
        "test_reconnection", "Lets the connection go before it answers; the client resumes.", annotations=READ_ONLY
    )
    async def reconnection(context: Context) -> str:
        context.close_stream()
        await asyncio.sleep(2 * _PAUSE)
        return "The client came back for this."


async def _elicit(context: Context, message: str, form: dict[str, Any]) -> str:
    answer = await context.elicit(message, form)
    return f"action={answer['action']}, content={encode_json(answer.get('content', {})).decode()}"


def _add_asking(server: AdvancedMCPServer) -> None:
    @server.tool("test_sampling", "Asks the client's model.", annotations=READ_ONLY)
    async def sampling(context: Context, prompt: str) -> str:
        answer = await context.sample([{"role": "user", "content": text(prompt)}], 100)
        return f"The model answers: {answer_of(answer)}"

    one_field = {"type": "string", "description": "The user's response"}
    form = {"type": "object", "properties": {"response": one_field}, "required": ["response"]}

    @server.tool("test_elicitation", "Asks the user for a text.", annotations=READ_ONLY)
    async def elicitation(context: Context, message: str) -> str:
        return f"The user answered: {await _elicit(context, message, form)}"

    @server.tool("test_streaming_elicitation", "Reports progress, then asks the user.", annotations=READ_ONLY)
    async def streaming_elicitation(context: Context) -> str:
        context.progress(1, 2, "About to ask")
        return f"The user answered: {await _elicit(context, 'Please respond', form)}"


def _add_forms(server: AdvancedMCPServer) -> None:
    @server.tool("test_elicitation_sep1034_defaults", "Asks with a form of defaults.", annotations=READ_ONLY)
    async def elicitation_defaults(context: Context) -> str:
        answer = await _elicit(context, "Please review the fields", _DEFAULTS_FORM)
        return f"The form came back: {answer}"

    @server.tool("test_elicitation_sep1330_enums", "Asks with a form of choices.", annotations=READ_ONLY)
    async def elicitation_enums(context: Context) -> str:
        fields = _ENUMS_FORM["properties"]
        if not context.revision.url_elicitation:  # before, forms had no choices of several
            fields = {name: field for name, field in fields.items() if field["type"] != "array"}
        answer = await _elicit(context, "Please choose", _ENUMS_FORM | {"properties": fields})
        return f"The form came back: {answer}"


def _add_changing(server: AdvancedMCPServer) -> None:
    @server.tool("test_trigger_tool_change", "Changes the list of tools.", annotations=MUTATING)
    async def trigger_tool_change() -> str:
        name = "triggered_tool"
        if name in server.tools:
            server.remove("tools", name)
        else:
            server.tool(name, "Appeared by a trigger.", annotations=READ_ONLY)(_triggered)
        return "The list of tools has changed"

    @server.tool("test_trigger_prompt_change", "Changes the list of prompts.", annotations=MUTATING)
    async def trigger_prompt_change() -> str:
        name = "triggered_prompt"
        if name in server.prompts:
            server.remove("prompts", name)
        else:
            server.prompt(name, "Appeared by a trigger.")(_triggered)
        return "The list of prompts has changed"

    @server.tool("test_trigger_resource_change", "Changes the list of resources.", annotations=MUTATING)
    async def trigger_resource_change() -> str:
        uri = "test://triggered"
        if uri in server.resources:
            server.remove("resources", uri)
        else:
            server.resource(uri, "triggered", "Appeared by a trigger.")(_triggered)
        return "The list of resources has changed"


async def _triggered() -> str:
    return "Triggered"
