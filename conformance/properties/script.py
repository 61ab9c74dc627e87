"""A failing conversation as a script for Python's standard library alone, for maintainers who have no Touchstone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from conformance.peer import encode
from conformance.target import HttpTarget, StdioTarget, Target
from conformance.transcript import NO_JSON, Direction, Entry
from reference_impl.protocol.lifecycle import initialize_params
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.streamable import ACCEPT, JSON_TYPE, SESSION_ID

__all__ = ["script_of"]

_STDIO = '''\
"""Sends the recorded bytes to the server, to a process for each conversation, and prints what it answers."""
import subprocess

for conversation in {sent!r}:
    server = subprocess.Popen({argv!r}, cwd={cwd!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        for data in conversation:
            server.stdin.write(data)
            server.stdin.flush()
        output, _ = server.communicate(timeout=10)
    except (BrokenPipeError, subprocess.TimeoutExpired):
        server.kill()
        output, _ = server.communicate()
    print(output.decode("utf-8", "backslashreplace"), "exit status", server.returncode)
'''

_HTTP = '''\
"""Sends the recorded requests to the server, in each list at the same time, and prints what it answers."""
import concurrent.futures
import urllib.error
import urllib.request

sessions = {{}}


def send(recorded):
    method, headers, body, opens = recorded
    if "mcp-session-id" in headers:
        headers["mcp-session-id"] = sessions.get(headers["mcp-session-id"], headers["mcp-session-id"])
    request = urllib.request.Request({url!r}, body or None, headers, method=method)
    try:
        reply = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        if opens and reply.headers["mcp-session-id"]:
            sessions[opens] = reply.headers["mcp-session-id"]
        try:
            return reply.status, reply.read().decode("utf-8", "backslashreplace")
        except TimeoutError:
            return reply.status, "a stream that does not end"


for together in {sent!r}:
    with concurrent.futures.ThreadPoolExecutor(len(together)) as threads:
        for status, text in threads.map(send, together):
            print(status, text)
'''

_CLIENT = {"name": "script", "version": "1"}
_OWN = {"host", "content-length"}
"""Headers that Python writes itself."""
_SAID = "opening"
"""The session that a script opens itself."""

Recorded = tuple[str, dict[str, str], bytes | list[bytes], str]
"""A request over HTTP: its method, headers and body (or the pieces in which it was sent), and the session that its
reply opened when it was recorded."""


def script_of(target: Target, revision: Revision, wire: Sequence[Entry]) -> str:
    """Return a script that opens a conversation and sends what `wire` sent; empty for a target inside this process."""
    sent = [entry for entry in wire if entry.direction is Direction.SENT]
    opening = [] if revision.modern or _opens(sent) else _opening(revision)
    match target:
        case StdioTarget(argv, _, cwd):
            lines = [encode(message) + b"\n" for message in opening]
            said = [
                [_bytes(entry) for entry in group] for _, group in groupby(sent, lambda entry: entry.connection)
            ] or [[]]
            return _STDIO.format(argv=list(argv), cwd=cwd, sent=[lines + said[0], *said[1:]])
        case HttpTarget(url):
            plain = {"content-type": JSON_TYPE, "accept": ACCEPT}
            session = next((known for entry in sent if (known := _session(entry))), _SAID)
            first: list[list[Recorded]] = [[("POST", dict(plain), encode(opening[0]), session)]] if opening else []
            later = [[("POST", plain | {SESSION_ID: session}, encode(item), "")] for item in opening[1:]]
            return _HTTP.format(url=url, sent=first + later + _together(wire))
    return ""


def _together(wire: Sequence[Entry]) -> list[list[Recorded]]:
    """Return the requests in lists of those that were sent before a reply to one of them had come."""
    opened = {
        (entry.connection, entry.exchange): session
        for entry in wire
        if entry.direction is Direction.RECEIVED and (session := _session(entry))
    }
    together: list[list[Recorded]] = []
    replied = True
    for entry in wire:
        if entry.direction is not Direction.SENT or entry.head is None:
            replied = replied or entry.head is not None
            continue
        if replied:
            together.append([])
        replied = False
        headers = {name: value for name, value in entry.head.headers if name not in _OWN}
        opens = opened.get((entry.connection, entry.exchange), "")
        together[-1].append((entry.head.start.partition(" ")[0], headers, _body(entry), opens))
    return together


def _body(entry: Entry) -> bytes | list[bytes]:
    """Return a body as it is given to `urllib`, which chunks by itself what comes in pieces."""
    if entry.head is None or entry.head.get("transfer-encoding") != "chunked":
        return entry.data
    pieces, rest = [], entry.data
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        pieces.append(rest[:length])
        rest = rest[length + 2 :]
    return pieces[:-1]


def _session(entry: Entry) -> str | None:
    return entry.head.get(SESSION_ID) if entry.head is not None else None


def _opens(sent: Sequence[Entry]) -> bool:
    return any(entry.is_request() and entry.value["method"] == "initialize" for entry in sent)


def _opening(revision: Revision) -> list[dict[str, Any]]:
    params = initialize_params(revision, _CLIENT, {})
    return [
        {"jsonrpc": "2.0", "id": "opening", "method": "initialize", "params": params},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
    ]


def _bytes(entry: Entry) -> bytes:
    """Return what was written: a message is a line, anything else went out as it is."""
    return entry.data if entry.value is NO_JSON else entry.data + b"\n"
