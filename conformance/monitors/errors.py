"""The monitor of what error codes stand for (`basic/index#error-codes`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.monitors.traffic import Asked, requests, revision_of
from conformance.transcript import Conversation
from reference_impl.protocol.errors import Code
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, PROTOCOL_VERSION

_OF_JSON_RPC = range(-32768, -32099)
"""Codes that JSON-RPC keeps to itself; those from -32099 to -32000 it leaves to servers."""
_DEFINED = frozenset({-32700, -32600, -32601, -32602, -32603})


@monitor("base.error-meaning", "base.error.defined-meaning", "base.error.own-codes")
def error_meaning(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A code that the specification defines stands for just that, and a server's own lie where it may have them."""
    revision = revision_of(conversation)
    if revision is None or not revision.modern:
        return
    for asked in requests(conversation):
        error = asked.answer.value.get("error") if asked.answer is not None and asked.answer.is_message else None
        code = error.get("code") if isinstance(error, dict) else None
        if asked.answer is None or type(code) is not int:
            continue
        wanted, broken = _unmeant(asked, code, revision.name)
        if wanted is None:
            yield None
            continue
        mismatch = Mismatch(wanted, brief(error), [asked.entry.index, asked.answer.index])
        mismatch.breaks = broken
        yield mismatch


def _unmeant(asked: Asked, code: int, revision: str) -> tuple[str | None, str]:
    """Say what is wrong with a code as an answer to a request, and which row it breaks; None where nothing is."""
    meaning = "base.error.defined-meaning"
    if code in _OF_JSON_RPC and code not in _DEFINED:
        return "a code of its own outside -32768 to -32000", "base.error.own-codes"
    if asked.entry.defect is not None:
        return None, meaning
    if code == Code.UNSUPPORTED_VERSION and asked.meta.get(PROTOCOL_VERSION) == revision:
        return f"{code} for a version that it does not speak, and {revision} is one that it does", meaning
    error = asked.answer.value["error"] if asked.answer is not None else {}
    if code == Code.MISSING_CLIENT_CAPABILITY and _declared(asked, error.get("data")):
        return f"{code} for a client capability that was not declared", meaning
    return None, meaning


def _declared(asked: Asked, data: Any) -> bool:
    """Whether a request declared, by name and with all that is asked for beneath, every capability it is to lack."""
    required = data.get("requiredCapabilities") if isinstance(data, dict) else None
    declared = asked.meta.get(CLIENT_CAPABILITIES)
    # Who needs a page to be visited and says "elicitation" may mean that of it which was not declared.
    vague = isinstance(required, dict) and required.get("elicitation") == {}
    return isinstance(required, dict) and bool(required) and not vague and _within(required, declared)


def _within(part: Any, whole: Any) -> bool:
    if not isinstance(part, dict):
        return True
    return isinstance(whole, dict) and all(name in whole and _within(part[name], whole[name]) for name in part)
