"""What a client on standard streams does to a server in an hour: calls, given up or not, and lines that are nothing."""

from __future__ import annotations

import subprocess
from itertools import count
from typing import Any

from reference_impl.protocol.lifecycle import request_meta
from reference_impl.protocol.messages import Message, Notification, Request, decode_json, encode
from reference_impl.protocol.revisions import LATEST

__all__ = ["Lines"]

_TOGETHER = 100
"""Visits that are written before anything is read."""
_JUNK = (b"garbage\n", b"[]\n", b"\xff\n", b"\n", b'{"jsonrpc":"2.0","id":"nobody","result":{}}\n')


class Lines:
    """One long conversation of the modern era with a process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input, self._output = process.stdin, process.stdout
        self._ids = count(1)

    def storm(self, visits: int) -> None:
        """Pay so many visits, and wait until the server has dealt with them."""
        for first in range(0, visits, _TOGETHER):
            for number in range(first, min(first + _TOGETHER, visits)):
                self._visit(number)
            self._answered(self._send("server/discover", {}))

    def ask(self, tool: str) -> Any:
        """Call a tool that answers in JSON."""
        result = self._answered(self._call(tool))["result"]
        return decode_json(result["content"][0]["text"])

    def _visit(self, number: int) -> None:
        match number % 6:
            case 0:
                self._call("echo", {"text": "x" * (number % 3000)})
            case 1:
                self._give_up(self._call("wait"))
            case 2:
                listening = self._send("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
                self._call("change")
                self._give_up(listening)
            case 3:
                self._call("ask")
                self._call("crash")
            case 4:
                self._give_up(self._call("steps"))
            case _:
                self._input.write(_JUNK[number // 6 % len(_JUNK)])

    def _call(self, tool: str, arguments: dict[str, Any] | None = None) -> int:
        return self._send("tools/call", {"name": tool, "arguments": arguments or {}})

    def _send(self, method: str, params: dict[str, Any]) -> int:
        identifier = next(self._ids)
        meta = {**request_meta(LATEST, None, {"elicitation": {}}), "progressToken": identifier}
        self._write(Request(identifier, method, {**params, "_meta": meta}))
        return identifier

    def _give_up(self, identifier: int) -> None:
        self._write(Notification("notifications/cancelled", {"requestId": identifier}))

    def _write(self, message: Message) -> None:
        self._input.write(encode(message) + b"\n")

    def _answered(self, identifier: int) -> dict[str, Any]:
        """Read until a request is answered; return the answer."""
        self._input.flush()
        while line := self._output.readline():
            message: dict[str, Any] = decode_json(line)
            if message.get("id") == identifier:
                return message
        raise RuntimeError("the server has gone")
