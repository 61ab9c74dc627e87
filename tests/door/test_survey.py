"""`touchstone survey`: everybody is judged, nobody spoils another's result, and what is done stays done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from reports.matrix import Implementation, Matrix, read_matrix
from reports.records import read

ROOT = Path(__file__).resolve().parents[2]
SMALL = [sys.executable, str(Path(__file__).with_name("small_server.py"))]
MARK = "TOUCHSTONE_TEST_MARK"


def target(name: str, defect: str = "", **more: Any) -> str:
    facts = {"name": name, "command": [*SMALL, "--defect", defect] if defect else SMALL} | more
    return "[[target]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in facts.items())


class Survey:
    """Command lines in a folder of their own, whose processes carry a mark."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", MARK: self.mark}

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "touchstone", "survey", "s.toml", *words]

    def write(self, *targets: str) -> None:
        (self.folder / "s.toml").write_text("\n".join(targets))

    def run(self, *words: str, code: int) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.words(*words),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    @property
    def results(self) -> Path:
        return self.folder / ".touchstone" / "survey"

    @property
    def matrix(self) -> Matrix:
        matrix = read_matrix((self.results / "survey.jsonl").read_bytes())
        assert matrix is not None
        return matrix

    def rows(self) -> dict[str, Implementation]:
        return {row.name: row for row in self.matrix.implementations}

    def left_behind(self) -> list[str]:
        """Processes of the survey that still live a moment after it ended."""
        ends = time.monotonic() + 3
        while alive := [process for process in psutil.process_iter() if self._is_ours(process)]:
            if time.monotonic() > ends:
                return [str(process) for process in alive]
            psutil.wait_procs(alive, timeout=0.2)
        return []

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


@pytest.fixture
def survey(tmp_path: Path) -> Iterator[Survey]:
    found = Survey(tmp_path)
    yield found
    assert found.left_behind() == []


def test_everybody_is_judged_whatever_becomes_of_the_others(survey: Survey) -> None:
    survey.write(
        target("sound"),
        target("wrong", "unknown"),
        target("never comes", "dies"),
        target("never ends", "hangs", deadline=2),
        target("kills its judge", "kills"),
    )
    done = survey.run("--only", "base.*", "--jobs", "3", code=1)
    rows = survey.rows()
    assert (rows["sound"].exit, rows["sound"].count("violation"), rows["sound"].trouble) == (0, 0, "")
    assert rows["sound"].count("ok") > 10
    assert [each.check for each in rows["wrong"].failing] == ["base.method.unknown"]
    assert (rows["never comes"].exit, rows["never ends"].exit, rows["kills its judge"].exit) == (3, 3, 5)
    assert "no luck today" in rows["never comes"].trouble
    assert rows["never ends"].trouble == "stopped at its deadline"
    assert "ended by signal 9" in rows["kills its judge"].trouble
    assert survey.matrix.footer is not None
    assert (survey.matrix.footer.complete, survey.matrix.footer.exit) == (True, 1)
    for word in ("1/5", "5/5 ", "2 implementations judged, 1 with violations, 3 without a verdict"):
        assert word in done.stderr + done.stdout
    page = (survey.results / "index.html").read_text()
    assert 'href="targets/wrong/report.html"' in page
    assert (survey.results / "targets/wrong/report.html").stat().st_size > 10_000


def test_every_run_says_how_it_could_be_typed(survey: Survey) -> None:
    survey.write(
        target("sound", revisions=["2025-11-25"], tools={}).replace("tools = {}", 'tools = { allow = ["echo"] }')
    )
    survey.run("--only", "base.id.string", "--quiet", code=0)
    command = read(survey.results / "targets/sound/records.jsonl").header.command.split()
    assert command[:6] == ["touchstone", "check", "--only", "base.id.string", "--revision", "2025-11-25"]
    assert command[-3:] == ["--", *SMALL]
    assert command[6:8] == ["--allow", "echo"]


def test_what_is_done_with_the_same_settings_is_not_done_again(survey: Survey) -> None:
    counted = survey.folder / "starts"
    program = f"open({str(counted)!r}, 'a').write('x'); import runpy; runpy.run_path({SMALL[1]!r}, run_name='x')"
    counting = target("counted", command=[sys.executable, "-c", program])
    survey.write(counting, target("other", "dies"))
    survey.run("--only", "base.id.string", code=3)
    starts = len(counted.read_text())
    first = survey.rows()["counted"]
    survey.run("--only", "base.id.string", "--resume", code=3)
    assert len(counted.read_text()) == starts
    assert survey.rows()["counted"] == first
    survey.write(counting + 'env = { NEW = "1" }\n', target("other"))
    survey.run("--only", "base.id.string", "--resume", code=0)
    assert len(counted.read_text()) > starts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_survey_that_is_stopped_keeps_what_it_has_and_can_be_resumed(survey: Survey, number: int) -> None:
    survey.write(target("sound"), target("never ends", "hangs"), target("later"))
    running = subprocess.Popen(
        survey.words("--only", "base.id.string", "--jobs", "1"),
        cwd=survey.folder,
        env=survey.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("1/3 sound: ")
        running.send_signal(number)
        output, _ = running.communicate(timeout=80)
    assert running.returncode == 130
    assert "without a verdict" in output
    rows = survey.rows()
    assert rows["sound"].exit == 0
    assert rows.get("never ends", rows["sound"]).exit in (0, 130)
    assert survey.matrix.footer is not None
    assert not survey.matrix.footer.complete
    survey.write(target("sound"), target("later"))
    survey.run("--only", "base.id.string", "--resume", code=0)
    assert set(survey.rows()) == {"sound", "later"}


def test_a_client_is_judged_beside_servers(survey: Survey) -> None:
    program = "import sys, urllib.request; urllib.request.urlopen(sys.argv[-1])"
    survey.write(
        target("sound"), f'[[target]]\nname = "mute"\nclient = {json.dumps([sys.executable, "-c", program])}\n'
    )
    survey.run("--only", "base.id.string", "--only", "client.ping", "--revision", "2025-11-25", code=3)
    row = survey.rows()["mute"]
    assert (row.role, row.exit) == ("client", 3)
    assert "opened no conversation" in row.trouble


def test_known_failures_of_a_target_count_as_known(survey: Survey) -> None:
    (survey.folder / "known.toml").write_text('[[known]]\ncheck = "base.method.unknown"\n')
    survey.write(target("wrong", "unknown", baseline="known.toml"))
    survey.run("--only", "base.method.*", code=0)
    row = survey.rows()["wrong"]
    assert (row.count("known"), row.count("violation")) == (1, 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names no target"),
        ("[[target]]\n", "target[0]: "),
        ('[[target]]\nname = "x"\n', "target 'x' has none of command, url, from, client"),
        ('[[target]]\nname = "x"\ncommand = "a"\nurl = "http://b"\n', "has command and url of"),
        ('[[target]]\nname = "x"\ncomand = "a"\n', "no such key: 'comand'"),
        ('[[target]]\nname = "?"\ncommand = "a"\n', "needs a name"),
        (
            '[[target]]\nname = "x y"\ncommand = "a"\n[[target]]\nname = "X-y"\ncommand = "a"\n',
            "'x y' and 'X-y' are too",
        ),
        ('[[target]]\nname = "x"\nfrom = "a"\n', "write FILE.json#NAME"),
        ('[[target]]\nname = "x"\nfrom = "a.json#b"\n', "target 'x': a.json: no such file"),
        ('[[target]]\nname = "x"\nurl = "localhost"\n', "is no URL"),
        ('[[target]]\nname = "x"\ncommand = "a"\nrevisions = ["2025"]\n', "target 'x': 2025 is no revision"),
        ('[[target]]\nname = "x"\ncommand = "a"\nbaseline = "none.toml"\n', "target 'x': none.toml: no such file"),
        (
            '[[target]]\nname = "x"\ncommand = "a"\nenv = { A = "env:NOT_SET" }\n',
            "target 'x': A: the environment has no",
        ),
        ('[[target]]\nname = "x"\nclient = ["a"]\ncwd = "."\n', "is a client, which has no headers"),
        ('[[target]]\nname = "x"\ncommand = "a"\nstdio = true\n', "has stdio"),
        ('[[target]]\nname = "x"\ncommand = "a"\ndeadline = -1\n', "has a deadline"),
        ("[[target", "s.toml: "),
    ],
)
def test_a_file_with_a_mistake_in_it_is_refused_in_one_line(
    typed: Callable[..., Any], tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "s.toml").write_text(text)
    code, errors = typed("survey", "s.toml")
    assert code == 2
    (line,) = errors.splitlines()
    assert line.startswith("touchstone: s.toml")
    assert told in line
    assert not (tmp_path / ".touchstone").exists()


def test_a_file_that_is_not_there_and_an_unknown_check_are_refused(typed: Callable[..., Any], tmp_path: Path) -> None:
    assert typed("survey", "none.toml") == (2, "touchstone: none.toml: no such file or directory\n")
    (tmp_path / "s.toml").write_text(target("x"))
    code, errors = typed("survey", "s.toml", "--only", "nothing.*")
    assert (code, "'nothing.*'" in errors) == (2, True)
    (tmp_path / "taken").write_text("")
    code, errors = typed("survey", "s.toml", "--output", "taken/here")
    assert (code, "taken/here" in errors) == (2, True)


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str]]]:
    """Run a command line in a folder of its own, in this process: these only refuse."""
    import touchstone

    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["touchstone", *words])
        with pytest.raises(SystemExit) as caught:
            touchstone.main()
        return int(caught.value.code or 0), capfd.readouterr().err

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
