"""Conversations that were recorded, as steps that can be taken again: which requests, in which order, how answered.

Read are records (the failure or finding with the most requests, or the one that is named; whole traffic where it was
kept), HAR files, and lines that are JSON-RPC messages themselves. Ids, sessions and what the handshake negotiates are
of the day; they are left out here and made anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

__all__ = ["Shape", "Step", "read_recording", "shape_of"]

Shape = Literal["result", "isError", "input_required", "error", ""]
"""What an answer is; empty where none was recorded, and any will do."""

_HANDSHAKE = frozenset({"initialize", "notifications/initialized", "server/discover"})
_OF_THE_DAY = frozenset({"notifications/cancelled", "notifications/progress", "subscriptions/listen"})
"""What names a request by its id, or has no answer that ends."""
_RESERVED = "io.modelcontextprotocol/"
_HEADS = ("POST ", "GET ", "DELETE ", "HTTP/")


class Step(Struct, frozen=True, kw_only=True):
    """A request, or a notification, of the client. `continues` says that it answers what the target asked for before,
    so that the state which the target then gave goes with it."""

    method: str
    params: dict[str, Any] = {}
    notification: bool = False
    shape: Shape = ""
    code: int | None = None
    continues: bool = False


def read_recording(path: Path, identifier: str = "") -> tuple[Step, ...]:
    """Return the steps of a recording; `identifier` names a check or property of a records file.

    Raises ValueError, in one line, for a file that cannot be read or holds no request that could be sent again.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or 'is no text'}") from None
    named = (said for name, said in _conversations(text) if identifier in ("", name))
    conversations = [steps for said in named if (steps := _steps(said))]
    if not conversations:
        what = f"no request of {identifier}" if identifier else "no request"
        raise ValueError(f"{path} holds {what} that could be sent again")
    return max(conversations, key=len)


def shape_of(answer: Any) -> tuple[Shape, int | None]:
    """Return what an answer is, and the code where it is an error."""
    if not isinstance(answer, dict):
        return "", None
    error, result = answer.get("error"), answer.get("result")
    if isinstance(error, dict):
        return "error", error.get("code")
    if isinstance(result, dict) and result.get("resultType") == "input_required":
        return "input_required", None
    return ("isError" if isinstance(result, dict) and result.get("isError") is True else "result"), None


def _conversations(text: str) -> Iterator[tuple[str, list[tuple[bool, str]]]]:
    """Yield what was said, each text with whether it was sent, by the name of what it was said for."""
    whole = _json(text)
    if isinstance(whole, dict) and isinstance(whole.get("log"), dict):
        yield "", [each for entry in whole["log"].get("entries", ()) for each in _har(entry)]
        return
    rows = [row for line in text.splitlines() if isinstance(row := _json(line), dict)]
    traffic = [each for row in rows if row.get("kind") == "exchange" for each in _exchange(row)]
    if traffic:
        yield "", traffic
    for row in rows:
        wire = [each for each in (*row.get("conversation", ()), *row.get("evidence", ())) if isinstance(each, dict)]
        if wire and row.get("outcome") == "failed":
            yield str(row.get("check", "")), [_wire(each) for each in wire if not each.get("truncated")]
    messages = [(("method" in row), json.dumps(row)) for row in rows if row.get("jsonrpc") == "2.0"]
    if messages:
        yield "", messages


def _wire(entry: dict[str, Any]) -> tuple[bool, str]:
    return entry.get("direction") == "sent", str(entry.get("text", ""))


def _har(entry: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    request, response = entry.get("request") or {}, entry.get("response") or {}
    yield True, str((request.get("postData") or {}).get("text", ""))
    yield False, str((response.get("content") or {}).get("text", ""))


def _exchange(row: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    yield True, str((row.get("request") or {}).get("body", ""))
    yield False, str((row.get("response") or {}).get("body", ""))


def _messages(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON-RPC messages in what crossed the wire: a message, a batch, a response with its head, events."""
    if text.startswith(_HEADS):
        text = text.replace("\r\n", "\n").partition("\n\n")[2]
    value = _json(text)
    if value is None:
        events = (line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:"))
        values: Iterable[Any] = map(_json, events)
    else:
        values = value if isinstance(value, list) else [value]
    return (each for each in values if isinstance(each, dict) and each.get("jsonrpc") == "2.0")


def _steps(said: list[tuple[bool, str]]) -> tuple[Step, ...]:
    messages = [(sent, message) for sent, text in said for message in _messages(text)]
    answers = {repr(message.get("id")): message for sent, message in messages if not sent and "method" not in message}
    asked = (message for sent, message in messages if sent and isinstance(message.get("method"), str))
    steps = tuple(_step(each, answers) for each in asked if each["method"] not in _HANDSHAKE | _OF_THE_DAY)
    return steps if any(not step.notification for step in steps) else ()


def _step(message: dict[str, Any], answers: dict[str, dict[str, Any]]) -> Step:
    params = message.get("params")
    params = dict(params) if isinstance(params, dict) else {}
    meta, continues = params.pop("_meta", None), params.pop("requestState", None) is not None
    kept = {name: value for name, value in (meta if isinstance(meta, dict) else {}).items() if _is_lasting(name)}
    shape, code = shape_of(answers.get(repr(message.get("id"))) if "id" in message else None)
    return Step(
        method=message["method"],
        params={**params, "_meta": kept} if kept else params,
        notification="id" not in message,
        shape=shape,
        code=code,
        continues=continues,
    )


def _is_lasting(name: str) -> bool:
    return name != "progressToken" and not name.startswith(_RESERVED)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
