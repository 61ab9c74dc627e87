"""Turns of every scenario against the reference server: what they record, over HTTP and stdio, in both eras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from conformance.patience import Patience
from conformance.scout import Scouted, scout
from conformance.surface import Permission
from conformance.target import HttpTarget as Subject
from door.embedded import EmbeddedServer
from door.offering import offer_of
from loadtest.mixing import Mixed
from loadtest.scenario import Offer, Wishes
from loadtest.scenarios import scenario_named
from loadtest.workload import ClosedModel, HttpTarget, LoadPlan, StdioTarget, Target, encode_plan
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY
from tests.loadtest.conftest import served

PROGRAM = Path(__file__).with_name("playing.py")
ROOT = PROGRAM.parents[3]
SERVE = (sys.executable, "-m", "touchstone", "serve", "everything")

NOTHING = Wishes()

Played = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Subject]:
    with EmbeddedServer() as embedded:
        yield embedded.target


@pytest.fixture(scope="module")
def found(server: Subject) -> Scouted:
    wanted = (LATEST.name, LATEST_LEGACY.name)
    return anyio.run(scout, server, Patience(), Permission(), wanted)


@pytest.fixture(scope="module")
def player() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, str(PROGRAM)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


class Stage:
    def __init__(self, player: subprocess.Popen[bytes], target: Subject, found: Scouted) -> None:
        self._player = player
        self._url = target.url
        self._target = target
        self._found = found

    def offer(self, revision: str, transport: str = "http") -> Offer:
        chosen = LATEST if revision == LATEST.name else LATEST_LEGACY
        offer = offer_of(self._target, self._found, chosen)
        return msgspec.structs.replace(offer, transport=transport)

    def play(
        self, name: str, over: str, wishes: Wishes = NOTHING, *, users: int = 2, turns: int = 3, **parameters: Any
    ) -> Played:
        transport, revision = over.split()
        scenario = scenario_named(name)
        workload = scenario.workload(self.offer(revision, transport), wishes)
        workload = msgspec.structs.replace(workload, scenario=name, parameters={**workload.parameters, **parameters})
        stdio = StdioTarget(argv=SERVE, process_each=scenario.alone)
        return self.send(workload, HttpTarget(url=self._url) if transport == "http" else stdio, revision, users, turns)

    def send(self, workload: Any, target: Target, revision: str, users: int = 1, turns: int = 1) -> Played:
        plan = LoadPlan(
            target=target,
            revision=revision,
            workload=workload,
            model=ClosedModel(users=users),
            duration=1.0,
            timeout=30.0,
            seed=turns,
        )
        assert self._player.stdin is not None
        assert self._player.stdout is not None
        self._player.stdin.write(encode_plan(plan) + b"\n")
        self._player.stdin.flush()
        played: Played = json.loads(self._player.stdout.readline())
        assert played["in flight"] == 0
        return played


@pytest.fixture(scope="module")
def stage(player: subprocess.Popen[bytes], server: Subject, found: Scouted) -> Stage:
    return Stage(player, server, found)


HTTP, SESSIONS = f"http {LATEST.name}", f"http {LATEST_LEGACY.name}"
STDIO, OLD_STDIO = f"stdio {LATEST.name}", f"stdio {LATEST_LEGACY.name}"
EVERYWHERE = pytest.mark.parametrize("over", [HTTP, SESSIONS, STDIO, OLD_STDIO])


@EVERYWHERE
def test_steady_calls_go_to_the_tool_that_echoes_and_all_users_share_a_process(stage: Stage, over: str) -> None:
    played = stage.play("steady", over)
    assert played["operations"] == {"tools/call echo": [6, 0]}
    assert played["opened"] == (1 if over.startswith("stdio") else 2)
    assert played["errors"] == {}


def test_several_tools_are_called_by_their_weights(stage: Stage) -> None:
    wishes = Wishes(tools=(("echo", 1.0), ("add", 1000.0)))
    played = stage.play("steady", HTTP, wishes, turns=20)
    assert sum(total for total, _ in played["operations"].values()) == 40
    assert played["operations"]["tools/call add"][0] > 30
    assert played["errors"] == {}


@EVERYWHERE
def test_discovery_reads_every_list_to_its_end(stage: Stage, over: str) -> None:
    played = stage.play("discovery", over)
    begun = {SESSIONS: "initialize", OLD_STDIO: "tools/list"}.get(over, "server/discover")
    paged = {"prompts/list", "resources/list", "resources/templates/list"}
    expected = {begun, "tools/list", *paged, *(f"{each}, further pages" for each in paged)}
    assert played["operations"].keys() == expected
    assert played["operations"]["resources/list"] == played["operations"][begun] == [6, 0]
    assert played["operations"]["resources/list, further pages"][0] % 6 == 0
    assert played["errors"] == {}


def test_a_session_is_set_up_used_once_and_ended(stage: Stage) -> None:
    played = stage.play("churn", SESSIONS)
    assert played["operations"] == {"session set-up": [6, 0], "tools/call echo": [6, 0], "session end": [6, 0]}
    assert played["opened"] == 0


def test_without_sessions_a_connection_is_what_churns(stage: Stage) -> None:
    played = stage.play("churn", HTTP)
    assert played["operations"] == {"connection set-up": [6, 0], "tools/call echo": [6, 0]}


def test_over_stdio_a_process_is_what_churns(stage: Stage) -> None:
    played = stage.play("churn", STDIO, users=1, turns=2)
    assert played["operations"] == {"process set-up": [2, 0], "tools/call echo": [2, 0], "process end": [2, 0]}


def test_the_first_answer_of_a_process_counts_from_its_start(stage: Stage) -> None:
    played = stage.play("cold", OLD_STDIO, users=1, turns=1)
    assert played["operations"] == {"first answer of a process: tools/call echo": [1, 0], "process end": [1, 0]}
    assert played["opened"] == 1


def test_at_a_url_the_first_answer_is_one_on_a_new_connection(stage: Stage) -> None:
    played = stage.play("cold", SESSIONS)
    assert played["operations"] == {"first answer on a new connection: tools/call echo": [6, 0]}
    assert played["opened"] == 6


@pytest.mark.parametrize("over", [HTTP, STDIO])
def test_payloads_of_all_sizes_travel_both_ways(stage: Stage, over: str) -> None:
    played = stage.play("payload", over, turns=40)
    sizes = {"100 B", "1 KiB", "10 KiB", "100 KiB", "1 MiB"}
    sent, asked = {f"send and get {size} (echo)" for size in sizes}, {f"get {size} (blob)" for size in sizes}
    assert played["operations"].keys() <= sent | asked
    assert sum(total for total, _ in played["operations"].values()) == 80
    assert played["errors"] == {}


@EVERYWHERE
def test_long_calls_report_progress_and_every_third_is_taken_back(stage: Stage, over: str) -> None:
    played = stage.play("long-calls", over, after=0.05)
    cheap = "ping" if LATEST_LEGACY.name in over else "server/discover"
    assert played["operations"] == {
        "tools/call slow": [4, 0],
        "tools/call slow, cancelled": [2, 0],
        f"{cheap} after a cancellation": [2, 0],
    }
    assert "tools/call slow" in played["progress"]
    assert played["errors"] == {}


@EVERYWHERE
def test_questions_are_answered_until_the_call_is_done(stage: Stage, over: str) -> None:
    tools = (("test_input_required_result_multi_round", 1.0),) if LATEST.name in over else (("ask", 1.0),)
    played = stage.play("rounds", over, Wishes(tools=tools))
    assert played["operations"] == {f"tools/call {tools[0][0]}": [6, 0]}


def test_a_call_that_asks_nothing_is_counted_apart(stage: Stage) -> None:
    played = stage.play("rounds", HTTP, Wishes(tools=(("echo", 1.0),)))
    assert played["operations"] == {"tools/call echo, no question": [6, 0]}


def test_a_mix_is_what_its_user_wrote(stage: Stage) -> None:
    mix = (
        Mixed(tool="echo", arguments={"text": "tea {n}"}, echoes=True),
        Mixed(prompt="test_simple_prompt"),
        Mixed(resource="test://static-text", name="read"),
        Mixed(method="tools/list", weight=2),
    )
    played = stage.play("mix", SESSIONS, Wishes(mix=mix), turns=30)
    assert played["operations"].keys() == {"tools/call echo", "prompts/get test_simple_prompt", "read", "tools/list"}
    assert played["errors"] == {}


def test_tokens_are_told_apart_and_expired_ones_have_to_be_refused(stage: Stage) -> None:
    offer = msgspec.structs.replace(stage.offer(LATEST.name), tokens=("good", "good 2"), expired="stale")
    workload = scenario_named("authorized").workload(offer, Wishes())
    workload = msgspec.structs.replace(workload, scenario="authorized")
    with served("gate") as target:
        played = stage.send(workload, target, LATEST.name, users=1, turns=8)
        assert played["operations"] == {
            "first request, new token": [1, 0],
            "first request, known token": [5, 0],
            "refusal of an expired token": [2, 0],
            "tools/call echo": [18, 0],
        }
    with served("") as target:
        played = stage.send(workload, target, LATEST.name, users=1, turns=4)
    assert played["operations"]["refusal of an expired token"] == [1, 1]
    assert "accepted" in next(iter(played["errors"]))


DEAF = """
import json, sys
calls, lost = 0, []
for message in map(json.loads, sys.stdin):
    if "id" not in message:
        continue
    token = message["params"]["_meta"].get("progressToken")
    calls += token is not None
    for each in lost:
        params = {"progressToken": each, "progress": 1}
        print(json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}))
    if token is not None and calls % 3 == 0:
        lost.append(token)
    else:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"resultType": "complete"}}), flush=True)
"""
"""A server that never answers the third call, and goes on to report its progress, cancelled or not."""


def test_progress_of_a_cancelled_call_is_told_once_a_later_request_was_answered(stage: Stage) -> None:
    workload = scenario_named("long-calls").workload(stage.offer(LATEST.name), NOTHING)
    parameters = {**workload.parameters, "after": 0.05}
    workload = msgspec.structs.replace(workload, scenario="long-calls", parameters=parameters)
    played = stage.send(workload, StdioTarget(argv=(sys.executable, "-c", DEAF)), LATEST.name, users=1, turns=4)
    assert played["operations"]["tools/call slow, cancelled"] == [1, 0]
    assert played["operations"]["tools/call slow"] == [3, 0]
    assert [code for code in played["errors"] if code.endswith("after-cancellation")]
