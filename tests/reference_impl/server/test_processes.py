"""The everything server as a process: on stdio, and under uvicorn."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from websockets.sync.client import connect

from reference_impl.protocol.messages import decode_json, encode_json

MODULE = [sys.executable, "-m", "reference_impl.servers.everything"]
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
NOISY = """
import os, sys
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.run import run_stdio

server = AdvancedMCPServer("noisy")
print("a banner")

@server.tool("shout")
async def shout() -> str:
    print("printed")
    os.write(1, b"written beneath Python")
    os.system("echo from a child")
    return "done"

run_stdio(server)
"""


def line(method, identifier=1, **params):
    return (
        encode_json({"jsonrpc": "2.0", "id": identifier, "method": method, "params": {**params, "_meta": META}}) + b"\n"
    )


def start(arguments, **more):
    return subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, **more
    )


def test_stdio_serves_survives_garbage_and_ends_with_its_input():
    process = start(MODULE, env={**os.environ, "PYTHONIOENCODING": "cp1252", "LC_ALL": "C"})
    text = "é😀" * 50_000
    call = line("tools/call", 2, name="echo", arguments={"text": text})
    output, errors = process.communicate(b"garbage\n" + line("server/discover") + call, timeout=20)
    answers = [decode_json(piece) for piece in output.split(b"\n")[:-1]]
    assert answers[0]["error"]["code"] == -32700
    assert answers[1]["result"]["resultType"] == "complete"
    assert answers[2]["result"]["content"][0]["text"] == text
    assert (process.returncode, errors) == (0, b"")


def test_stdio_ends_at_once_without_input():
    process = subprocess.run(MODULE, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    assert (process.returncode, process.stdout, process.stderr) == (0, b"", b"")


def test_nothing_but_messages_reaches_standard_output():
    process = start([sys.executable, "-c", NOISY])
    assert process.stdout.readline() == b"a banner\n"  # printed before the server claimed its output
    output, errors = process.communicate(line("tools/call", 1, name="shout"), timeout=20)
    (answer,) = [decode_json(piece) for piece in output.split(b"\n")[:-1]]
    assert answer["result"]["content"][0]["text"] == "done"
    assert b"printed" in errors
    assert b"written beneath Python" in errors
    assert b"from a child" in errors


def test_a_signal_ends_a_server_at_a_terminal_too():
    ours, theirs = os.openpty()
    process = subprocess.Popen(MODULE, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.write(ours, line("server/discover"))
    assert decode_json(process.stdout.readline())["result"]["resultType"] == "complete"
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.communicate()
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stdio_ends_cleanly_on_a_signal(number):
    process = start(MODULE)
    process.stdin.write(line("subscriptions/listen", 5, notifications={"toolsListChanged": True}))
    process.stdout.readline()
    process.send_signal(number)
    last = decode_json(process.stdout.read().split(b"\n")[-2])
    _, errors = process.communicate(timeout=20)
    assert (last["id"], last["result"]["resultType"]) == (5, "complete")
    assert (process.returncode, errors) == (0, b"")


def test_stdio_keeps_quiet_when_its_reader_goes_away():
    process = start(MODULE)
    process.stdout.close()
    process.stdin.write(line("tools/list"))
    process.stdin.close()
    assert process.wait(20) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_reader_that_pauses_holds_nothing_up():
    process = start(MODULE)
    size = 1_000_000
    process.stdin.write(line("tools/call", 1, name="blob", arguments={"size": size}) + line("tools/list", 2))
    output, _ = process.communicate(timeout=20)
    assert len(output) > size
    assert decode_json(output.split(b"\n")[1])["id"] in (1, 2)


@pytest.mark.parametrize("signals", [signal.SIGTERM, signal.SIGINT])
def test_uvicorn_serves_on_a_free_port_and_stops_with_streams_open(signals):
    process = start([*MODULE, "--transport", "http", "--port", "0"])
    url = process.stderr.readline().decode().strip()
    port = int(url.split(":")[2].split("/")[0])
    with urllib.request.urlopen(url.replace("/mcp", "/health"), timeout=10) as reply:
        assert decode_json(reply.read())["status"] == "ok"
    body = line("subscriptions/listen", 1, notifications={"toolsListChanged": True})
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: subscriptions/listen \r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        received = b""
        while b"acknowledged" not in received:
            received += connection.recv(65536)
        process.send_signal(signals)
        while chunk := connection.recv(65536):
            received += chunk
    assert b'"resultType":"complete"' in received
    assert received.endswith(b"0\r\n\r\n")
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, b"")


def test_uvicorn_serves_websockets_where_they_are_asked_for():
    process = start([*MODULE, "--transport", "ws", "--port", "0"])
    url = process.stderr.readline().decode().strip()
    with connect(url, subprotocols=["mcp"]) as socket:
        socket.send(line("server/discover").decode())
        assert decode_json(socket.recv(timeout=10))["result"]["resultType"] == "complete"
        process.send_signal(signal.SIGTERM)
        with pytest.raises(Exception, match="1001"):
            socket.recv(timeout=10)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors


def test_uvicorn_serves_the_transport_of_2024_where_it_is_asked_for():
    process = start([*MODULE, "--transport", "sse", "--port", "0"])
    url = process.stderr.readline().decode().strip()
    with urllib.request.urlopen(url, timeout=10) as stream:
        while not (address := stream.readline()).startswith(b"data:"):
            pass
        target = url.replace("/sse", address[5:].decode().strip())
        body = line("server/discover").strip()
        post = urllib.request.Request(target, body, {"content-type": "application/json"})
        with urllib.request.urlopen(post, timeout=10) as reply:
            assert reply.status == 202
        while not (data := stream.readline()).startswith(b"data:"):
            pass
        assert decode_json(data[5:])["result"]["resultType"] == "complete"
        process.send_signal(signal.SIGTERM)
        stream.read()
    process.communicate(timeout=20)
    assert process.returncode == 0
