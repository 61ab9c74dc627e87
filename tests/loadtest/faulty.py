"""Peers that break the transport in one way each, and what a conversation makes of it: run as a process, prints JSON.

gevent lives here and nowhere in the process of the tests. Each case: how many calls are made one after the other, and
a peer for them. Printed for each is what the recorder counted and what the samples were.
"""

import base64
import contextlib
import hashlib
import json
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import gevent
from gevent.server import StreamServer

from loadtest.channel_conversation import ChannelConversation
from loadtest.exchange import Client
from loadtest.http_conversation import HttpConversation
from loadtest.null_server import answer, frame, read_frame
from loadtest.recorder import Recorder
from loadtest.sse_conversation import SseLink
from loadtest.traffic import Traffic
from loadtest.websocket_conversation import WebSocketLink
from loadtest.wire import Endpoint
from loadtest.workload import Operation
from reference_impl.protocol.revisions import R2024_11_05, R2026_07_28

ECHO = Operation(name="echo", method="tools/call", params={"name": "echo", "arguments": {"text": "{n}"}}, echoes=True)
PATIENT, IMPATIENT = 30.0, 0.3
NEVER = {"a stream without end", "silence", "too late"}
"""Where the second call is not answered in time: for that one nobody has patience, whatever the machine is doing."""
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Peer = Callable[[socket.socket, bytes], Any]
"""Answers one message on its connection; True closes that."""


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def http(body: bytes, kind: bytes = b"application/json", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, size, body)


def said(body: bytes) -> bytes:
    found = answer(body)
    assert found is not None
    return found


def event(body: bytes) -> bytes:
    return b"event: message\ndata: " + said(body) + b"\n\n"


def second(act: Peer) -> Peer:
    """Answer well, but act so the second time."""
    times = count(1)

    def peer(sock: socket.socket, body: bytes) -> Any:
        return act(sock, body) if next(times) == 2 else sock.sendall(http(said(body)))

    return peer


def twice(sock: socket.socket, body: bytes) -> None:
    sock.sendall(http(said(body)) * 2)


def once_more() -> Peer:
    """Answer the second request well, and again when the third comes."""
    bodies: list[bytes] = []

    def peer(sock: socket.socket, body: bytes) -> None:
        bodies.append(body)
        again = http(said(bodies[1])) if len(bodies) == 3 else b""
        sock.sendall(again + http(said(body)))

    return peer


ENDLESS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"

HTTP: dict[str, Peer] = {
    "reset at once": lambda sock, _body: reset(sock),
    "reset in between": second(lambda sock, _body: reset(sock)),
    "half a body": second(lambda sock, body: sock.sendall(http(said(body)[:10], length=200)) or True),
    "half a head": second(lambda sock, _body: sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-") or True),
    "closed unannounced": lambda sock, body: sock.sendall(http(said(body))) or True,
    "no HTTP": second(lambda sock, _body: sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")),
    "no JSON": second(lambda sock, _body: sock.sendall(http(b"<html>"))),
    "twice": second(twice),
    "twice, late": once_more(),
    "twice in a stream": second(lambda sock, body: sock.sendall(http(event(body) * 2, b"text/event-stream"))),
    "a stream without end": second(lambda sock, _body: sock.sendall(ENDLESS + b": hello\n\n")),
    "a stream that goes on": second(lambda sock, body: sock.sendall(ENDLESS + event(body))),
    "silence": second(lambda _sock, _body: None),
}


def messages(sock: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """Yield head and body of each request."""
    buffer = b""
    while True:
        while b"\r\n\r\n" not in buffer:
            chunk = sock.recv(65536)
            if not chunk:
                return
            buffer += chunk
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
        while len(buffer) < size:
            buffer += sock.recv(65536)
        yield head, buffer[:size]
        buffer = buffer[size:]


def serve_http(peer: Peer) -> Callable[..., None]:
    def handle(sock: socket.socket, _: Any) -> None:
        for _head, body in messages(sock):
            if peer(sock, body):
                return

    return handle


def third(act: Peer, speak: Callable[[bytes], bytes]) -> Peer:
    """The handshake is the first request; the second call is the third."""
    times = count(1)

    def peer(sock: socket.socket, body: bytes) -> Any:
        if answer(body) is None:
            return None
        return act(sock, body) if next(times) == 3 else sock.sendall(speak(body))

    return peer


def text(body: bytes) -> bytes:
    return frame(1, said(body))


def after_a_while(sock: socket.socket, body: bytes) -> None:
    gevent.spawn_later(IMPATIENT + 0.1, sock.sendall, text(body))


def polite(sock: socket.socket, body: bytes) -> None:
    """Answer, then leave."""
    sock.sendall(text(body) + frame(8, b"\x03\xe9"))


WEBSOCKET: dict[str, Peer] = {
    "reset": third(lambda sock, _body: reset(sock), text),
    "half a frame": third(lambda sock, body: sock.sendall(text(body)[:9]) or True, text),
    "no frame": third(lambda sock, _body: sock.sendall(b"\xff\xff\xff\xff"), text),
    "binary": third(lambda sock, body: sock.sendall(frame(2, said(body))), text),
    "left when idle": third(polite, text),
    "no JSON": third(lambda sock, body: sock.sendall(frame(1, b"<html>") + text(body)), text),
    "twice": third(lambda sock, body: sock.sendall(text(body) * 2), text),
    "silence": third(lambda _sock, _body: None, text),
    "too late": third(after_a_while, text),
}


def serve_websocket(peer: Peer) -> Callable[..., None]:
    def handle(sock: socket.socket, _: Any) -> None:
        head = sock.recv(65536)
        key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        fields = b"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-protocol: mcp\r\n"
        sock.sendall(b"HTTP/1.1 101 Switching\r\n%bsec-websocket-accept: %b\r\n\r\n" % (fields, accept))
        buffer = b""
        while chunk := sock.recv(65536):
            buffer += chunk
            while (found := read_frame(buffer)) is not None:
                opcode, payload, buffer = found
                if opcode == 1 and peer(sock, payload):
                    return

    return handle


SSE: dict[str, Peer] = {
    "reset": third(lambda sock, _body: reset(sock), event),
    "the stream ends": third(lambda sock, _body: sock.shutdown(socket.SHUT_RDWR), event),
    "half an event": third(lambda sock, body: sock.sendall(event(body)[:30]) or sock.shutdown(socket.SHUT_RDWR), event),
    "no JSON": third(lambda sock, body: sock.sendall(b"data: <html>\n\n" + event(body)), event),
    "twice": third(lambda sock, body: sock.sendall(event(body) * 2), event),
    "silence": third(lambda _sock, _body: None, event),
    "refused": third(lambda _sock, _body: b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", event),
}


def serve_sse(peer: Peer) -> Callable[..., None]:
    streams: list[socket.socket] = []

    def handle(sock: socket.socket, _: Any) -> None:
        for head, body in messages(sock):
            if head.startswith(b"GET"):
                streams.append(sock)
                sock.sendall(ENDLESS + b"event: endpoint\ndata: /post\n\n")
                continue
            refusal = peer(streams[-1], body)
            sock.sendall(refusal or b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")

    return handle


def quietly(handle: Callable[..., None]) -> Callable[..., None]:
    def serve(sock: socket.socket, address: Any) -> None:
        with contextlib.suppress(OSError):  # either side may have closed it
            handle(sock, address)

    return serve


def outcome(handle: Callable[..., None], make: Callable[[str, Client], Any], revision: Any, never: bool) -> Any:
    strays: list[str] = []
    recorder = Recorder()
    traffic = Traffic((ECHO,), revision, recorder)
    server = StreamServer(("127.0.0.1", 0), quietly(handle))
    server.start()
    client = Client(revision, PATIENT, on_stray=lambda failure: strays.append(failure.code))
    conversation = make(f"127.0.0.1:{server.server_port}", client)
    samples = []
    for call in range(4):
        patience = IMPATIENT if never and call == 1 else PATIENT
        object.__setattr__(client, "timeout", patience)  # for this call alone
        failure = traffic.perform(conversation).failure
        samples.append("ok" if failure is None else f"{failure.error_class} {failure.code}")
    conversation.close()
    server.stop(timeout=0.1)
    return {"samples": samples, "strays": strays, "totals": recorder.totals}


def main() -> None:
    """Run all cases side by side."""
    tables: dict[str, Any] = {
        "http": (HTTP, serve_http, lambda at, client: HttpConversation(Endpoint(f"http://{at}/mcp", {}), client)),
        "ws": (
            WEBSOCKET,
            serve_websocket,
            lambda at, client: ChannelConversation(WebSocketLink(Endpoint(f"ws://{at}/ws", {}), client)),
        ),
        "sse": (
            SSE,
            serve_sse,
            lambda at, client: ChannelConversation(SseLink(Endpoint(f"http://{at}/sse", {}), client)),
        ),
    }
    running = {}
    for transport, (peers, serve, make) in tables.items():
        revision = R2026_07_28 if transport == "http" else R2024_11_05
        for name, peer in peers.items():
            running[f"{transport}: {name}"] = gevent.spawn(outcome, serve(peer), make, revision, name in NEVER)
    gevent.joinall(list(running.values()), raise_error=True)
    json.dump({name: case.value for name, case in running.items()}, sys.stdout)


if __name__ == "__main__":
    main()
