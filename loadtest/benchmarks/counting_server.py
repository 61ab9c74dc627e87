"""The null server, counting: it prints its port, and with each line of its input how many calls it has answered."""

from __future__ import annotations

import asyncio
import os

import uvloop

from loadtest.null_server import NullProtocol

__all__ = ["main"]


class _Counting(NullProtocol):
    answered = 0

    def _send(self, body: bytes | None) -> None:
        _Counting.answered += 1
        super()._send(body)


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Counting, "127.0.0.1", 0)
    _print(server.sockets[0].getsockname()[1])
    ended = asyncio.Event()

    def asked() -> None:
        if os.read(0, 4096):
            _print(_Counting.answered)
        else:
            ended.set()

    loop.add_reader(0, asked)
    await ended.wait()
    loop.remove_reader(0)
    server.close()


def _print(number: int) -> None:
    os.write(1, b"%d\n" % number)


if __name__ == "__main__":
    uvloop.run(main())
