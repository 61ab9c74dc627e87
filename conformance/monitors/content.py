"""Monitors of what results carry: base64, embedded resources, keys of metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.meta_keys import key_flaw
from conformance.monitors.traffic import Asked, messages, requests
from conformance.transcript import Conversation, Direction

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*")
"""The alphabet of RFC 4648, section 4. Line breaks and missing padding pass: decoders differ about them."""
_FOREIGN = frozenset(
    {"structuredContent", "inputSchema", "outputSchema", "requestedSchema", "arguments", "data", "metadata"}
    | {"capabilities", "experimental", "extensions", "error"}
)
"""Members whose values are others' data: a `_meta` in there is none of the protocol's."""


@monitor("content.resource-blobs", "resources.binary.encoded")
def resource_blobs(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every blob of a resource is base64."""
    for asked, result in _results(conversation):
        resources = [block["resource"] for block in _blocks(result) if isinstance(block.get("resource"), dict)]
        contents = result.get("contents")
        resources += [item for item in contents if isinstance(item, dict)] if isinstance(contents, list) else []
        yield from _encoded(asked, [resource["blob"] for resource in resources if "blob" in resource])


@monitor("content.prompt-media", "prompts.image.encoded", "prompts.audio.encoded")
def prompt_media(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The data of images and audio in prompts is base64."""
    for asked, result in _results(conversation, "prompts/get"):
        blocks = [block for block in _blocks(result) if block.get("type") in ("image", "audio")]
        yield from _encoded(asked, [block["data"] for block in blocks if "data" in block])


@monitor("content.prompt-resources", "prompts.embedded.media-type")
def prompt_resources(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Resources that prompts embed carry their MIME type."""
    for asked, result in _results(conversation, "prompts/get"):
        for block in _blocks(result):
            resource = block.get("resource")
            if block.get("type") == "resource" and isinstance(resource, dict):
                fine = isinstance(resource.get("mimeType"), str)
                yield None if fine else _at(asked, "a mimeType in an embedded resource", brief(resource))


@monitor("content.embedding-declared", "resources.embedded.declared")
def embedding_declared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Tools that embed resources belong to a server that has the resources capability."""
    for asked, result in _results(conversation, "tools/call"):
        if any(block.get("type") == "resource" for block in _blocks(result)):
            fine = "resources" in conversation.capabilities
            yield None if fine else _at(asked, "a declared resources capability", brief(result))


@monitor("content.meta-keys", "audit.meta.keys")
def meta_keys(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every key of every _meta follows the grammar of such keys."""
    for entry in conversation.entries:
        if entry.direction is Direction.RECEIVED:
            for message in messages(entry):
                for meta in _metas(message):
                    wrong = next(filter(None, map(key_flaw, meta)), None)
                    yield None if wrong is None else Mismatch("well-formed keys in _meta", wrong, [entry.index])


def _metas(value: Any) -> Iterator[dict[str, Any]]:
    """Every `_meta` of the protocol's own in a message; what is inside one is its owner's."""
    if isinstance(value, list):
        for item in value:
            yield from _metas(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "_meta" and isinstance(item, dict):
                yield item
            elif name not in _FOREIGN and name != "_meta":
                yield from _metas(item)


def _results(conversation: Conversation, method: str | None = None) -> Iterator[tuple[Asked, dict[str, Any]]]:
    for asked in requests(conversation) if conversation.revision is not None else ():
        result = asked.answer.value.get("result") if asked.answer and asked.answer.is_message else None
        if isinstance(result, dict) and method in (None, asked.message["method"]):
            yield asked, result


def _blocks(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The content blocks of a tool's or prompt's result."""
    content, prompt = result.get("content"), result.get("messages")
    found: list[Any] = [*content] if isinstance(content, list) else []
    said = prompt if isinstance(prompt, list) else []
    found += [message.get("content") for message in said if isinstance(message, dict)]
    return (block for block in found if isinstance(block, dict))


def _encoded(asked: Asked, values: list[Any]) -> Iterator[Mismatch | None]:
    for value in values:
        text = "".join(value.split()).rstrip("=") if isinstance(value, str) else ""
        fine = not isinstance(value, str) or (_BASE64.fullmatch(value) is not None and len(text) % 4 != 1)
        yield None if fine else _at(asked, "base64", brief(value))


def _at(asked: Asked, expected: str, actual: str) -> Mismatch:
    return Mismatch(expected, actual, [asked.entry.index, asked.answer.index if asked.answer else asked.entry.index])
