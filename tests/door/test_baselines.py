"""`--baseline` and `--write-baseline`, as they are typed, and what is wrong with a file of theirs."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from door.baselines import baseline_of, read_baseline
from door.errors import Refusal
from door.options import CheckingOptions, OutputOptions
from reports.baseline import Known, parse_baseline
from reports.records import read

ROOT = Path(__file__).resolve().parents[2]
SMALL = (sys.executable, str(Path(__file__).with_name("small_server.py")))


def touchstone(folder: Path, *words: str, defect: str = "") -> subprocess.CompletedProcess[str]:
    target = [*SMALL, "--defect", defect] if defect else list(SMALL)
    command = [sys.executable, "-m", "touchstone", "check", "--quiet", "--only", "base.method.*", *words]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [*command, "--", *target], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_what_fails_now_is_written_and_then_known(tmp_path: Path) -> None:
    wrote = touchstone(tmp_path, "--write-baseline", "known.toml", defect="unknown")
    assert wrote.returncode == 0, wrote.stdout
    assert "known.toml lists 1 known failure, 1 of them without a reason" in wrote.stderr
    (entry,) = parse_baseline((tmp_path / "known.toml").read_text())
    assert entry == Known(check="base.method.unknown", transport="stdio")
    held = touchstone(tmp_path, "--baseline", "known.toml", "--junit", "j.xml", defect="unknown")
    assert held.returncode == 0
    assert "1 known failure" in held.stdout
    assert 'failures="0"' in (tmp_path / "j.xml").read_text()
    run = read(tmp_path / ".touchstone/records.jsonl")
    assert run.footer is not None
    assert (run.footer.exit, run.footer.severities) == (0, {"violation": 1})


def test_a_new_failure_is_worse_than_the_baseline_and_replay_knows_of_none(tmp_path: Path) -> None:
    (tmp_path / "touchstone.toml").write_text('baseline = "known.toml"\n')
    (tmp_path / "known.toml").write_text("")
    assert touchstone(tmp_path, defect="unknown").returncode == 4
    assert touchstone(tmp_path, "--baseline", "-", defect="unknown").returncode == 1
    command = [sys.executable, "-m", "touchstone", "replay", "base.method.unknown"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 1


def test_a_run_that_comes_to_nothing_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    old = '[[known]]\ncheck = "base.id.string"\nreason = "mine"\n'
    (tmp_path / "known.toml").write_text(old)
    done = touchstone(tmp_path, "--write-baseline", "known.toml", defect="dies")
    assert done.returncode == 3
    assert "known.toml stays as it is" in done.stderr
    assert (tmp_path / "known.toml").read_text() == old


def test_records_are_held_against_a_baseline_when_they_are_rendered_again(tmp_path: Path) -> None:
    touchstone(tmp_path, defect="unknown")
    (tmp_path / "known.toml").write_text('[[known]]\ncheck = "base.method.unknown"\nreason = "so it is"\n')
    for words, told in (([], "FAILED 1 violation"), (["--baseline", "known.toml"], "PASSED 1 known failure")):
        command = [sys.executable, "-m", "touchstone", "report", ".touchstone/records.jsonl", *words]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert told in done.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'check = "base.method.unknwn"',
            "no check is called 'base.method.unknwn'; did you mean 'base.method.unknown'?",
        ),
        ('check = "zzz"', "`touchstone list` shows all"),
        ('check = "base.id.string"\nrevision = "2025-11-26"', "'2025-11-26' is no revision"),
        ('check = "base.id.string"\ntransport = "htpp"', "'htpp' is no transport"),
        ('check = "base.id.string"\nreasn = ""', "no such key: 'reasn'"),
        ("check = ", "known.toml: "),
    ],
)
def test_a_baseline_with_a_mistake_in_it_is_refused_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "known.toml"
    file.write_text(f"[[known]]\n{text}\n")
    with pytest.raises(Refusal, match=r"^.*known\.toml: .*") as caught:
        read_baseline(file)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_baseline_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refusal, match=r"none\.toml: no such file"):
        baseline_of(OutputOptions(baseline=Path("none.toml")), CheckingOptions())


def test_judges_of_clients_and_properties_can_be_known_too(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text('[[known]]\ncheck = "client.ping"\n[[known]]\ncheck = "property.framing"\n')
    assert len(read_baseline(tmp_path / "known.toml").known) == 2


def test_the_command_line_comes_before_the_settings_and_a_narrow_run_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("")
    (tmp_path / "b.toml").write_text('[[known]]\ncheck = "base.id.string"\n')
    narrow = CheckingOptions(only=["base.*"])
    chosen = baseline_of(OutputOptions(baseline=tmp_path / "a.toml"), narrow, str(tmp_path / "b.toml"))
    assert chosen is not None
    assert (chosen.known, chosen.only, chosen.revisions) == ((), True, False)
    assert baseline_of(OutputOptions(), CheckingOptions(), str(tmp_path / "b.toml")) is not None
    assert baseline_of(OutputOptions(), CheckingOptions()) is None


def test_the_file_to_be_written_is_the_baseline_where_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    assert baseline_of(OutputOptions(write_baseline=path), CheckingOptions()) is None
    path.write_text('[[known]]\ncheck = "base.id.string"\n')
    assert baseline_of(OutputOptions(write_baseline=path), CheckingOptions()) is not None
    with pytest.raises(Refusal, match="is written as TOML"):
        baseline_of(OutputOptions(write_baseline=tmp_path / "b.yml"), CheckingOptions())


def test_the_official_suites_list_excuses_what_judges_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "expected.yml"
    file.write_text("server:\n  - ping\n  - tools-call-sampling\nclient:\n  - brand-new\n")
    baseline = read_baseline(file, date(2026, 1, 1))
    assert [entry.check for entry in baseline.excuses] == ["utilities.ping"]
    assert "they excuse nothing: tools-call-sampling, brand-new" in capsys.readouterr().err
    assert baseline.stale(()) == ()
