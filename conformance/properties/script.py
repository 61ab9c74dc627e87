"""A failing conversation as a script for Python's standard library alone, for maintainers who have no Touchstone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conformance.peer import encode
from conformance.target import HttpTarget, StdioTarget, Target
from conformance.transcript import NO_JSON, Direction, Entry, HttpHead
from reference_impl.protocol.lifecycle import initialize_params
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.streamable import ACCEPT, JSON_TYPE, SESSION_ID

__all__ = ["script_of"]

_STDIO = '''\
"""Sends the recorded bytes to the server and prints what it answers."""
import subprocess

server = subprocess.Popen({argv!r}, cwd={cwd!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
try:
    for data in {sent!r}:
        server.stdin.write(data)
        server.stdin.flush()
    output, _ = server.communicate(timeout=10)
except (BrokenPipeError, subprocess.TimeoutExpired):
    server.kill()
    output, _ = server.communicate()
print(output.decode("utf-8", "backslashreplace"), "exit status", server.returncode)
'''

_HTTP = '''\
"""Sends the recorded requests to the server and prints what it answers."""
import urllib.error
import urllib.request

session = {{}}
for method, headers, body in {sent!r}:
    request = urllib.request.Request({url!r}, body or None, headers | session, method=method)
    try:
        reply = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        session = {{"mcp-session-id": reply.headers["mcp-session-id"]}} if reply.headers["mcp-session-id"] else session
        print(reply.status, reply.read().decode("utf-8", "backslashreplace"))
'''

_CLIENT = {"name": "script", "version": "1"}
_OWN = {"host", "content-length", SESSION_ID}
"""Headers that Python writes itself, and the session, which is another each time."""


def script_of(target: Target, revision: Revision, wire: Sequence[Entry]) -> str:
    """Return a script that opens a conversation and sends what `wire` sent; empty for a target inside this process."""
    sent = [entry for entry in wire if entry.direction is Direction.SENT]
    opening = [] if revision.modern or _opens(sent) else _opening(revision)
    match target:
        case StdioTarget(argv, _, cwd):
            data = [encode(message) + b"\n" for message in opening] + [_bytes(entry) for entry in sent]
            return _STDIO.format(argv=list(argv), cwd=cwd, sent=data)
        case HttpTarget(url):
            plain = {"content-type": JSON_TYPE, "accept": ACCEPT}
            requests: list[tuple[str, dict[str, str], bytes]] = [("POST", plain, encode(item)) for item in opening]
            return _HTTP.format(url=url, sent=requests + [_request(entry, entry.head) for entry in sent if entry.head])
    return ""


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


def _request(entry: Entry, head: HttpHead) -> tuple[str, dict[str, str], bytes]:
    headers = {name: value for name, value in head.headers if name not in _OWN}
    return head.start.partition(" ")[0], headers, entry.data
