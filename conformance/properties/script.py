"""A failing conversation as a script for Python's standard library alone, for maintainers who have no Touchstone."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.target import HttpTarget, StdioTarget, Target
from conformance.transcript import Direction, Entry

__all__ = ["script_of"]

_STDIO = '''\
"""Sends the recorded lines to the server and prints what it answers."""
import subprocess

server = subprocess.Popen({argv!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
for line in {opening!r}:
    server.stdin.write(line + b"\\n")
    server.stdin.flush()
for data in {sent!r}:
    server.stdin.write(data)
    server.stdin.flush()
try:
    output, _ = server.communicate(timeout=10)
except subprocess.TimeoutExpired:
    server.kill()
    output, _ = server.communicate()
print(output.decode("utf-8", "backslashreplace"), "exit status", server.returncode)
'''

_HTTP = '''\
"""Posts the recorded requests to the server and prints what it answers."""
import urllib.error
import urllib.request

for method, headers, body in {sent!r}:
    request = urllib.request.Request({url!r}, body or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            print(response.status, response.read().decode("utf-8", "backslashreplace"))
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode("utf-8", "backslashreplace"))
'''

_OPENING = (
    (
        b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
        b'"clientInfo":{"name":"script","version":"1"}}}'
    ),
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
)
_OWN = {"host", "content-length", "mcp-session-id"}


def script_of(target: Target, wire: Sequence[Entry]) -> str:
    """Return a script that sends what `wire` sent; empty for a target inside this process."""
    sent = [entry for entry in wire if entry.direction is Direction.SENT]
    match target:
        case StdioTarget(argv):
            modern = any(b"io.modelcontextprotocol/protocolVersion" in entry.data for entry in sent)
            lines = [entry.data + b"\n" for entry in sent]
            return _STDIO.format(argv=list(argv), opening=[] if modern else list(_OPENING), sent=lines)
        case HttpTarget(url):
            requests = [
                (
                    entry.head.start.partition(" ")[0],
                    {name: value for name, value in entry.head.headers if name not in _OWN},
                    entry.data,
                )
                for entry in sent
                if entry.head is not None
            ]
            return _HTTP.format(url=url, sent=requests)
    return ""
