"""A tiny MCP server for the load tests, run as a process: `target.py http|stdio [FAULT]`.

Faults: `stall` (0.3 s of silence at the fortieth call), `die` (exit code 3 at the fortieth call), `hang` (never answers
a call), `garbage` (answers what is no JSON), `swap` (answers with another call's text), `fail` (every second call is an
`isError`), `noise` (a log line on standard output before each answer), `gate` (over HTTP: takes bearer tokens that
begin with good, and no others). Over HTTP there is also `parts`: it closes the
connection after each answer, unannounced, which is no fault. The HTTP face prints its port first.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

FAULTY_CALL = 40


class Target:
    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.calls = 0
        self.last_text = "nothing yet"

    def respond(self, message: dict[str, Any]) -> str | None:
        """Return the text of the answer: None for a notification, "" where no answer ever comes."""
        if "id" not in message:
            return None
        if message["method"] == "initialize":
            version = message["params"]["protocolVersion"]
            info = {"name": "target", "version": "1"}
            return answer(message, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info})
        if message["method"] == "server/discover":
            return answer(message, {"resultType": "complete", "supportedVersions": [], "capabilities": {"tools": {}}})
        self.calls += 1
        if self.calls == FAULTY_CALL and self.fault == "stall":
            time.sleep(0.3)
        if self.calls == FAULTY_CALL and self.fault == "die":
            os._exit(3)
        match self.fault:
            case "hang":
                return ""
            case "garbage":
                return "<html>Bad Gateway</html>"
        return answer(message, self.call(message["params"]["arguments"]["text"]))

    def call(self, text: str) -> dict[str, Any]:
        said = self.last_text if self.fault == "swap" else text
        self.last_text = text
        failed = self.fault == "fail" and self.calls % 2 == 0
        return {"resultType": "complete", "content": [{"type": "text", "text": said}], "isError": failed}


def answer(message: dict[str, Any], result: dict[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def serve_connection(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            message = json.loads(await reader.readexactly(length))
            if target.fault == "gate" and b"authorization: bearer good" not in head.lower():
                writer.write(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")
                continue
            text = target.respond(message)
            if text is None:
                writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
            elif text:
                body = f"event: message\ndata: {text}\n\n".encode()
                kind = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nmcp-session-id: s1\r\n"
                writer.write(kind + b"content-length: %d\r\n\r\n" % len(body) + body)
            if target.fault == "parts":
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def http(target: Target) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve_connection(target, reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    say(str(server.sockets[0].getsockname()[1]))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, lambda: os.read(0, 1) or ended.set())
    await ended.wait()


def stdio(target: Target) -> None:
    for line in sys.stdin:
        text = target.respond(json.loads(line))
        if target.fault == "noise":
            say("INFO about to answer")
        if text:
            say(text)


if __name__ == "__main__":
    chosen = Target(sys.argv[2] if len(sys.argv) > 2 else "")
    if sys.argv[1] == "http":
        asyncio.run(http(chosen))
    else:
        stdio(chosen)
