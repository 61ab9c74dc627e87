"""`touchstone host`: what it shows, whom it asks, how it ends, and what it refuses."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from door.errors import Refusal
from door.host import run_host
from door.host_options import HostingOptions
from reference_impl.security.audit import verify

SMALL = str(Path(__file__).parent / "small_server.py")
HOST = (sys.executable, "-m", "touchstone", "host")
EVERYTHING = {"command": sys.executable, "args": ["-m", "reference_impl.servers.everything"]}


@pytest.fixture
def servers(tmp_path: Path) -> Path:
    """An `mcp.json` with a small server and one that cannot be started."""
    return _written(tmp_path, small={"command": sys.executable, "args": [SMALL]}, broken={"command": "no-such-server"})


def _written(folder: Path, **servers: dict[str, Any]) -> Path:
    path = folder / "mcp.json"
    path.write_text(json.dumps({"mcpServers": servers}), "utf-8")
    return path


def _run(*arguments: object, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run it where there is no terminal."""
    words = [*HOST, *map(str, arguments)]
    return subprocess.run(
        words, input=typed, capture_output=True, text=True, timeout=60, check=False, start_new_session=True
    )


def test_a_request_is_planned_carried_out_and_answered(servers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_host(servers, 'echo "hello"', HostingOptions(yes=True)) == 0
    done = capsys.readouterr()
    assert done.err == "touchstone: broken could not be started: no-such-server: no such program\n"
    plan, _, rest = done.out.partition("\n  step1  small/echo  ok  ")
    assert plan == 'Plan:\n  step1  small/echo  {"text": "hello"}'
    assert "\n\nhello\n\n1 step in " in rest


def test_without_a_terminal_nothing_is_allowed_and_the_log_says_so(servers: Path, tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    done = _run(servers, 'echo "hello"', "--audit", audit)
    assert "DENIED" in done.stdout
    assert "there is no terminal to ask at: --yes consents" in done.stderr
    assert done.returncode == 1
    (entry,) = [json.loads(line) for line in audit.read_text("utf-8").splitlines()]
    assert (entry["operation"], entry["resource"], entry["granted"]) == ("tools/call", "small/echo", False)
    assert verify(audit).whole


def test_the_log_says_that_it_was_an_option_that_consented(servers: Path, tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    assert run_host(servers, 'echo "hello"', HostingOptions(yes=True, audit=audit)) == 0
    (entry,) = [json.loads(line) for line in audit.read_text("utf-8").splitlines()]
    assert (entry["granted"], entry["why"]) == (True, "not asked: --yes consents")


@pytest.mark.parametrize(("given", "code"), [("</dev/null", 0), ("<&-", 2)])
def test_a_standard_input_of_which_nothing_can_be_read_is_no_fault(servers: Path, given: str, code: int) -> None:
    command = f"{' '.join(HOST)} {servers} {given}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    assert ("there is no standard input to read requests from" in done.stderr) is (code == 2)


def test_a_policy_decides_without_asking(servers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[[rule]]\naction = "allow"\noperation = "tools/call"\nresource = "small/echo"\n', "utf-8")
    assert run_host(servers, 'echo "hello"', HostingOptions(policy=policy)) == 0
    policy.write_text('[[rule]]\naction = "deny"\noperation = "tools/call"\nresource = "small/*"\n', "utf-8")
    assert run_host(servers, 'echo "hello"', HostingOptions(policy=policy, yes=True)) == 1
    assert "DENIED" in capsys.readouterr().out


def test_a_plan_in_a_file_is_carried_out_and_told_as_json(
    servers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[[steps]]\nid = "a"\nserver = "small"\ntool = "echo"\narguments.text = "one"\n'
        '[[steps]]\nid = "b"\nserver = "small"\ntool = "echo"\n'
        'arguments.text = { "$from" = "a", path = "/content/0/text", template = "{} and two" }\n',
        "utf-8",
    )
    assert run_host(servers, None, HostingOptions(plan=plan, yes=True, as_json=True)) == 0
    done = capsys.readouterr()
    told = json.loads(done.out)
    assert told["succeeded"]
    assert [step["arguments"]["text"] for step in told["steps"]] == ["one", "one and two"]
    assert told["answer"] == "one and two"
    assert "Plan:" in done.err


def test_the_prompt_takes_requests_and_commands(servers: Path) -> None:
    typed = '/tools\n/health\n/plan echo "x"\necho "y"\nbrew coffee\n/nonsense\n/help\n'
    done = _run(servers, "--yes", typed=typed)
    assert "1 server, 1 tool; /help" in done.stdout
    assert "host>   echo: " in done.stdout
    assert "small: healthy, connected for" in done.stdout
    assert "broken: not started: no-such-server: no such program" in done.stdout
    assert 'step1  small/echo  {"text": "x"}' in done.stdout
    assert "\ny\n" in done.stdout
    assert "There is no /nonsense." in done.stdout
    assert "no tool fits 'brew coffee'; nothing was done" in done.stderr
    assert done.returncode == 0


def test_where_no_server_can_be_started_the_exit_code_says_so(tmp_path: Path) -> None:
    path = _written(tmp_path, broken={"command": "no-such-server"})
    with pytest.raises(Refusal, match="no server could be started: broken: no-such-server: no such program") as caught:
        run_host(path, "anything", HostingOptions(yes=True))
    assert caught.value.code == 3


def test_what_no_tool_fits_is_said(servers: Path) -> None:
    with pytest.raises(Refusal, match="no tool fits 'make me a sandwich'; nothing was done") as caught:
        run_host(servers, "make me a sandwich", HostingOptions(yes=True))
    assert caught.value.code == 1


# A terminal ---------------------------------------------------------------------------------


class Typist:
    """Whoever sits at the terminal of a process."""

    def __init__(self, keyboard: int, process: subprocess.Popen[bytes]) -> None:
        self._keyboard, self.process, self.seen = keyboard, process, ""

    def until(self, words: str) -> None:
        """Read what is shown, until these words are."""
        while words not in self.seen:
            try:
                piece = os.read(self._keyboard, 4096)
            except OSError:
                piece = b""
            assert piece, f"{words!r} never came: {self.seen}"
            self.seen += piece.decode()

    def type(self, text: str) -> None:
        os.write(self._keyboard, text.encode())

    def rest(self) -> str:
        """Read to the end."""
        try:
            while piece := os.read(self._keyboard, 4096):
                self.seen += piece.decode()
        except OSError:
            pass
        self.process.wait(20)
        return self.seen


@contextmanager
def _at_terminal(*arguments: object, env: dict[str, str] | None = None) -> Iterator[Typist]:
    keyboard, line = os.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [*HOST, *map(str, arguments)],
        stdin=line,
        stdout=line,
        stderr=line,
        start_new_session=True,
        preexec_fn=take_terminal,  # noqa: PLW1509 - no threads are started here
        env={**os.environ, **(env or {})},
    )
    os.close(line)
    try:
        yield Typist(keyboard, process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(20)
        os.close(keyboard)


def test_at_a_terminal_the_user_is_asked(servers: Path) -> None:
    with _at_terminal(servers, 'echo "hello"') as typist:
        typist.until("[o]nce, this [s]ession")
        assert "Allow tools/call on small/echo?" in typist.seen
        typist.type("o\n")
        assert "hello" in typist.rest().rpartition("ok")[2]
        assert typist.process.returncode == 0


def test_a_plan_of_several_steps_is_asked_for_once(servers: Path) -> None:
    with _at_terminal(servers, 'echo "one", echo "two"') as typist:
        typist.until("[o]nce, [N]o")
        assert "Allow running this plan on 2 steps?" in typist.seen
        typist.type("o\n")
        assert typist.rest().count("  ok  ") == 2
        assert typist.seen.count("Allow ") == 1


def test_a_server_that_asks_is_answered_at_the_terminal(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps([{"id": "a", "server": "all", "tool": "ask"}]), "utf-8")
    with _at_terminal(_written(tmp_path, all=EVERYTHING), "--plan", plan, "--yes") as typist:
        typist.until("Answer it? [y/N] ")
        typist.type("y\n")
        typist.until("name")
        typist.until("): ")
        typist.type("Ada\n")
        assert "Ada" in typist.rest().rpartition("ok")[2]
        assert typist.process.returncode == 0


def test_ctrl_c_stops_cleanly_and_leaves_no_process(tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps([{"id": "a", "server": "all", "tool": "slow", "arguments": {"seconds": 30}}]), "utf-8")
    path = _written(tmp_path, all={**EVERYTHING, "env": {"TOUCHSTONE_TEST_MARK": mark}})
    with _at_terminal(path, "--plan", plan, "--yes") as typist:
        typist.until("all/slow")
        children = psutil.Process(typist.process.pid).children(recursive=True)
        assert children
        typist.process.send_signal(signal.SIGINT)
        assert "Traceback" not in typist.rest()
        assert typist.process.returncode == 130
        assert psutil.wait_procs(children, timeout=3)[1] == []


# What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "options", "said"),
    [
        ("x", {"plan": Path("p.json")}, "leave out REQUEST, or --plan"),
        ("  ", {}, "REQUEST is empty"),
        (None, {"plan": Path("nowhere.json")}, r"nowhere\.json: no such file"),
        ("x", {"policy": Path("nowhere.toml")}, r"nowhere\.toml: no such file"),
        ("x", {"audit": Path("no/such/folder")}, "no/such/folder"),
        ("x", {"root": [Path("nowhere")]}, "--root nowhere: no such directory"),
        ("x", {"model_url": "http://x"}, "--model-url and --model-api go with --model"),
        ("x", {"model": "m", "model_api": "telepathy"}, "no dialect 'telepathy'"),
        ("x", {"model": "m", "model_url": "ftp://x"}, "begins with http"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    servers: Path, request_: str | None, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(Refusal, match=said) as caught:
        run_host(servers, request_, HostingOptions(**options))
    assert "\n" not in str(caught.value)
    assert caught.value.code == 2
