"""The first call of a process, from its start on, and what the answer shows: does the server do what a mode asks?"""

from __future__ import annotations

import http.client
import subprocess
import time
from collections.abc import Mapping, Sequence

from loadtest.benchmarks.comparison.cases import Mode
from loadtest.benchmarks.machine import MEASURED, started
from loadtest.benchmarks.stdio_load import Lines
from loadtest.benchmarks.traffic import INITIALIZED, Traffic, WrongAnswerError, hello
from reference_impl.protocol.messages import MalformedError, Message, Response, encode, parse
from reference_impl.protocol.streamable import SESSION_ID, request_headers

__all__ = ["LacksError", "over_http", "over_stdio"]

_PATIENCE = 30.0
_PAUSE = 0.005


class LacksError(Exception):
    """The server does not do what the mode asks; the message says how that showed."""


def over_stdio(command: Sequence[str], mode: Mode) -> float:
    """Start a server, ask it once, end it; return the milliseconds that took. Raises `LacksError`."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    began = time.perf_counter()
    with started(command, MEASURED, **pipes) as process:
        lines = Lines(process)
        try:
            if not mode.revision.modern:
                _good(lines.ask(hello(mode.revision)), mode)
                lines.send(encode(INITIALIZED) + b"\n")
            _good(lines.ask(Traffic(mode.revision).first()), mode)
            milliseconds = (time.perf_counter() - began) * 1000
        except (OSError, WrongAnswerError) as problem:
            raise LacksError(f"it did not answer: {problem}") from problem
        return milliseconds


def over_http(began: float, port: int, mode: Mode, extra: Mapping[str, str]) -> float:
    """Ask a server that was started at `began` (`time.perf_counter`), as soon as it listens; return the milliseconds.

    Raises `LacksError`.
    """
    client = _connected(port, began + _PATIENCE)
    try:
        session = None
        if mode.sessions:
            session, _, body = _posted(client, hello(mode.revision), mode, (None, extra))
            _good(body, mode)
            _posted(client, INITIALIZED, mode, (session, extra))
        _, media_type, body = _posted(client, Traffic(mode.revision).first(), mode, (session, extra))
        milliseconds = (time.perf_counter() - began) * 1000
        _good(body, mode)
    except (OSError, http.client.HTTPException) as problem:
        raise LacksError(f"it did not answer: {problem!r}") from problem
    finally:
        client.close()
    if media_type != mode.replies:
        raise LacksError(f"it answers with {media_type}")
    return milliseconds


def _connected(port: int, deadline: float) -> http.client.HTTPConnection:
    while True:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        try:
            client.connect()
        except OSError as problem:
            if time.perf_counter() > deadline:
                raise LacksError("it did not start to listen") from problem
            time.sleep(_PAUSE)
        else:
            return client


def _posted(
    client: http.client.HTTPConnection, message: Message, mode: Mode, more: tuple[str | None, Mapping[str, str]]
) -> tuple[str | None, str, bytes]:
    """Return the session, the media type and the message of the reply."""
    session, extra = more
    headers = {**request_headers(message, mode.revision, session=session), **extra}
    client.request("POST", "/mcp", encode(message), headers)
    reply = client.getresponse()
    body, kind = reply.read(), (reply.getheader("content-type") or "").partition(";")[0]
    if reply.status >= 300:
        raise LacksError(f"it answers with {reply.status}: {body[:200].decode('utf-8', 'replace')}")
    events = [line[6:] for line in body.splitlines() if line.startswith(b"data: {")]
    return reply.getheader(SESSION_ID) or session, kind, events[-1] if events else body


def _good(data: bytes, mode: Mode) -> None:
    """Raise `LacksError` unless `data` is a result of the mode's revision."""
    try:
        answer = parse(data)
    except MalformedError as problem:
        raise LacksError(f"it answers with what is no message: {problem}") from problem
    if not isinstance(answer, Response):
        raise LacksError(f"it answers with {data[:200].decode('utf-8', 'replace')}")
    if isinstance(answer.result, dict) and answer.result.get("isError"):
        raise LacksError(f"the tool fails: {data[:200].decode('utf-8', 'replace')}")
    # Older servers may answer a call that needs no handshake, without a notion of what was asked.
    if mode.revision.modern and not (isinstance(answer.result, dict) and "resultType" in answer.result):
        raise LacksError(f"it answers in the way of another revision: {data[:200].decode('utf-8', 'replace')}")
