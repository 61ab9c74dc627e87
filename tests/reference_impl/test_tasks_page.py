"""The snippets of the page about tasks do what the page says."""

import asyncio
import re
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest

from reference_impl.server.stream import serve_stream
from reference_impl.transports.memory import MemoryChannel, memory_pair

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"


class End(anyio.abc.ByteReceiveStream, anyio.abc.ByteSendStream):
    """The server's end of a channel in memory."""

    def __init__(self, channel: MemoryChannel) -> None:
        self._channel = channel

    async def receive(self, max_bytes: int = 65536) -> bytes:
        del max_bytes
        return await self._channel.receive()

    async def send(self, item: bytes) -> None:
        await self._channel.send(item)

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_the_tool_of_the_page_is_a_task_for_the_client_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), names)
    near, far = memory_pair()
    end = End(far)
    serving = asyncio.ensure_future(serve_stream(names["server"], end, end))
    with anyio.fail_after(5):
        result = await names["call"](near)
        await serving
    assert result["content"][0]["text"] == "2 kg in sack B"
    told = capsys.readouterr().out
    assert "2 of 2 kg" in told or "Input is needed" in told
    assert "completed" in told
