"""Whole runs against a small server in a process of its own: what is measured, and how a run ends when things go wrong.

Nothing here is asserted about speed; the only times are those that the target's own stall makes.
"""

import socket
import sys
from typing import Any

import psutil
import pytest

from loadtest import run
from loadtest.reporting import Progress
from loadtest.run import LoadError, LoadOutcome, run_load
from loadtest.totals import OPENING
from loadtest.workload import ClosedModel, HttpTarget, OpenModel, StdioTarget
from tests.loadtest.plans import plan


def failed(outcome: LoadOutcome) -> dict[str, int]:
    return outcome.overall.errors


@pytest.mark.parametrize(("transport", "revision"), [("http", "2025-11-25"), ("stdio", "2024-11-05")])
def test_an_open_model_sends_what_its_schedule_says(make_target: Any, transport: str, revision: str) -> None:
    outcome = run_load(plan(make_target(transport, ""), revision=revision, warm_up=0.2))
    row = outcome.overall
    assert (row.counts.total, row.counts.failed, outcome.warm_up) == (50, 0, 50)
    assert outcome.complete
    assert row.corrected.percentiles.p50 > 0
    assert outcome.rows[-1].operation == OPENING


def test_a_closed_model_keeps_its_users_busy_and_the_calibration_judges_it(make_target: Any) -> None:
    row = run_load(plan(make_target("http", ""), model=ClosedModel(users=3), calibration=0.1, target_pid=own())).overall
    assert row.counts.total > 3  # each of the users calls more than once
    assert row.counts.failed == 0
    assert row.generator is not None
    assert (row.generator.calibration_rate or 0) > 0
    assert row.generator.cpu_percent > 0


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_a_server_may_close_the_connection_after_each_answer_unannounced(make_target: Any, revision: str) -> None:
    row = run_load(plan(make_target("http", "parts"), revision=revision)).overall
    assert (row.counts.total, row.counts.failed) == (50, 0)


def own() -> int:
    return psutil.Process().pid


def test_a_modern_process_is_there_before_the_load_and_its_start_is_recorded_apart(make_target: Any) -> None:
    slow = (
        "import os, sys, time; time.sleep(0.5); os.execv(sys.argv[1], sys.argv[1:])",
        *make_target("stdio", "").argv,
    )
    target = StdioTarget(argv=(sys.executable, "-c", *slow))
    outcome = run_load(plan(target, model=OpenModel(rate=20, users=1)))
    assert outcome.rows[-1].operation == OPENING
    assert outcome.rows[-1].corrected.percentiles.max >= 490  # what it slept, within the accuracy of a histogram


def test_each_user_may_have_a_process_of_its_own() -> None:
    target = StdioTarget(argv=(sys.executable, *null_server()), process_each=True)
    outcome = run_load(plan(target, model=OpenModel(rate=100, users=2)))
    assert outcome.overall.counts.failed == 0
    assert outcome.rows[-1].counts.total == 3  # the first contact, and each user


def null_server() -> tuple[str, ...]:
    from loadtest import null_server as program

    return ("-P", program.__file__, "--stdio")


def test_a_stall_shows_in_the_corrected_latency_of_all_who_came_meanwhile(make_target: Any) -> None:
    # One user: its one late answer is all that the uncorrected view sees of 0.3 s without service.
    outcome = run_load(plan(make_target("http", "stall"), model=OpenModel(rate=100, users=1), duration=1.0))
    row = outcome.overall
    assert row.counts.total == 100
    assert outcome.late >= 20
    assert row.corrected.percentiles.p90 > 100
    assert row.corrected.percentiles.p99 > 250
    assert row.uncorrected is not None
    assert row.uncorrected.percentiles.p90 < row.corrected.percentiles.p90 / 2


def test_a_target_that_refuses_is_named_as_out_of_reach() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound but not listening: nobody else gets the port, and nobody answers
        target = HttpTarget(url=f"http://127.0.0.1:{reserved.getsockname()[1]}/mcp")
        with pytest.raises(LoadError, match=r"could not be opened.*refused") as error:
            run_load(plan(target))
    assert error.value.whose == "target"


def test_a_command_that_does_not_exist_is_named_as_out_of_reach() -> None:
    with pytest.raises(LoadError, match=r"could not be opened.*No such file") as error:
        run_load(plan(StdioTarget(argv=("./no-such-server",))))
    assert error.value.whose == "target"


@pytest.mark.parametrize(
    ("transport", "model", "last_words"),
    [("http", OpenModel(rate=250, users=4), "refused"), ("stdio", ClosedModel(users=2), "ended with exit code 3")],
)
def test_a_target_that_dies_leaves_errors_of_the_transport(
    make_target: Any, transport: str, model: Any, last_words: str
) -> None:
    # Long enough for forty calls of a closed model, however busy the machine is.
    outcome = run_load(plan(make_target(transport, "die"), model=model, duration=2.0 if transport == "stdio" else 0.2))
    row = outcome.overall
    assert outcome.complete
    assert row.counts.ok == 39
    assert row.counts.failed > 0
    assert {kind.split()[0] for kind in row.errors} == {"transport"}
    assert any(last_words in each.example for each in outcome.errors)


def test_a_target_that_never_answers_costs_the_timeout_and_no_more(make_target: Any) -> None:
    outcome = run_load(plan(make_target("http", "hang"), timeout=0.1))
    assert outcome.complete
    assert outcome.overall.counts.failed == outcome.overall.counts.total == 50
    assert set(failed(outcome)) == {"timeout receive", "timeout unsent"}
    assert outcome.given_up == failed(outcome)["timeout unsent"]


@pytest.mark.parametrize(
    ("transport", "fault", "kind"),
    [
        ("http", "garbage", "json-rpc malformed"),
        ("stdio", "swap", "json-rpc foreign-answer"),
        ("http", "fail", "is-error"),
    ],
)
def test_wrong_answers_are_counted_by_their_class(make_target: Any, transport: str, fault: str, kind: str) -> None:
    assert failed(run_load(plan(make_target(transport, fault))))[kind] >= 10


def test_noise_on_standard_output_is_counted_beside_good_answers(make_target: Any) -> None:
    row = run_load(plan(make_target("stdio", "noise"))).overall
    assert row.counts.failed == 0
    assert row.errors == {"transport stray": 50 + 1}  # one is beside the greeting


def test_an_interrupted_run_keeps_what_it_has_and_leaves_no_process(make_target: Any) -> None:
    seen: list[Progress] = []

    def interrupt(progress: Progress) -> None:
        seen.append(progress)
        if progress.elapsed >= 1:
            raise KeyboardInterrupt

    target = make_target("stdio", "")
    unique = StdioTarget(argv=(*target.argv[:-1], "no-orphan-of-this-name"))
    outcome = run_load(plan(unique, duration=60.0), interrupt)
    assert (outcome.interrupted, outcome.complete) == (True, False)
    assert outcome.overall.counts.total >= seen[-1].completed >= 200
    assert [each.phase for each in seen[:2]] == ["opening", "measuring"]
    assert outcome.overall.target is not None
    assert outcome.overall.target.rss_bytes_max > 1_000_000
    assert outcome.overall.seconds < 10
    assert not [each for each in psutil.process_iter(["cmdline"]) if unique.argv[-1] in (each.info["cmdline"] or ())]


def test_a_generator_that_fails_is_our_own_fault_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_BOOT", "raise SystemExit('out of luck')")
    with pytest.raises(LoadError, match="ended without a result: out of luck") as error:
        run_load(plan(StdioTarget(argv=("unused",))))
    assert error.value.whose == "generator"


def test_a_generator_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_BOOT", "import threading; threading.Event().wait()")
    monkeypatch.setattr(run, "_STARTUP_SECONDS", 0.0)
    monkeypatch.setattr(run, "_STOP_SECONDS", 0.1)
    with pytest.raises(LoadError, match="without a result") as error:
        run_load(plan(StdioTarget(argv=("unused",)), duration=0.01, timeout=0.01))
    assert error.value.whose == "generator"


def test_without_the_extra_the_way_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_NEEDED", ("no_such_module",))
    with pytest.raises(LoadError, match=r"need no_such_module: install mcp-touchstone\[load\]") as error:
        run_load(plan(StdioTarget(argv=("unused",))))
    assert error.value.whose == "setup"
