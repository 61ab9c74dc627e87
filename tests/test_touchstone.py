"""The command line as users type it: what it refuses in one line, keeps when it is stopped, and exits with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

import touchstone
from reports.records import read

DEADLINE = 60.0
TOUCHSTONE = (sys.executable, "-m", "touchstone")
ROOT = Path(__file__).resolve().parents[1]
MARK = "TOUCHSTONE_TEST_MARK"


@dataclass(frozen=True)
class Done:
    """What became of a command line."""

    code: int
    output: str
    errors: str


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **more}


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Done]]:
    """Run a command line in a folder of its own, in this process: most of them only refuse."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "200")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def run(*words: str, **environment: str) -> Done:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["touchstone", *words])
        with pytest.raises(SystemExit) as caught:
            touchstone.main()
        output, errors = capfd.readouterr()
        return Done(int(caught.value.code or 0), output, errors)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


Typed = Callable[..., Done]


def _unruly(mode: str) -> list[str]:
    return [sys.executable, "-m", "fixtures.unruly", mode]


def _refused(done: Done, code: int) -> str:
    """Return the one line that a command was refused with."""
    assert done.code == code, done.output + done.errors
    (line,) = done.errors.splitlines()
    assert line.startswith("touchstone: ")
    assert done.output == ""
    return line


# Wrong usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["run", "check", "fuzz", "load", "survey", "serve", "replay", "list", "explain", "report"]
)
def test_every_command_explains_itself(typed: Typed, command: str) -> None:
    done = typed(command, "--help")
    assert done.code == 0
    assert done.output.lstrip().startswith(f"Usage: touchstone {command} ")
    assert "Traceback" not in done.errors


def test_no_command_at_all_is_answered_with_the_help(typed: Typed) -> None:
    done = typed()
    assert done.code == 2
    assert "check" in done.output + done.errors


def test_the_version_is_one_line(typed: Typed) -> None:
    assert typed("--version").output.startswith("touchstone ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["chekc"], "No such command 'chekc'"),
        (["check", "--nope", "--", "x"], "--nope"),
        (["check", "--patience", "soon", "--", "x"], "--patience"),
        (["check", "--patience", "nan", "--", "x"], "--patience"),
        (["check", "--deadline", "inf", "--", "x"], "--deadline"),
        (["check", "--fail-on", "anything", "--", "x"], "--fail-on"),
        (["check"], "no target"),
        (["fuzz"], "no target"),
        (["load"], "no target"),
        (["check", "--", ""], "no target"),
        (["check", "--revision", "yesterday", "--", "x"], "yesterday is no revision"),
        (["check", "--only", "no.such.check", "--", "x"], "no.such.check"),
        (["check", "ftp://127.0.0.1:1"], "ftp://"),
        (["check", "http://"], "names no host"),
        (["check", "http://127.0.0.1:99999/mcp"], "is no URL"),
        (["check", "http://127.0.0.1:1/mcp", "more"], "a target by itself"),
        (["check", "http://user:hunter2@127.0.0.1:1/mcp"], "--header"),
        (["check", "an 'open quote"], "cannot be split"),
        (["check", "--header", "no-colon", "http://127.0.0.1:1"], "'Name: value'"),
        (["check", "--header", "bad name: x", "http://127.0.0.1:1"], "no name of a header"),
        (["check", "--header", "X: a\nb", "http://127.0.0.1:1"], "line end"),
        (["check", "--header", "X: env:NOT_SET_ANYWHERE", "http://127.0.0.1:1"], "has no NOT_SET_ANYWHERE"),
        (["check", "--header", "X: y", "--", "x"], "--env"),
        (["check", "--env", "X=y", "http://127.0.0.1:1"], "--header"),
        (["check", "--env", "no-equals", "--", "x"], "NAME=value"),
        (["check", "--config", "none.toml", "--", "x"], "none.toml: no such file"),
        (["check", "none.json#name"], "none.json: no such file"),
        (["load", "--slo", "fast please", "--", "x"], "fast please"),
        (["load", "--rate", "5", "--users", "3", "--", "x"], "take one"),
        (["check", "hosts.json"], "hosts.json#NAME"),
        (["check", "localhost:3000"], "begins with http://"),
        (["serve", "nothing-known"], "nothing-known"),
        (["list", "no.such.*"], "no.such.*"),
        (["explain", "no.such.check"], "no.such.check"),
        (["report", "none.jsonl"], "none.jsonl: no such file"),
        (["replay", "it", "--records", "none.jsonl"], "none.jsonl: no such file"),
    ],
)
def test_wrong_usage_is_refused_in_one_line(typed: Typed, words: list[str], told: str) -> None:
    assert told in _refused(typed(*words), 2)


def test_a_question_is_not_followed_by_a_semicolon(typed: Typed) -> None:
    assert _refused(typed("chekc"), 2).endswith("Did you mean 'check'? touchstone --help shows what there is")


def test_a_secret_in_a_wrong_option_is_not_repeated(typed: Typed) -> None:
    for words in (["--header", "hunter2-secret", "http://127.0.0.1:1"], ["--env", "hunter2-secret", "--", "x"]):
        assert "hunter2" not in _refused(typed("check", *words), 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[target", "touchstone.toml"),
        ("[goal]\n", "goal"),
        ("[target]\ncomand = 'x'\n", "comand"),
        ("[tools]\nallow = 'search'\n", "tools.allow"),
        ("[tools.samples]\nsearch = 1\n", "samples"),
        ("[target]\ncommand = [1]\n", "target.command"),
        ("[target]\nheaders = 'x'\nurl = 'http://127.0.0.1:1'\n", "target.headers"),
        ("[target]\nurl = 'localhost/mcp'\n", "is no URL"),
        ("[target]\nurl = 'http://127.0.0.1:1'\ncommand = 'x'\n", "both"),
        ("[load]\nobjectives = 'p99<1ms'\n", "load.objectives"),
        ("target = 1\n", "target"),
    ],
)
def test_a_broken_settings_file_is_refused_in_one_line(typed: Typed, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "touchstone.toml").write_text(text)
    line = _refused(typed("check"), 2)
    assert told in line
    assert "touchstone.toml" in line or "[target]" in line or "URL" in line


@pytest.mark.parametrize(
    ("servers", "told"),
    [
        ('{"mcpServers": {"a": {"command": "x"}, "b": {}}}', "no server is called 'nobody'; it has a, b"),
        ('{"mcpServers": {"nobody": {}}}', "neither command nor url"),
        ('{"mcpServers": {"nobody": {"command": "x", "args": "-v"}}}', "args"),
        ('{"mcpServers": {"nobody": 1}}', "nobody"),
        ('{"mcpServers": {"nobody": {"url": "ftp://127.0.0.1"}}}', "ftp://"),
        ('{"mcpServers": ', "no JSON"),
        ("[]", "it has none"),
    ],
)
def test_a_hosts_file_without_a_fitting_entry_is_refused(typed: Typed, tmp_path: Path, servers: str, told: str) -> None:
    (tmp_path / "mcp.json").write_text(servers)
    assert told in _refused(typed("check", "mcp.json#nobody"), 2)


@pytest.mark.parametrize("place", ["a-file/records.jsonl", "a-folder"])
def test_records_that_cannot_be_written_are_refused_before_anything_runs(
    typed: Typed, tmp_path: Path, place: str
) -> None:
    (tmp_path / "a-file").write_text("")
    (tmp_path / "a-folder").mkdir()
    program = f"open({str(tmp_path / 'started')!r}, 'w')"
    assert place in _refused(typed("check", "--records", place, "--", sys.executable, "-c", program), 2)
    assert not (tmp_path / "started").exists()


# Targets --------------------------------------------------------------------------------------------


def test_an_address_where_nobody_listens_is_unreachable_and_leaves_records_that_say_so(
    typed: Typed, tmp_path: Path
) -> None:
    line = _refused(typed("check", "http://127.0.0.1:1/mcp"), 3)
    assert "127.0.0.1:1" in line
    run = read(tmp_path / ".touchstone/records.jsonl")
    assert not run.complete
    assert run.footer is not None
    assert run.footer.exit == 3


@pytest.mark.parametrize("url", [f"http://{'a' * 70}.example/mcp", "http://a..b/mcp"])
def test_a_host_name_that_no_resolver_takes_is_unreachable_too(typed: Typed, url: str) -> None:
    _refused(typed("check", url), 3)


def test_a_command_after_dashes_a_quoted_one_and_one_of_a_file_are_the_same_target(
    typed: Typed, tmp_path: Path
) -> None:
    command = [*_unruly("stalls")[:-1], "floods-stderr"]
    quoted = " ".join(command)
    (tmp_path / "touchstone.toml").write_text(f"[target]\ncommand = {json.dumps(command)}\n")
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"it": {"command": command[0], "args": command[1:]}}}))
    for words in (["--", *command], [quoted], [], ["mcp.json#it"]):
        done = typed("check", "--only", "base.id.string", *words)
        assert done.code == 0, done.output + done.errors
        assert read(tmp_path / ".touchstone/records.jsonl").header.target.address == quoted


def test_options_of_the_target_after_dashes_are_its_own(typed: Typed, tmp_path: Path) -> None:
    program = "import sys; sys.exit('args: ' + ' '.join(sys.argv[1:]))"
    done = typed("check", "--", sys.executable, "-c", program, "--header", "--records=x", "--")
    assert "args: --header --records=x --" in _refused(done, 3)


def test_what_a_target_writes_to_standard_error_cannot_steer_the_terminal(typed: Typed) -> None:
    done = typed("check", "--", sys.executable, "-c", r"import sys; sys.exit('\033[2Jboo')")
    assert done.code == 3
    assert "\033" not in done.errors
    assert r"\x1b[2Jboo" in done.errors


# Secrets --------------------------------------------------------------------------------------------


def test_no_value_of_a_variable_or_header_reaches_the_records(typed: Typed, tmp_path: Path) -> None:
    echo = "import os, sys; sys.exit(os.environ['LONG'] + os.environ['FROM_HERE'])"
    done = typed(
        *(
            "check",
            "--env",
            "LONG=correct-horse-battery",
            "--env=PIN=1234",
            "-eSHORT=tiny",
            "-e",
            "FROM_HERE=env:THERE",
        ),
        *("--", sys.executable, "-c", echo),
        THERE="staple-of-the-environment",
    )
    assert done.code == 3
    records = (tmp_path / ".touchstone/records.jsonl").read_text()
    for secret in ("correct-horse-battery", "1234", "tiny", "staple-of-the-environment"):
        assert secret not in records
    assert "battery" not in done.errors
    assert "staple" not in done.errors
    header = read(tmp_path / ".touchstone/records.jsonl").header
    assert "-e FROM_HERE=env:THERE" in header.command
    assert "--env=PIN=[redacted]" in header.command


def test_secrets_of_a_hosts_file_are_secret_too(typed: Typed, tmp_path: Path) -> None:
    entry = {"command": sys.executable, "args": ["-c", "import os, sys; sys.exit(os.environ['KEY'])"]}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"it": {**entry, "env": {"KEY": "open-sesame"}}}}))
    done = typed("check", "mcp.json#it")
    assert "[redacted]" in _refused(done, 3)
    assert "sesame" not in done.errors


def test_the_headers_of_a_file_go_to_the_target_of_the_file_alone(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "touchstone.toml").write_text(
        "[target]\nurl = 'http://127.0.0.1:1/mcp'\nheaders = { Authorization = 'env:NOT_SET_ANYWHERE' }\n"
    )
    assert "NOT_SET_ANYWHERE" in _refused(typed("check"), 2)
    assert "NOT_SET_ANYWHERE" not in _refused(typed("check", "http://127.0.0.1:2/mcp"), 3)


# Stopping -------------------------------------------------------------------------------------------


def _left_behind(mark: str) -> list[str]:
    """Processes of a run that still live a moment after it ended."""
    alive = [process for process in psutil.process_iter() if _carries(process, mark)]
    _, left = psutil.wait_procs(alive, timeout=3)
    return [str(process) for process in left if _carries(process, mark)]


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@contextmanager
def _running(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A command that runs meanwhile; its processes carry a mark."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [*TOUCHSTONE, *words],
        cwd=folder,
        env=_environment(**{MARK: mark}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process, mark
    finally:
        process.kill()
        process.communicate()


def _until(process: subprocess.Popen[bytes], seen: Callable[[], bool]) -> None:
    """Wait for evidence; fail if the command ends before it shows, or it does not show."""
    for _ in range(int(DEADLINE / 0.05)):
        if seen():
            return
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"the command ended early: {process.communicate()}")
    raise AssertionError("nothing was seen in time")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_stopped_keeps_its_records_and_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip(f"whoever started the tests ignores {number.name} (nohup), and so do those that they start")
    records = tmp_path / "records.jsonl"
    with _running(tmp_path, "check", "--patience", "60", "--records", "records.jsonl", "--", *_unruly("stalls")) as (
        process,
        mark,
    ):
        _until(process, lambda: records.exists() and b'"verdict"' in records.read_bytes())
        process.send_signal(number)
        output, errors = process.communicate(timeout=DEADLINE)
    run = read(records)
    assert run.verdicts
    assert run.footer is not None
    assert (run.footer.complete, run.footer.interrupted, run.footer.exit) == (False, True, process.returncode)
    assert process.returncode == 130
    assert b"interrupted" in output
    assert errors == b""
    assert _left_behind(mark) == []


def test_a_run_that_is_stopped_before_anything_was_judged_leaves_no_process(tmp_path: Path) -> None:
    with _running(tmp_path, "check", "--patience", "60", "--", *_unruly("silent")) as (process, mark):
        _until(process, lambda: sum(_carries(found, mark) for found in psutil.process_iter()) >= 3)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert _left_behind(mark) == []


def test_a_search_that_is_stopped_ends_at_once(tmp_path: Path) -> None:
    # Two processes to detect the eras, one to look around; the fourth is the search's own.
    starts = tmp_path / "starts"
    note = f"open({str(starts)!r}, 'a').write('x'); import runpy, sys; sys.argv[1:] = ['floods-stderr']; "
    target = [sys.executable, "-c", f"{note} runpy.run_module('fixtures.unruly', run_name='__main__')"]
    words = ["fuzz", "--only", "property.requests", "--examples", "100000", "--records", "records.jsonl"]
    with _running(tmp_path, *words, "--", *target) as (process, mark):
        _until(process, lambda: starts.exists() and starts.stat().st_size >= 4)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 130, errors
    assert errors == b""
    assert _left_behind(mark) == []


# The reader of the output ----------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["explain", "base.id.string", "--json"]])
def test_a_reader_that_leaves_is_no_failure(tmp_path: Path, words: list[str]) -> None:
    with _running(tmp_path, *words) as (process, _):
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.wait(DEADLINE) == 0
        assert process.stderr.read() == b""
        process.stdout = None


def test_a_reader_that_leaves_does_not_change_what_a_run_exits_with(tmp_path: Path) -> None:
    wrong = [sys.executable, "-m", "fixtures.miniatures.serve", "string-id-becomes-number"]
    words = ["--only", "base.id.*", "--revision", "2025-11-25", "--junit", "junit.xml"]
    with _running(tmp_path, "check", *words, "--", *wrong) as (process, _):
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        assert process.wait(DEADLINE) == 1
    assert (tmp_path / "junit.xml").exists()


# Afterwards ------------------------------------------------------------------------------------------


def test_a_report_that_cannot_be_written_is_refused_before_anything_runs(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    done = typed("check", "--html", "taken/report.html", "--patience", "1", "--", *_unruly("garbage"))
    assert "taken/report.html" in _refused(done, 2)
    assert not (tmp_path / ".touchstone").exists()


def test_a_recorded_failure_is_repeated_alone_and_one_that_is_none_is_not(typed: Typed, tmp_path: Path) -> None:
    wrong = [sys.executable, "-m", "fixtures.miniatures.serve", "string-id-becomes-number"]
    done = typed("check", "--only", "base.id.*", "--revision", "2025-11-25", "--", *wrong)
    assert done.code == 1
    again = typed("replay", "base.id.string")
    assert again.code == 1
    assert "base.id.string" in again.output
    assert [verdict.check for verdict in read(tmp_path / ".touchstone/replay.jsonl").verdicts] == ["base.id.string"]
    assert "no failure is called" in _refused(typed("replay", "nothing"), 2)
    assert "did not fail" in _refused(typed("replay", "base.id.texts"), 2)


def test_a_failure_of_an_entry_of_a_file_is_repeated_with_all_that_the_entry_says(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    wrong = ["-m", "fixtures.miniatures.serve", "string-id-becomes-number"]
    entry = {"command": sys.executable, "args": wrong, "cwd": "sub", "env": {"PYTHONPATH": str(ROOT)}}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"n": entry}}))
    assert typed("check", "--only", "base.id.string", "--revision", "2025-11-25", "mcp.json#n").code == 1
    records = read(tmp_path / ".touchstone/records.jsonl")
    (failure,) = [verdict for verdict in records.verdicts if verdict.outcome == "failed"]
    assert failure.repeat.endswith("--revision 2025-11-25 'mcp.json#n'")
    assert typed("replay", "base.id.string").code == 1


def test_records_of_something_else_are_refused(typed: Typed, tmp_path: Path) -> None:
    for text in ("", "no records\n", '{"kind": "verdict"}\n'):
        (tmp_path / "records.jsonl").write_text(text)
        _refused(typed("report", "records.jsonl"), 2)
