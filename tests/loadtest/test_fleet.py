"""Several generators as one: what they did adds up to what the server saw, whoever dies in the middle of it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from loadtest import fleet as wire
from loadtest.crew import Crew
from loadtest.fleet import Assignment, Fleet, Worker, address
from loadtest.outbox import Inbox, Outbox
from loadtest.recorder import Recorder
from loadtest.reporting import Delta, Fault, Measurement, Notice, Progress, WorkerEnd, decode_report
from loadtest.run import LoadError, LoadOutcome, Watch, run_load
from loadtest.sample import Sample
from loadtest.totals import RecorderState, histogram, merged
from loadtest.workload import ClosedModel, HttpTarget, LoadPlan, OpenModel, StdioTarget, Target
from tests.loadtest import plans

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = str(Path(__file__).with_name("counting_target.py"))


class Seen(NamedTuple):
    """What the server counted."""

    calls: int
    workers: dict[int, int]


class Counting:
    """A target in a process of its own, that is asked in the end what came."""

    def __init__(self, process: "subprocess.Popen[bytes]", host: str) -> None:
        self._process = process
        assert process.stdout is not None
        self.target = HttpTarget(url=f"http://{host}:{int(process.stdout.readline())}/mcp")

    def seen(self) -> Seen:
        told = json.loads(self._process.communicate()[0])
        return Seen(told["calls"], {int(worker): count for worker, count in told["workers"].items()})


@contextlib.contextmanager
def counting(fault: str = "", host: str = "127.0.0.1", *before: str) -> Iterator[Counting]:
    command = [*before, sys.executable, PROGRAM, "--host", host, *([fault] if fault else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Counting(process, host)
        finally:
            process.kill()


def plan(target: Target, **changes: Any) -> LoadPlan:
    """Two hundred calls in a second."""
    return plans.plan(target, **({"model": OpenModel(rate=200, users=4), "duration": 1.0, "timeout": 5.0} | changes))


def generators() -> list[psutil.Process]:
    """The processes of Locust that this one started, masters first."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if "loadtest.engine" in " ".join(_words(each))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # ended, and perhaps not waited for
        return []


def once(act: Callable[[], None]) -> Callable[[Progress], None]:
    """Act at the first sign that a second of the measurement is over."""
    acted: list[Progress] = []

    def watch(now: Progress) -> None:
        if now.completed and not acted:
            acted.append(now)
            act()

    return watch


def _kill_a_worker() -> None:
    generators()[-1].kill()


def _kill_the_master() -> None:
    generators()[0].kill()


def recorded(outcome: LoadOutcome) -> dict[int, int]:
    return {each.worker: each.counts.total for each in outcome.overall.workers}


def test_the_record_of_several_is_what_the_server_saw_request_by_request() -> None:
    with counting() as server:
        outcome = run_load(plan(server.target), fleet=Fleet(local=2))
        seen = server.seen()
    row = outcome.overall
    assert (row.counts.total, row.counts.failed, row.ended) == (200, 0, "")
    assert seen == Seen(200, {0: 100, 1: 100}) == Seen(row.counts.total, recorded(outcome))
    assert histogram(row.corrected.histogram).get_total_count() == 200
    assert all(each.lost == "" and each.clock_uncertainty_ms < 1000 for each in row.workers)
    assert not generators()


def test_a_worker_that_dies_keeps_what_it_had_told_and_the_run_is_no_result() -> None:
    with counting() as server:
        kill = once(_kill_a_worker)
        outcome = run_load(plan(server.target, duration=3.0), kill, fleet=Fleet(local=2))
        seen = server.seen()
    row = outcome.overall
    (dead,) = (each for each in row.workers if each.lost)
    assert dead.lost == "killed by signal 9"
    assert dead.seconds >= 1
    assert row.generator is not None
    assert any("was lost: killed by signal 9" in reason for reason in row.generator.reasons)
    assert (row.valid, outcome.complete) == (False, False)
    told = recorded(outcome)
    assert told[1 - dead.worker] == seen.workers[1 - dead.worker] == 300
    assert 0 < told[dead.worker] <= seen.workers[dead.worker]
    assert row.counts.total == sum(told.values())
    assert not generators()


def test_an_interrupted_run_of_several_counts_all_that_was_sent() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with counting() as server:
        outcome = run_load(plan(server.target, duration=60.0), once(interrupt), fleet=Fleet(local=2))
        seen = server.seen()
    row = outcome.overall
    assert (outcome.interrupted, outcome.complete, row.ended) == (True, False, "interrupted")
    assert row.counts.total <= seen.calls <= row.counts.total + row.unanswered
    assert row.seconds < 60
    assert not row.judgements
    assert not generators()


def test_a_master_that_is_killed_leaves_a_record_and_no_worker() -> None:
    with counting() as server:
        kill = once(_kill_the_master)
        outcome = run_load(plan(server.target, duration=60.0), kill, fleet=Fleet(local=1))
        seen = server.seen()
    row = outcome.overall
    assert 0 < row.counts.total <= seen.calls
    assert "ended without a result" in row.ended
    assert (row.valid, outcome.complete) == (False, False)
    assert not generators()


@pytest.mark.parametrize("fault", ["reset", "half"])
def test_broken_answers_are_counted_once_each(fault: str) -> None:
    with counting(fault) as server:
        row = run_load(plan(server.target)).overall
        seen = server.seen()
    assert row.counts.total == 200
    # What came back broken before a byte of an answer is asked once more, which the record tells apart.
    assert seen.calls == row.counts.total + row.errors.get("transport resent", 0)
    assert sum(row.errors.values()) == seen.calls // 10
    assert {kind.split()[0] for kind in row.errors} == {"transport"}


def test_a_target_that_stops_answering_ends_the_run_and_fails_it() -> None:
    with counting("silent") as server:
        row = run_load(plan(server.target, duration=60.0, silence=0.5)).overall
    assert row.ended == "the target answered nothing for 0.5 s"
    assert row.seconds < 60
    (judged,) = row.judgements
    assert (judged.name, judged.holds) == ("the target goes on answering", False)
    assert row.counts.ok == 39


def test_a_cap_holds_a_closed_model_back_and_says_so() -> None:
    with counting() as server:
        row = run_load(plan(server.target, model=ClosedModel(users=2), rate_cap=50.0)).overall
    assert row.counts.total <= 60
    assert row.generator is not None
    assert any("held back by the rate cap" in reason for reason in row.generator.reasons)
    assert not row.valid
    with pytest.raises(ValueError, match="a rate of 200/s is above the cap of 50/s"):
        plan(server.target, rate_cap=50.0)


class Remote:
    """Workers that come by themselves, once the master listens."""

    def __init__(self, *before: str) -> None:
        self._before = before
        self.said: list[str] = []
        self.answers: list[Any] = []
        self.started: list[subprocess.Popen[bytes]] = []

    def notice(self, text: str) -> None:
        self.said.append(text)
        if text.startswith("waiting for"):
            host, port = address(text.rpartition(" ")[2])
            self.answers.append(self._stranger(host, port))
            words = ("-m", "touchstone", "load", "--worker", "--master-host", f"{host}:{port}", "--quiet")
            self.started.append(subprocess.Popen([*self._before, sys.executable, *words], cwd=ROOT))

    def _stranger(self, host: str, port: int) -> Any:
        """Come as a worker of another version; return the last that it was told."""
        boot = "from loadtest import fleet; fleet.build = lambda: '9.9'; from loadtest.engine import main; main()"
        with subprocess.Popen(
            [*self._before, sys.executable, "-c", boot], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        ) as process:
            assert process.stdin is not None
            process.stdin.write(wire.encode(Assignment(role=Worker(host=host, port=port))) + b"\n")
            process.stdin.flush()
            assert process.stdout is not None
            return decode_report(process.stdout.read().splitlines()[-1])

    def codes(self) -> list[int]:
        return [each.wait(timeout=60) for each in self.started]


def watched(server: Counting, host: str, remote: Remote) -> LoadOutcome:
    fleet = Fleet(remote=1, host=host, port=0, patience=60.0)
    return run_load(plan(server.target), fleet=fleet, watch=Watch(notice=remote.notice))


def test_a_worker_needs_no_more_than_its_master_and_one_of_another_version_is_turned_away() -> None:
    remote = Remote()
    with counting() as server:
        outcome = watched(server, "127.0.0.1", remote)
        assert server.seen() == Seen(200, {0: 200})
    assert outcome.overall.counts.total == 200
    assert remote.codes() == [0]
    (turned_away,) = remote.answers
    assert isinstance(turned_away, Fault)
    assert "it runs touchstone 9.9, the master" in turned_away.message
    assert any(text.startswith("turned away a worker of") for text in remote.said)
    assert any(text.endswith("has come") for text in remote.said)


@pytest.fixture
def link() -> Iterator[tuple[str, str, str]]:
    """Two network namespaces and their addresses: the first one's name, and the addresses of ours and of its end."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root may make network namespaces, on Linux")
    name, here, there = f"touchstone-{os.getpid()}", f"tst{os.getpid() % 100000}a", f"tst{os.getpid() % 100000}b"
    third = os.getpid() % 200 + 1
    ours, theirs = f"10.213.{third}.1", f"10.213.{third}.2"
    steps = (
        ("netns", "add", name),
        ("link", "add", here, "type", "veth", "peer", "name", there, "netns", name),
        ("addr", "add", f"{ours}/24", "dev", here),
        ("link", "set", here, "up"),
        ("-n", name, "addr", "add", f"{theirs}/24", "dev", there),
        ("-n", name, "link", "set", there, "up"),
        ("-n", name, "link", "set", "lo", "up"),
    )
    try:
        for step in steps:
            done = subprocess.run(["ip", *step], capture_output=True, text=True, check=False, timeout=30)
            if done.returncode:
                pytest.skip(f"no network namespaces here: {done.stderr.strip()}")
        yield name, ours, theirs
    except FileNotFoundError:
        pytest.skip("no network namespaces here: there is no ip command")
    finally:
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False, timeout=30)
            subprocess.run(["ip", "link", "del", here], capture_output=True, check=False, timeout=30)


def test_workers_on_another_network_report_all_that_the_server_saw(link: tuple[str, str, str]) -> None:
    name, ours, _ = link
    remote = Remote("ip", "netns", "exec", name)
    with counting(host=ours) as server:
        outcome = watched(server, ours, remote)
        assert server.seen() == Seen(200, {0: 200})
    assert (outcome.overall.counts.total, outcome.overall.counts.failed) == (200, 0)
    assert remote.codes() == [0]


def test_what_cannot_be_meant_is_refused_before_anything_starts() -> None:
    with pytest.raises(LoadError, match="2 users are too few for 3 workers"):
        run_load(plan(HttpTarget(url="http://127.0.0.1:9/mcp"), model=ClosedModel(users=2)), fleet=Fleet(local=3))
    with pytest.raises(LoadError, match="a command is put under load by this machine alone"):
        run_load(plan(StdioTarget(argv=("server",))), fleet=Fleet(remote=1))


def test_a_master_waits_for_its_workers_only_so_long() -> None:
    with pytest.raises(LoadError, match="of 1 workers 0 has come") as error:
        run_load(plan(HttpTarget(url="http://127.0.0.1:9/mcp")), fleet=Fleet(remote=1, patience=0.1))
    assert error.value.whose == "setup"


def sample(second: int, latency: float) -> Sample:
    return Sample("echo", float(second), second + 0.001, second + 0.002, second + latency)


def measured(state: RecorderState, **changes: Any) -> Measurement:
    facts: dict[str, Any] = {"lag_p99": 0.001, "held_up": 0.0, "busy_seconds": 1.0, "late": 1, "given_up": 0}
    facts |= {"calibration_rate": 100.0, "complete": True, "seconds": 2.0, "cpu_percent": 10.0}
    return Measurement(state=state, **(facts | changes))


def test_parts_add_up_to_the_whole_whatever_their_order() -> None:
    recorders = [Recorder() for _ in range(3)]
    parts = []
    for worker, recorder in enumerate(recorders):
        for second in range(4):
            for step in range(5):
                recorder.record(sample(second, 0.01 * (worker + 1) + 0.003 * step))
            parts.append(Delta(worker=worker, until=second + 1.0, state=recorder.drain().state()))
    crew, backwards = Crew(), Crew()
    for delta in parts:
        crew.add(delta)
    for delta in reversed(parts):
        backwards.add(delta)
    one = Recorder()
    for worker in range(3):
        for second in range(4):
            for step in range(5):
                one.record(sample(second, 0.01 * (worker + 1) + 0.003 * step))
    whole = merged([one.state()])
    assert crew.state.operations["echo"].total == whole.operations["echo"].total == 60
    for state in (crew.state, backwards.state):
        assert (
            list(histogram(state.operations["echo"].corrected).get_recorded_iterator())[-1].total_count_to_this_value
            == 60
        )
        assert state.seconds == whole.seconds
        mine, theirs = (histogram(each.operations["echo"].corrected) for each in (state, whole))
        assert [mine.get_value_at_percentile(p) for p in range(0, 101, 5)] == [
            theirs.get_value_at_percentile(p) for p in range(0, 101, 5)
        ]


def test_of_several_the_sums_are_of_work_and_the_worst_of_health() -> None:
    crew = Crew()
    crew.end(WorkerEnd(worker=0, host="a", measurement=measured(RecorderState(operations={}), lag_p99=0.2)))
    crew.end(WorkerEnd(worker=1, host="b", measurement=measured(RecorderState(operations={}), cpu_percent=70.0)))
    whole = crew.measurement()
    assert (whole.busy_seconds, whole.late, whole.calibration_rate) == (2.0, 2, 200.0)
    assert (whole.lag_p99, whole.cpu_percent, whole.complete) == (0.2, 70.0, True)
    crew.end(WorkerEnd(worker=2, host="c", lost="gone"))
    assert not crew.measurement().complete
    assert list(crew.losses()) == ["worker 2 (c) was lost: gone; its work after second 0.0 is not counted"]


def test_what_is_sent_arrives_once_though_it_is_sent_twice_or_in_disorder() -> None:
    sent: list[wire.Parcel] = []
    outbox, inbox = Outbox(sent.append), Inbox()
    for number in range(4):
        outbox.put(Notice(text=str(number)))
    outbox.again(after=0.0)
    assert [each.number for each in sent] == [1, 2, 3, 4, 1, 2, 3, 4]
    taken = [each.number for parcel in (sent[1], sent[0], *sent[5:], sent[2]) for each in inbox.take(parcel)]
    assert taken == [1, 2, 3, 4]
    outbox.acknowledge(3)
    sent.clear()
    outbox.again(after=0.0)
    assert [each.number for each in sent] == [4]
    outbox.acknowledge(inbox.number)
    assert outbox.empty


@pytest.mark.parametrize(
    ("text", "expected"),
    [("master", ("master", 5557)), ("10.0.0.1:99", ("10.0.0.1", 99)), ("[::1]:7", ("::1", 7)), ("::1", ("::1", 5557))],
)
def test_addresses_are_read_as_people_write_them(text: str, expected: tuple[str, int]) -> None:
    assert address(text) == expected


@pytest.mark.parametrize("text", ["", ":5", "host:", "host:port", "host:70000"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no HOST:PORT"):
        address(text)


def test_signals_are_left_as_they_were() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(LoadError):
        run_load(plan(StdioTarget(argv=("./no-such-server",))))
    assert signal.getsignal(signal.SIGINT) is before
