"""Calls that nobody answers, and what their target hears of it: run as a process, prints JSON.

gevent lives here and nowhere in the process of the tests.
"""

import json
import socket
import sys
from typing import Any

import gevent
from gevent.event import Event
from gevent.server import StreamServer

from loadtest.channel import Channel
from loadtest.channel_conversation import handshake
from loadtest.exchange import Client, OpeningError
from loadtest.http_conversation import HttpConversation
from loadtest.wire import Endpoint, Template
from loadtest.workload import Operation
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision
from tests.loadtest.faulty import messages, quietly

CALL = Operation(name="wait", method="tools/call", params={"name": "wait", "arguments": {}})
SOON, LONG = 2.0, 60.0


def on_a_channel() -> list[Any]:
    """A call, after the handshake."""
    told = Event()
    heard: list[dict[str, Any]] = []

    def write(message: bytes) -> None:
        heard.append(json.loads(message))
        if len(heard) == 2:
            told.set()

    channel = Channel(Client(LATEST, SOON), write)
    handshake(channel, Client(LATEST, SOON), 0.0)
    failure = channel.call(Template(CALL, LATEST), 1).failure
    told.wait(LONG)
    return [failure and failure.code, *((each["method"], each["params"].get("requestId")) for each in heard)]


def in_a_handshake() -> list[str]:
    """An `initialize` that is not answered."""
    heard: list[str] = []
    client = Client(LATEST_LEGACY, SOON)
    channel = Channel(client, lambda message: heard.append(json.loads(message)["method"]))
    try:
        handshake(channel, client, 0.0)
    except OpeningError as problem:
        heard.append(problem.failure.code)
    gevent.sleep(0)  # whoever would tell the target has had the chance to
    return heard


def over_http(revision: Revision) -> list[Any]:
    """A call, then one that is answered."""
    told = Event()
    heard: list[Any] = []

    def handle(sock: socket.socket, _: Any) -> None:
        for _head, body in messages(sock):
            message = json.loads(body)
            heard.append((message["method"], message["params"].get("requestId")))
            if message["method"] == "notifications/cancelled":
                sock.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                told.set()
        if revision.modern:
            told.set()  # the connection is closed, which says it

    server = StreamServer(("127.0.0.1", 0), quietly(handle))
    server.start()
    conversation = HttpConversation(Endpoint(f"http://127.0.0.1:{server.server_port}/mcp", {}), Client(revision, SOON))
    conversation.resume("a session")
    failure = conversation.call(Template(CALL, revision), 1).failure
    heard.append(told.wait(LONG))
    conversation.close()
    server.stop(timeout=0.1)
    return [failure and failure.code, *heard]


def main() -> None:
    """Run all cases side by side."""
    cases = {
        "channel": gevent.spawn(on_a_channel),
        "handshake": gevent.spawn(in_a_handshake),
        "legacy": gevent.spawn(over_http, LATEST_LEGACY),
        "modern": gevent.spawn(over_http, LATEST),
    }
    sys.stdout.write(json.dumps({name: case.get() for name, case in cases.items()}))


if __name__ == "__main__":
    main()
