"""Base64, embedded resources and keys of metadata, as their monitors judge them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.monitors.talk import Talk, notification, request, result


def _got(*blocks: Any) -> Talk:
    messages = [{"role": "user", "content": block} for block in blocks]
    return Talk().we(request(1, "prompts/get")).it(result(1, messages=messages))


@pytest.mark.parametrize(
    ("blob", "outcome"),
    [
        *[(good, "passed") for good in ("", "AAAA", "AA==", "AA", "AAAA\r\nAA==")],
        *[(bad, "failed") for bad in ("A", "a-b_", "data:AAAA", "AA=A")],
    ],
)
def test_blobs_are_base64(blob: str, outcome: str) -> None:
    read = Talk().we(request(1, "resources/read")).it(result(1, contents=[{"uri": "a:b", "blob": blob}]))
    assert read.outcome("content.resource-blobs") == outcome
    embedded = {"type": "resource", "resource": {"uri": "a:b", "blob": blob}}
    called = Talk().we(request(1, "tools/call")).it(result(1, content=[embedded]))
    assert called.outcome("content.resource-blobs") == outcome


def test_images_and_audio_of_prompts_are_base64() -> None:
    assert _got({"type": "image", "data": "AAAA", "mimeType": "image/png"}).outcome("content.prompt-media") == "passed"
    assert _got({"type": "audio", "data": "A?", "mimeType": "audio/wav"}).outcome("content.prompt-media") == "failed"


def test_resources_in_prompts_have_a_type() -> None:
    resource = {"uri": "a:b", "text": "a"}
    assert _got({"type": "resource", "resource": resource}).outcome("content.prompt-resources") == "failed"
    typed = {"type": "resource", "resource": {**resource, "mimeType": "text/plain"}}
    assert _got(typed).outcome("content.prompt-resources") == "passed"


@pytest.mark.parametrize(("named", "outcome"), [("image/png", "passed"), ("a/b; c=d", "passed"), ("png", "failed")])
def test_media_of_prompts_name_their_type_in_full(named: str, outcome: str) -> None:
    judged = _got({"type": "image", "data": "AAAA", "mimeType": named}).judged("content.prompt-media")
    assert judged.outcome == outcome
    assert judged.mismatch is None or judged.mismatch.breaks == "prompts.image.media-type"


def test_resources_in_prompts_have_a_uri_unless_it_is_what_we_gave() -> None:
    resource = {"uri": "no uri", "text": "a", "mimeType": "text/plain"}
    judged = _got({"type": "resource", "resource": resource}).judged("content.prompt-resources")
    assert judged.mismatch is not None
    assert judged.mismatch.breaks == "prompts.embedded.uri"
    ours = Talk().we(request(1, "prompts/get", name="a", arguments={"b": "no uri"}))
    message = {"role": "user", "content": {"type": "resource", "resource": resource}}
    assert ours.it(result(1, messages=[message])).outcome("content.prompt-resources") == "passed"


def test_prefixes_of_keys_are_domains() -> None:
    assert Talk().it(result(1, _meta={"com.example/a": 1})).outcome("content.meta-prefixes") == "passed"
    assert Talk().it(result(1, _meta={"example/a": 1})).outcome("content.meta-prefixes") == "failed"
    assert Talk().it(result(1, _meta={"a": 1})).outcome("content.meta-prefixes") == "blocked"


def test_who_embeds_resources_declares_them() -> None:
    block = {"type": "resource", "resource": {"uri": "a:b", "text": "a"}}
    talk = Talk().we(request(1, "tools/call")).it(result(1, content=[block]))
    assert talk.outcome("content.embedding-declared") == "failed"
    talk.conversation.capabilities = {"resources": {}}
    assert talk.outcome("content.embedding-declared") == "passed"


def test_keys_of_metadata_are_judged_wherever_the_protocol_puts_them() -> None:
    assert Talk().it(result(1, _meta={"com.example/a": 1})).outcome("content.meta-keys") == "passed"
    assert Talk().it(result(1, tools=[{"_meta": {"_a": 1}}])).outcome("content.meta-keys") == "failed"
    assert Talk().it(notification("message", _meta={"a/b/c": 1})).outcome("content.meta-keys") == "failed"


def test_metadata_within_other_data_is_not_the_protocols() -> None:
    data = {"_meta": {"_a": 1}}
    talk = Talk().it(result(1, structuredContent=data, _meta={"a": data}))
    assert talk.outcome("content.meta-keys") == "passed"
