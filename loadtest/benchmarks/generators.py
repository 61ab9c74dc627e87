"""The load generators that are compared, each as the command that runs it: programs of ours, as text, and binaries."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadtest.benchmarks.environments import Environments
from reference_impl.protocol.lifecycle import request_meta
from reference_impl.protocol.messages import Request, encode
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY
from reference_impl.protocol.streamable import request_headers

__all__ = ["GENERATORS", "USERS", "Generator"]

USERS = 16
_FIRST = 1_000_000_000
_META = request_meta(LATEST)
_CALL = Request(_FIRST, "tools/call", {"name": "echo", "arguments": {"text": f"hello {_FIRST}"}, "_meta": _META})
_HEADERS = request_headers(_CALL, LATEST)

_LOCUSTFILE = """
import itertools
from locust import FastHttpUser, HttpUser, constant, task

numbers = itertools.count(%d)
META = %s
HEADERS = %s

class Peer(%s):
    wait_time = constant(0)

    @task
    def call(self):
        number = next(numbers)
        params = {"name": "echo", "arguments": {"text": f"hello {number}"}, "_meta": META}
        message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        with self.client.post("/mcp", json=message, headers=HEADERS, catch_response=True) as response:
            answer = response.json()
            if answer["id"] != number or str(number) not in answer["result"]["content"][0]["text"]:
                response.failure("foreign answer")
"""

_K6 = """
import http from 'k6/http';
export const options = {vus: %d, duration: '1h', noConnectionReuse: false, discardResponseBodies: false};
const meta = %s, headers = %s;
let number = %d + __VU * 10000000;
export default function () {
  number += 1;
  const params = {name: 'echo', arguments: {text: `hello ${number}`}, _meta: meta};
  const message = JSON.stringify({jsonrpc: '2.0', id: number, method: 'tools/call', params});
  const answer = JSON.parse(http.post('%s', message, {headers}).body);
  const text = answer.result.content[0].text;
  if (answer.id !== number || !text.includes(String(number))) throw new Error('foreign answer');
}
"""

_SDK = """
import asyncio, itertools, sys
import anyio
from mcp.client.client import Client

async def main():
    numbers = itertools.count(%d)
    async with Client(sys.argv[1], mode="legacy") as server:
        async def call():
            while True:
                number = str(next(numbers))
                result = await server.call_tool("echo", {"text": f"hello {number}"})
                assert number in result.content[0].text
        async with anyio.create_task_group() as tasks:
            for _ in range(%d):
                tasks.start_soon(call)

try:
    import uvloop
except ImportError:
    asyncio.run(main())
else:
    uvloop.run(main())
"""

_OURS = """
import sys
from loadtest.run import run_load
from loadtest.workload import ClosedModel, HttpTarget, LoadPlan, Operation, Workload

params = {"name": "echo", "arguments": {"text": "hello {n}"}}
echo = Operation(name="echo", method="tools/call", params=params, echoes=True)
run_load(LoadPlan(
    target=HttpTarget(url=sys.argv[1]), revision=sys.argv[2], workload=Workload(name="echo", operations=(echo,)),
    model=ClosedModel(users=%d), duration=3600.0, calibration=0.0,
))
"""


@dataclass(frozen=True, slots=True)
class Generator:
    """`command` takes the server's URL, a folder for a program, and the peers' environments; it raises
    `FileNotFoundError` where the generator is not installed. `goal` is how many times as much ours is to make."""

    command: Callable[[str, Path, Environments], list[str]]
    goal: float | None = None


def _written(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text)
    return str(file)


def _locust(user: str) -> Callable[[str, Path, Environments], list[str]]:
    def command(url: str, folder: Path, _: Environments) -> list[str]:
        text = _LOCUSTFILE % (_FIRST, _META, _HEADERS, user)
        file = _written(folder, f"{user}.py", text)
        how = ["--headless", "--skip-log", "-u", str(USERS), "-r", str(USERS), "--host", url.removesuffix("/mcp")]
        return [sys.executable, "-m", "locust", "-f", file, *how]

    return command


def _ours(revision: str) -> Callable[[str, Path, Environments], list[str]]:
    def command(url: str, _: Path, __: Environments) -> list[str]:
        return [sys.executable, "-c", _OURS % USERS, url, revision]

    return command


def _k6(url: str, folder: Path, _: Environments) -> list[str]:
    text = _K6 % (USERS, json.dumps(_META), json.dumps(_HEADERS), _FIRST, url)
    return ["env", "GOMAXPROCS=1", _found("k6", "pip install k6"), "run", "--quiet", _written(folder, "k6.js", text)]


def _wrk(url: str, folder: Path, _: Environments) -> list[str]:
    headers = "".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n" for name, value in _HEADERS.items())
    text = f"wrk.method = 'POST'\n{headers}wrk.body = [==[{encode(_CALL).decode()}]==]\n"
    how = ["-t", "1", "-c", str(USERS), "-d", "1h", "-s", _written(folder, "wrk.lua", text)]
    return [_found("wrk", "apt install wrk"), *how, url]


def _sdk(url: str, folder: Path, environments: Environments) -> list[str]:
    text = _SDK % (_FIRST, USERS)
    return [environments.sdk_python(), "-P", _written(folder, "sdk_client.py", text), url]


def _found(program: str, way: str) -> str:
    beside = Path(sys.executable).parent
    path = shutil.which(program, path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    if path is None:
        raise FileNotFoundError(f"{program} is not installed ({way})")
    return path


GENERATORS: dict[str, Generator] = {
    "McpHttpUser": Generator(_ours(LATEST.name)),
    "McpHttpUser in sessions": Generator(_ours(LATEST_LEGACY.name)),
    "FastHttpUser": Generator(_locust("FastHttpUser"), 3),
    "HttpUser": Generator(_locust("HttpUser"), 20),
    "k6": Generator(_k6, 3),
    "official SDK": Generator(_sdk, 25),
    "wrk": Generator(_wrk, 0.3),
}
"""Each makes one call after the other, for each of `USERS` users, until it is ended."""
