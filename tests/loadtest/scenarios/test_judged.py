"""What scenarios judge beside latency: each fault is told, what is good or cannot be told is not accused."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from loadtest.incoming import Notice
from loadtest.recorded import Step, read_recording
from loadtest.scenario import Scenario, Sized, Unavailable, Wishes
from loadtest.scenarios.first_calls import FIRST_CALLS
from loadtest.scenarios.isolation import ISOLATION
from loadtest.scenarios.neighbour import ALONE, BESIDE, NEIGHBOUR, SLOW
from loadtest.scenarios.replay import REPLAY
from loadtest.scenarios.restart import RESTART
from loadtest.scenarios.soak import SOAK
from loadtest.scenarios.streams import STREAMS, _hears
from loadtest.serving import Serving
from loadtest.totals import ErrorRow, Remark, SecondState
from loadtest.workload import Operation
from reports.records import CostSample, Counts, TargetCost
from tests.loadtest.scenarios.memory import ECHO, Conversation, judged, judgements, offer, visitors


def result(text: str) -> dict[str, Any]:
    return {"result": {"content": [{"type": "text", "text": text}]}}


def echo(request: dict[str, Any]) -> dict[str, Any]:
    return result(request["params"]["arguments"]["text"])


def once(total: int, failed: int = 0) -> Counts:
    return Counts(total=total, ok=total - failed, failed=failed)


# Isolation --------------------------------------------------------------------------------------------


def test_an_honest_server_gives_each_its_own() -> None:
    users = visitors(ISOLATION, offer(), echo, 3)
    assert all(user.visit().failure is None for user in users for _ in range(3))
    (one,) = judgements(ISOLATION, users[0])
    assert (one.holds, one.measured) == (True, 0.0)
    assert "36 answers" in one.explanation


def test_an_answer_with_the_text_of_another_is_proved_by_the_bytes_of_both() -> None:
    by_id: dict[int, str] = {}

    def confused(request: dict[str, Any]) -> dict[str, Any]:
        return result(by_id.setdefault(request["id"], request["params"]["arguments"]["text"]))

    first, second = visitors(ISOLATION, offer(), confused, 2)
    assert first.visit().failure is None
    assert second.visit().failure is not None
    (one,) = judgements(ISOLATION, first)
    assert (one.holds, one.measured) == (False, 4.0)
    asked, answered, other = one.evidence
    assert (asked.direction, answered.direction, other.direction) == ("sent", "received", "sent")
    assert answered.note == "conversation 1, id 1: holds the text of conversation 0, id 1"
    assert "1000000004" in asked.text
    assert "1000000000" in answered.text
    assert "1000000000" in other.text


def test_an_answer_that_holds_another_text_beside_its_own_is_told_too() -> None:
    said: list[str] = []

    def talkative(request: dict[str, Any]) -> dict[str, Any]:
        said.append(request["params"]["arguments"]["text"])
        return result(" ".join(said[-2:]))

    (user,) = visitors(ISOLATION, offer(), talkative, 1)
    user.visit()
    assert judgements(ISOLATION, user)[0].measured == 3.0


def test_nothing_is_proved_where_nothing_was_answered() -> None:
    (user,) = visitors(ISOLATION, offer(), lambda _: {"error": {"code": -32000, "message": "no"}}, 1)
    user.visit()
    assert judgements(ISOLATION, user)[0].holds is None


# Neighbour --------------------------------------------------------------------------------------------


def windows(beside: float, alone: float, number: int = 3) -> list[Remark]:
    return [Remark(kind="window", numbers={"beside": beside, "alone": alone, "length": 0.5})] * number


ASKED = {"counts": {ALONE: once(50), BESIDE: once(5), SLOW: once(3)}}


@pytest.mark.parametrize(
    ("beside", "alone", "number", "holds"),
    [
        (0.49, 0.004, 3, False),  # whoever asks waits for the end of the slow call
        (0.01, 0.008, 3, True),
        (0.20, 0.15, 3, True),  # a busy machine holds up everybody, with a slow call or without
        (0.30, 0.15, 3, None),  # so busy that nobody can tell
        (0.49, 0.004, 1, None),
    ],
)
def test_a_blocked_event_loop_is_told_from_a_busy_machine(
    beside: float, alone: float, number: int, holds: bool | None
) -> None:
    assert judged(NEIGHBOUR, *windows(beside, alone, number), **ASKED).holds is holds


def test_nobody_is_held_up_where_nobody_else_asks() -> None:
    assert judged(NEIGHBOUR, *windows(0.0, 0.0), counts={SLOW: once(3)}).holds is None


@pytest.mark.parametrize(("kind", "seconds"), [("number", 0.5), ("integer", 1)])
def test_a_slow_call_lasts_as_long_as_a_window_or_a_whole_second(kind: str, seconds: float) -> None:
    schema = {"type": "object", "properties": {"seconds": {"type": kind}}}
    call = Operation(
        name="nap", method="tools/call", params={"name": "nap", "arguments": {"seconds": 9}}, schema=schema
    )
    made = NEIGHBOUR.workload(offer(slow=(Sized(operation=call, argument="seconds"),)), Wishes())
    assert [each.name for each in made.operations] == [ALONE, BESIDE, SLOW]
    assert made.operations[2].params["arguments"] == {"seconds": seconds}


# First calls ------------------------------------------------------------------------------------------


def first(kind: str, unanswered: int, longest: float = 0.05) -> Remark:
    numbers = {"asked": 8, "unanswered": unanswered, "longest": longest, "patience": 3.5}
    return Remark(kind=kind, numbers=numbers)


@pytest.mark.parametrize(
    ("remarks", "holds", "said"),
    [
        ((first("alone", 0), first("together", 0, 0.2)), True, "of 8 at once the last took 200 ms"),
        ((first("alone", 0), first("together", 8)), False, "8 had no answer after 3.5 s, in 1 of 1"),
        ((first("alone", 1),), False, "alone, was not answered"),
        ((first("alone", 0),), None, "a longer --duration"),
        ((), None, "not started afresh"),
    ],
)
def test_first_calls_that_hang_are_told_against_one_alone(remarks: Any, holds: bool | None, said: str) -> None:
    one = judged(FIRST_CALLS, *remarks)
    assert (one.holds, said in one.explanation) == (holds, True)


@pytest.mark.parametrize("scenario", [FIRST_CALLS, RESTART])
def test_what_listens_at_a_url_is_left_alone_unless_it_is_ours_to_start(scenario: Scenario) -> None:
    with pytest.raises(Unavailable, match="--start"):
        scenario.workload(offer(), Wishes())
    serving = Serving(argv=("serve",), url="http://127.0.0.1:1/mcp")
    assert scenario.workload(offer(serving=serving), Wishes()).parameters["serving"]["argv"] == ("serve",)
    assert "serving" not in scenario.workload(offer(transport="stdio"), Wishes()).parameters


# Restart ----------------------------------------------------------------------------------------------


BACK = Remark(kind="back", numbers={"user": 0, "seconds": 1.25, "errors": 3})
GONE = (Remark(kind="gone", numbers={"user": 0}, text="transport closed"),)
LOST = Remark(kind="gone", numbers={"user": 1}, text="json-rpc -32600")


@pytest.mark.parametrize(
    ("remarks", "holds", "said"),
    [
        ((*GONE, BACK), True, "1 users were served again after 1.25 s at most, 3 errors later"),
        ((*GONE, BACK, LOST), False, "1 of 2 users were never served again (json-rpc -32600)"),
        ((Remark(kind="restarted", numbers={"seconds": 60.0, "listens": 0.0}),), False, "could not be started again"),
        ((), None, "a longer --duration"),
    ],
)
def test_a_restart_ends_when_everybody_is_served_again(remarks: Any, holds: bool | None, said: str) -> None:
    one = judged(RESTART, *remarks)
    assert (one.holds, said in one.explanation) == (holds, True)


# Streams ----------------------------------------------------------------------------------------------


CHANGE = Operation(name="tools/call toggle", method="tools/call", params={"name": "toggle", "arguments": {}})


def test_who_hears_of_a_change_twice_is_counted() -> None:
    (user,) = visitors(STREAMS, offer(changing=(CHANGE,)), echo, 1)
    hear = _hears(user)
    at = time.perf_counter()
    hear(Notice("notifications/tools/list_changed", {}, at))  # before anything was changed
    user.shared["change"] = {"at": at, "heard": set()}
    hear(Notice("notifications/tools/list_changed", {}, at + 0.25))
    hear(Notice("notifications/message", {}, at + 0.5))
    hear(Notice("notifications/tools/list_changed", {}, at + 0.5))
    user.remark("change", {"subscribers": 1.0, "missed": 0.0})
    (one,) = judgements(STREAMS, user)
    assert (one.holds, one.measured) == (False, 1.0)
    assert "0 notifications missing, 1 doubled" in one.explanation


def test_without_subscribers_nothing_is_said_of_them() -> None:
    refused = ErrorRow("open a stream", "http-status", "405", 3, "Method Not Allowed")
    one = judged(STREAMS, Remark(kind="change", numbers={"subscribers": 0.0}), errors=(refused,))
    assert one.holds is None
    assert "no stream could be opened: Method Not Allowed" in one.explanation


def test_a_tool_that_changes_nothing_makes_nobody_miss_anything() -> None:
    one = judged(STREAMS, Remark(kind="silence", numbers={"subscribers": 9.0}))
    assert one.holds is None
    assert "may change no list" in one.explanation


def test_a_change_of_which_nobody_hears_is_missed_where_others_are_heard() -> None:
    heard = Remark(kind="change", numbers={"subscribers": 2.0, "missed": 0.0})
    one = judged(STREAMS, heard, Remark(kind="silence", numbers={"subscribers": 2.0}))
    assert (one.holds, one.measured) == (False, 2.0)


def test_a_change_takes_a_tool_that_may_be_called() -> None:
    with pytest.raises(Unavailable, match="--allow"):
        STREAMS.workload(offer(), Wishes())


# Soak -------------------------------------------------------------------------------------------------


def cost(bytes_a_second: float) -> TargetCost:
    series = tuple(
        CostSample(
            second=step / 4,
            cpu_percent=50.0,
            rss_bytes=int(80e6 + bytes_a_second * step / 4),
            fds=20 + step % 3,
            threads=4,
        )
        for step in range(240)
    )
    return TargetCost(cpu_percent_mean=50.0, cpu_percent_max=60.0, rss_bytes_max=1, series=series)


def soaked(cost_of_target: TargetCost | None) -> list[Any]:
    sessions = {"session set-up": once(600), "session end": once(600), "tools/call echo": once(1200)}
    facts = {"counts": sessions, "worked": {second: SecondState(completed=40) for second in range(60)}, "seconds": 60.0}
    return [one.holds for one in SOAK.judge(_found({"unit": "session"}, cost=cost_of_target, **facts))]


def _found(parameters: dict[str, Any], **facts: Any) -> Any:
    from loadtest.found import Found

    return Found(parameters=parameters, **facts)


def test_a_leak_is_told_per_session_and_only_where_it_is() -> None:
    assert soaked(cost(10 * 50 * 1024)) == [False, True, True]
    assert soaked(cost(0)) == [True, True, True]
    assert soaked(None) == [None, None, None]


def test_what_a_session_leaves_is_counted_for_all_its_operations() -> None:
    sessions = {"session set-up": once(600), "session end": once(600), "tools/call echo": once(1200)}
    worked = {second: SecondState(completed=40) for second in range(60)}
    found = _found({"unit": "session"}, cost=cost(10 * 51_200), counts=sessions, worked=worked, seconds=60.0)
    memory = next(iter(SOAK.judge(found)))
    assert memory.measured == pytest.approx(51_200, rel=0.02)
    assert memory.explanation.startswith("50.0 KiB a session (95 %: ")


@pytest.mark.parametrize(("kept", "holds"), [((0, 0, 0), True), ((0, 1, 0), False)])
def test_a_session_that_still_answers_after_its_end_was_kept(kept: tuple[int, ...], holds: bool) -> None:
    remarks = tuple(Remark(kind="ended", numbers={"kept": each}) for each in kept)
    *_, one = SOAK.judge(_found({"unit": "session"}, remarks=remarks))
    assert (one.name, one.holds) == ("sessions that were ended are gone", holds)


# Replay -----------------------------------------------------------------------------------------------


STEPS = (
    Step(method="notifications/roots/list_changed", notification=True),
    Step(method="tools/call", params={"name": "echo", "arguments": {"text": "hello"}}, shape="result"),
    Step(method="tools/call", params={"name": "nobody"}, shape="error", code=-32602),
)


def known(request: dict[str, Any]) -> dict[str, Any]:
    if request["params"]["name"] == "nobody":
        return {"error": {"code": -32602, "message": "no such tool"}}
    return echo(request)


def test_a_recording_is_replayed_in_order_and_errors_that_were_recorded_are_no_errors() -> None:
    (user,) = visitors(REPLAY, offer(), known, 1, Wishes(recording=STEPS))
    samples = [user.visit() for _ in range(2)]
    assert [(each.operation, each.failure) for each in samples] == [
        ("2. tools/call echo", None),
        ("3. tools/call nobody", None),
    ]
    before = user.conversation
    assert isinstance(before, Conversation)
    assert before.told == ["notifications/roots/list_changed"]
    assert user.visit().operation == "2. tools/call echo"
    assert user.conversation is not before  # whoever is through begins anew
    assert judgements(REPLAY, user)[0].holds is True


def test_an_answer_of_another_shape_is_told() -> None:
    (user,) = visitors(REPLAY, offer(), echo_anything, 1, Wishes(recording=STEPS))
    assert [each.failure is None for each in (user.visit(), user.visit())] == [True, False]
    (one,) = judgements(REPLAY, user)
    assert (one.holds, one.measured) == (False, 1.0)
    assert "recorded was error -32602, answered result" in one.explanation


def echo_anything(request: dict[str, Any]) -> dict[str, Any]:
    return result(json.dumps(request["params"]))


def test_a_request_that_continues_another_bears_the_state_of_today() -> None:
    asked: list[dict[str, Any]] = []

    def in_rounds(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request["params"])
        done = "requestState" in request["params"]
        return result("done") if done else {"result": {"resultType": "input_required", "requestState": "of today"}}

    call = {"name": "ask", "arguments": {}}
    steps = (
        Step(method="tools/call", params=call, shape="input_required"),
        Step(method="tools/call", params={**call, "inputResponses": {}}, shape="result", continues=True),
    )
    (user,) = visitors(REPLAY, offer(), in_rounds, 1, Wishes(recording=steps))
    assert [user.visit().failure, user.visit().failure] == [None, None]
    assert asked[1]["requestState"] == "of today"


def test_a_replay_without_a_recording_is_refused() -> None:
    with pytest.raises(Unavailable, match="--recording FILE"):
        REPLAY.workload(offer(), Wishes())


# Recordings -------------------------------------------------------------------------------------------


ASK = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "tools/call",
    "params": {"name": "add", "_meta": {"progressToken": 1, "a": 2}},
}
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
NO = {"jsonrpc": "2.0", "id": 7, "error": {"code": -32602, "message": "no"}}
EXPECTED = Step(method="tools/call", params={"name": "add", "_meta": {"a": 2}}, shape="error", code=-32602)


def wire(direction: str, text: str, **more: Any) -> dict[str, Any]:
    return {"at": 0.0, "direction": direction, "text": text, **more}


RECORDINGS: dict[str, str] = {
    "messages": "\n".join(map(json.dumps, (HELLO, ASK, NO))),
    "records of stdio": json.dumps(
        {
            "kind": "verdict",
            "check": "tools.add",
            "outcome": "failed",
            "evidence": [wire("sent", json.dumps(ASK)), wire("received", json.dumps(NO))],
        }
    ),
    "records of HTTP with events": json.dumps(
        {
            "kind": "finding",
            "check": "tools.add",
            "outcome": "failed",
            "conversation": [
                "a remark",
                wire("sent", f"POST /mcp HTTP/1.1\naccept: */*\n\n{json.dumps(ASK)}"),
                wire("received", f"HTTP/1.1 200 OK\n\nevent: message\ndata: {json.dumps(NO)}\n\n"),
                wire("sent", json.dumps(ASK)[:20], truncated=9),
            ],
        }
    ),
    "kept traffic": json.dumps(
        {"kind": "exchange", "request": {"body": json.dumps(ASK)}, "response": {"body": json.dumps(NO)}}
    ),
    "HAR": json.dumps(
        {
            "log": {
                "entries": [
                    {"request": {"method": "GET"}, "response": {}},
                    {
                        "request": {"postData": {"text": json.dumps([ASK])}},
                        "response": {"content": {"text": json.dumps([NO])}},
                    },
                ]
            }
        }
    ),
}


@pytest.mark.parametrize("kind", RECORDINGS)
def test_recordings_of_every_kind_are_read(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "recording"
    file.write_text(RECORDINGS[kind], "utf-8")
    assert read_recording(file) == (EXPECTED,)


def test_a_recording_is_named_by_its_check(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(RECORDINGS["records of stdio"], "utf-8")
    assert read_recording(file, "tools.add") == (EXPECTED,)
    with pytest.raises(ValueError, match=r"no request of tools\.other that could be sent again"):
        read_recording(file, "tools.other")


@pytest.mark.parametrize(
    ("content", "said"), [(b"\xff\xfe\x00", "is no text"), (b"{}", "holds no request"), (None, "No such file")]
)
def test_what_is_no_recording_is_refused_in_a_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "recording"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_recording(file)


def test_the_echo_of_a_scenario_is_asked_for_in_several_sizes() -> None:
    made = ISOLATION.workload(offer(), Wishes())
    assert [each.name for each in made.operations] == ["echo 20 B", "echo 2 KiB", "echo 60 KiB"]
    assert all(each.echoes for each in made.operations)
    with pytest.raises(Unavailable, match="--allow"):
        ISOLATION.workload(offer(echo=None), Wishes())
    assert ECHO.argument == "text"
