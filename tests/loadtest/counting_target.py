"""An MCP server over HTTP that counts what reaches it: `counting_target.py [--host H] [FAULT]`.

It prints its port first, and when standard input ends what came: one JSON object with `calls`, and `workers`, how many
of them each generator sent, told by their markers. Faults: `reset` (every tenth call: the connection is reset),
`half` (every tenth: half of the answer, and the end), `silent` (exits at the fortieth call).
"""

import asyncio
import collections
import json
import os
import re
import socket
import struct
import sys
from typing import Any

FIRST_MARKER, STEP = 1_000_000_000, 100_000_000
LINGER = struct.pack("ii", 1, 0)


class Target:
    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.calls = 0
        self.workers: collections.Counter[int] = collections.Counter()

    def answer(self, message: dict[str, Any]) -> bytes:
        self.calls += 1
        text = message["params"]["arguments"]["text"]
        marker = re.search(r"\d+", text)
        assert marker
        self.workers[(int(marker[0]) - FIRST_MARKER) // STEP] += 1
        result = {"resultType": "complete", "content": [{"type": "text", "text": text}], "isError": False}
        return json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                message = json.loads(await reader.readexactly(length))
                if "id" not in message:
                    writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                    continue
                body = self.answer(message)
                unlucky = self.calls % 10 == 0
                if self.fault == "silent" and self.calls == 40:
                    os._exit(3)
                if self.fault == "reset" and unlucky:
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
                    writer.transport.abort()
                    return
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
                )
                if self.fault == "half" and unlucky:
                    writer.write(body[: len(body) // 2])
                    return
                writer.write(body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main(host: str, target: Target) -> None:
    server = await asyncio.start_server(target.serve, host, 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - what the test reads
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, lambda: os.read(0, 1) or ended.set())
    await ended.wait()
    print(json.dumps({"calls": target.calls, "workers": target.workers}), flush=True)  # noqa: T201 - what the test reads
    os._exit(0)


if __name__ == "__main__":
    given = sys.argv[1:]
    chosen = given.pop(1) if given[:1] == ["--host"] else "127.0.0.1"
    rest = [each for each in given if each != "--host"]
    asyncio.run(main(chosen, Target(rest[0] if rest else "")))
