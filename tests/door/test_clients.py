"""`touchstone client`: a client is started for each scenario, judged, and ended with all that it started."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

from reports.records import Verdict, read

OURS = (sys.executable, "-m", "fixtures.official.everything_client")
FETCHER = "import sys, urllib.request; urllib.request.urlopen(sys.argv[-1] + '{path}')"


def judge(tmp_path: Path, *words: str, mark: str = "") -> subprocess.CompletedProcess[str]:
    records = ["--records", str(tmp_path / "records.jsonl"), "--env", f"TOUCHSTONE_TEST_MARK={mark}", "--quiet"]
    command = [sys.executable, "-m", "touchstone", "client", *records, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def verdicts(tmp_path: Path) -> list[Verdict]:
    return list(read(tmp_path / "records.jsonl").verdicts)


def test_a_client_without_a_fault_passes_at_a_revision_of_each_era(tmp_path: Path) -> None:
    eras = ("--revision", "2025-11-25", "--revision", "2026-07-28")
    done = judge(tmp_path, *eras, "--scenario", "stream", "--scenario", "headers", "--", *OURS)
    assert done.returncode == 0, done.stdout
    assert {verdict.revision for verdict in verdicts(tmp_path)} == {"2025-11-25", "2026-07-28"}
    assert {verdict.outcome for verdict in verdicts(tmp_path)} <= {"passed", "blocked", "inapplicable"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("/no/such/client",), "/no/such/client cannot be started"),
        ((sys.executable, "-c", "import sys; sys.exit('no luck')"), "never connected; it ended with status 1: no luck"),
        ((sys.executable, "-c", FETCHER.format(path="")), "opened no conversation at any revision"),
    ],
)
def test_a_client_that_says_nothing_is_no_verdict_but_one_clear_line(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = judge(tmp_path, "--revision", "2025-11-25", "--", *words)
    assert done.returncode == 3
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give its command after --"),
        (("--only", "nonsense", "--", "x"), "no judge of clients is called 'nonsense'"),
        (("--revision", "1999-01-01", "--", "x"), "1999-01-01 is no revision"),
        (("--env", "NAME", "--", "x"), "write NAME=VALUE"),
        (("--stdio", "--transport", "sse", "--", "x"), "a client is met over one of them"),
        (("--scenario", "none", "--", "x"), "no scenario is called 'none'"),
    ],
)
def test_a_wrong_command_line_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = judge(tmp_path, *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_client_that_never_ends_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    stays = "import subprocess, sys, time; subprocess.Popen(['sleep', '300']); time.sleep(300)"
    done = judge(
        tmp_path, "--patience", "0.4", "--revision", "2025-11-25", "--", sys.executable, "-c", stays, mark=mark
    )
    assert done.returncode == 3
    assert "never connected; it had to be ended" in done.stderr
    assert not left_behind(mark)


def left_behind(mark: str) -> list[psutil.Process]:
    """Processes of a run that still live a moment after it ended."""
    ends = time.monotonic() + 3
    while alive := [process for process in psutil.process_iter() if _carries(process, mark)]:
        if time.monotonic() > ends:
            return alive
        psutil.wait_procs(alive, timeout=0.2)
    return []


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get("TOUCHSTONE_TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_a_client_is_led_to_the_server_by_its_configuration_file(tmp_path: Path) -> None:
    script = tmp_path / "configured.py"
    script.write_text(
        "import json, subprocess, sys\n"
        "server = json.load(open(sys.argv[1]))['mcpServers']['touchstone']\n"
        f"sys.exit(subprocess.call([*{OURS!r}, server['url']]))\n"
    )
    words = ("--revision", "2025-11-25", "--scenario", "stream", "--", sys.executable, str(script), "{config}")
    done = judge(tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_failure_names_the_command_that_repeats_it(tmp_path: Path) -> None:
    script = tmp_path / "deaf.py"
    script.write_text(
        "import json, sys, urllib.request as web\n"
        "info = {'protocolVersion': '2025-11-25', 'capabilities': {}, 'clientInfo': {'name': 'x', 'version': '1'}}\n"
        "body = {'jsonrpc': '2.0', 'id': 1, 'method': 'initialize', 'params': info}\n"
        "web.urlopen(web.Request(sys.argv[-1], json.dumps(body).encode(), {'Accept': '*/*'})).read()\n"
    )
    words = ("--revision", "2025-11-25", "--scenario", "session-lost", "--", sys.executable, str(script))
    done = judge(tmp_path, *words)
    assert done.returncode == 1
    failed = {verdict.check: verdict for verdict in verdicts(tmp_path) if verdict.outcome == "failed"}
    assert failed.keys() == {"client.http-post-accept", "client.version-offered"}
    again = failed["client.http-post-accept"].repeat.split()
    assert again[:4] == ["touchstone", "client", "--only", "client.http-post-accept"]
    assert again[-2:] == [sys.executable, str(script)]
    replay = [sys.executable, "-m", "touchstone", "replay", "client.http-post-accept"]
    done = subprocess.run(
        [*replay, "--records", str(tmp_path / "records.jsonl")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "client.http-post-accept" in done.stdout


@pytest.mark.parametrize(("transport", "scheme"), [("sse", "http"), ("ws", "ws")])
def test_a_client_is_given_a_url_of_the_transport_that_it_speaks(tmp_path: Path, transport: str, scheme: str) -> None:
    tells = f"import sys; sys.exit(0 if sys.argv[-1].startswith('{scheme}://') else 'no such URL')"
    words = ("--transport", transport, "--revision", "2024-11-05", "--", sys.executable, "-c", tells)
    done = judge(tmp_path, *words)
    assert done.returncode == 3
    assert "never connected; it ended with status 0" in done.stderr
