"""Monitors of what results carry: base64, media types, embedded resources, keys of metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.meta_keys import key_flaw, prefix_flaw
from conformance.monitors.traffic import Asked, messages, requests
from conformance.transcript import Conversation, Direction
from conformance.uris import is_uri

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*")
"""The alphabet of RFC 4648, section 4. Line breaks and missing padding pass: decoders differ about them."""
_PART = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MEDIA_TYPE = re.compile(rf"{_PART}/{_PART}\s*(;.*)?", re.DOTALL)
"""RFC 9110, section 8.3.1; how parameters are written is left to whoever reads them."""
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


@monitor(
    "content.prompt-media",
    "prompts.image.encoded",
    "prompts.audio.encoded",
    "prompts.image.media-type",
    "prompts.audio.media-type",
)
def prompt_media(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Images and audio in prompts are base64, and name a MIME type of the form type/subtype."""
    for asked, result in _results(conversation, "prompts/get"):
        for block in _blocks(result):
            if (kind := block.get("type")) not in ("image", "audio"):
                continue
            for mismatch in _encoded(asked, [block["data"]] if "data" in block else []):
                yield _breaking(mismatch, f"prompts.{kind}.encoded")
            named = block.get("mimeType")
            if isinstance(named, str):  # that it is there at all, the schema demands
                fine = _MEDIA_TYPE.fullmatch(named)
                wrong = None if fine else _at(asked, f"a mimeType such as {kind}/type", brief(named))
                yield _breaking(wrong, f"prompts.{kind}.media-type")


@monitor("content.prompt-resources", "prompts.embedded.media-type", "prompts.embedded.uri")
def prompt_resources(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Resources that prompts embed carry their MIME type and a well-formed URI."""
    for asked, result in _results(conversation, "prompts/get"):
        for block in _blocks(result):
            resource = block.get("resource")
            if block.get("type") == "resource" and isinstance(resource, dict):
                fine = isinstance(resource.get("mimeType"), str)
                wrong = None if fine else _at(asked, "a mimeType in an embedded resource", brief(resource))
                yield _breaking(wrong, "prompts.embedded.media-type")
                yield _breaking(_wrong_address(asked, resource), "prompts.embedded.uri")


def _wrong_address(asked: Asked, resource: dict[str, Any]) -> Mismatch | None:
    """Say what is wrong with the URI of a resource, unless it is what we ourselves gave as an argument."""
    uri, given = resource.get("uri"), asked.params.get("arguments")
    ours = isinstance(given, dict) and uri in given.values()
    if not isinstance(uri, str) or ours or is_uri(uri):
        return None
    return _at(asked, "a URI by RFC 3986 in an embedded resource", brief(uri))


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


@monitor("content.meta-prefixes", "audit.meta.reverse-dns")
def meta_prefixes(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every prefix of a _meta key is a domain written from its end, such as com.example/."""
    for entry in conversation.entries:
        if entry.direction is Direction.RECEIVED:
            for message in messages(entry):
                for key in (key for meta in _metas(message) for key in meta if "/" in key and key_flaw(key) is None):
                    wrong = prefix_flaw(key)
                    yield None if wrong is None else Mismatch("prefixes such as com.example/", wrong, [entry.index])


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


def _breaking(mismatch: Mismatch | None, requirement: str) -> Mismatch | None:
    """Say which of a monitor's requirements a mismatch breaks."""
    if mismatch is not None:
        mismatch.breaks = requirement
    return mismatch


def _at(asked: Asked, expected: str, actual: str) -> Mismatch:
    return Mismatch(expected, actual, [asked.entry.index, asked.answer.index if asked.answer else asked.entry.index])
