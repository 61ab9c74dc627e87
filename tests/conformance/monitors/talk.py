"""Transcripts for tests of monitors, written as they were spoken."""

from __future__ import annotations

import json
from typing import Any

from conformance.channel import decode
from conformance.check import Monitor, all_monitors
from conformance.judge import run_monitor
from conformance.transcript import Conversation, Direction
from conformance.verdicts import Judged

MODERN = "2026-07-28"
LEGACY = "2025-11-25"


class Talk:
    """A conversation on stdio; `we` and `it` add what was sent and received, as JSON values or raw bytes."""

    def __init__(self, revision: str | None = LEGACY) -> None:
        self.conversation = Conversation("stdio", "test", revision)

    def we(self, what: Any, defect: str | None = None) -> Talk:
        self.conversation.record(Direction.SENT, *_both(what), defect=defect)
        return self

    def it(self, what: Any, owned_by: str = "the target") -> Talk:
        self.conversation.record(Direction.RECEIVED, *_both(what), owned_by=owned_by)
        return self

    def ended(self) -> Talk:
        self.conversation.record(Direction.PROCESS, b"the process exited with status 0")
        return self

    def judged(self, identifier: str) -> Judged:
        return run_monitor(_named(identifier), [self.conversation])

    def outcome(self, identifier: str) -> str:
        return self.judged(identifier).outcome


def request(identifier: Any, method: str = "ping", **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": params}


def result(identifier: Any, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "result": members}


def error(identifier: Any, code: Any = -32601) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": "no"}}


def notification(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": f"notifications/{method}", "params": params}


def _both(what: Any) -> tuple[bytes, Any]:
    data = what if isinstance(what, bytes) else json.dumps(what).encode()
    return data, decode(data)


def _named(identifier: str) -> Monitor:
    return next(monitor for monitor in all_monitors() if monitor.id == identifier)
