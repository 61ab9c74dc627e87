"""The terminal shows what is wrong first, fits its width, and obeys no stranger."""

from dataclasses import replace
from io import StringIO

import msgspec
import pytest
from msgspec import structs
from rich.console import Console

from reports.console import render_console, render_verdict, to_text
from reports.digest import digest
from reports.records import Counts, GeneratorHealth, Latency, LoadJudgement, Percentiles, Run, WireEntry


def shown(run: Run, **options: object) -> str:
    verbose = bool(options.pop("verbose", False))
    out = StringIO()
    render_console(run, Console(file=out, legacy_windows=False, **{"width": 80} | options), verbose)
    return out.getvalue()


def test_failures_come_first_and_the_verdict_last(sample_run: Run) -> None:
    lines = to_text(sample_run).splitlines()
    assert lines[:2] == [
        "Touchstone 0.1.0 · notes-server 1.4.2",
        "touchstone run -- node build/index.js --root ./notes",
    ]
    assert lines[3].startswith("violation ")
    counted = "3 violations, 2 warnings, 1 note and 1 missed objective"
    assert lines[-1] == f"FAILED {counted} · 97.4 s · seed 20260728 · exit 1"
    everything = shown(sample_run, verbose=True).splitlines()
    words = ("violation", "warning", "note ")
    order = [next(at for at, line in enumerate(everything) if line.startswith(word)) for word in words]
    assert order == sorted(order)


def test_a_failure_shows_rule_expectation_and_bytes(sample_run: Run) -> None:
    text = to_text(sample_run)
    block = text[text.index("violation read_note") : text.index("what does not hold")]
    for part in (
        "tools.call.error · every revision over http and stdio",
        "rule      MUST What goes wrong while a tool runs",
        "(server/tools#error-handling)",
        "expected  a result with isError: true",
        "actual    error -32603",
        '→   {"jsonrpc":"2.0","id":"call-7","method":"tools/call"',
        "1,204 more bytes",
        "[a protocol error]",
    ):
        assert part in block


def test_what_passed_is_not_listed(sample_run: Run) -> None:
    assert "ping.answered" not in to_text(sample_run)


def test_a_command_to_repeat_is_never_broken(sample_run: Run) -> None:
    command = "touchstone check --only tools.call.error --revision 2026-07-28 -- node build/index.js --root ./notes"
    assert f"  repeat    {command}" in shown(sample_run, width=60).splitlines()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_all_but_copyable_lines_fit_the_width(sample_run: Run, width: int) -> None:
    lines = shown(sample_run, width=width).splitlines()
    assert not [
        line for line in lines if len(line.rstrip()) > width and "repeat" not in line and "touchstone run" not in line
    ]


def test_there_are_no_colour_codes_where_there_is_no_terminal(sample_run: Run) -> None:
    assert "\x1b" not in shown(sample_run)
    assert "\x1b[" in shown(sample_run, force_terminal=True, color_system="standard")


def test_blocked_checks_stand_under_what_would_unblock_them_where_everything_is_asked_for(sample_run: Run) -> None:
    lines = shown(sample_run, verbose=True, width=160).splitlines()
    cause = next(index for index, line in enumerate(lines) if "reports progress" in line)
    assert lines[cause + 1].strip() == "2 checks: progress.increases, progress.token"


def test_what_does_not_hold_stands_in_a_line_each_and_what_is_folded_is_announced(sample_run: Run) -> None:
    lines = shown(sample_run).splitlines()
    at = lines.index("what does not hold")
    assert [line.split()[0] for line in lines[at + 1 : at + 7]] == ["violation"] * 3 + ["warning"] * 2 + ["and"]
    assert lines[at + 6] == "  and 1 more"
    assert "more: --verbose; without another run: touchstone report RECORDS --verbose" in lines
    everything = shown(sample_run, verbose=True)
    assert "what does not hold" not in everything
    assert "more: --verbose" not in everything


def test_what_is_said_last_fits_a_small_screen_however_much_is_wrong(sample_run: Run) -> None:
    bad = next(verdict for verdict in sample_run.verdicts if verdict.outcome == "failed")
    held = next(verdict for verdict in sample_run.verdicts if verdict.outcome == "blocked")
    verdicts = (
        *(structs.replace(bad, check=f"check.{'x' * number}", requirements=()) for number in range(40)),
        *(
            structs.replace(held, check=f"held.{number}", cause=f"cause {number}, {'long ' * 40}")
            for number in range(30)
        ),
    )
    text = shown(replace(sample_run, verdicts=verdicts, findings=(), loads=()))
    last = text[text.index("what does not hold") :].splitlines()
    assert len(last) <= 24 - 1
    assert all(len(line.rstrip()) <= 80 for line in last)
    assert "  and 33 more" in last
    assert "  and 27 more causes" in last


def test_only_the_worst_failures_are_shown_with_their_evidence(sample_run: Run) -> None:
    assert shown(sample_run).count("  repeat    ") == 3
    assert shown(sample_run, verbose=True).count("  repeat    ") > 3


def test_a_quiet_run_prints_its_verdict_alone(sample_run: Run) -> None:
    out = StringIO()
    render_verdict(sample_run, Console(file=out, width=160, legacy_windows=False))
    assert out.getvalue() == to_text(sample_run, width=160).splitlines()[-1] + "\n"


@pytest.mark.parametrize("place", [0, 2])
def test_a_quiet_run_without_result_says_why(sample_run: Run, place: int) -> None:
    health = GeneratorHealth(lag_p99_ms=9.0, cpu_percent=99.0, reasons=("it was late", "its core was busy"))
    spoiled = structs.replace(sample_run.loads[place], valid=False, generator=health)
    out = StringIO()
    render_verdict(Run(header=sample_run.header, loads=(spoiled,)), Console(file=out, width=160, legacy_windows=False))
    assert ": it was late; its core was busy · " in out.getvalue()


def test_a_quiet_run_of_which_everything_was_blocked_gives_the_first_cause(sample_run: Run) -> None:
    blocked = tuple(each for each in sample_run.verdicts if each.outcome == "blocked")
    out = StringIO()
    render_verdict(Run(header=sample_run.header, verdicts=blocked), Console(file=out, width=400, legacy_windows=False))
    (cause, *_) = (each.cause for each in digest(Run(header=sample_run.header, verdicts=blocked)).blocked)
    assert f"INCONCLUSIVE Nothing conclusive ran: {cause}" in out.getvalue()


@pytest.mark.parametrize(("name", "coloured"), [("NO_COLOR", False), ("FORCE_COLOR", True)])
def test_colours_follow_what_the_environment_says(
    sample_run: Run, monkeypatch: pytest.MonkeyPatch, name: str, coloured: bool
) -> None:
    for other in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "1")
    text = shown(sample_run, **({} if coloured else {"force_terminal": True}))
    assert ("\x1b[1;31m" in text) is coloured


def test_the_table_has_one_line_a_revision_and_transport(sample_run: Run) -> None:
    lines = [line.split() for line in to_text(sample_run).splitlines()]
    assert ["revision", "transport", "passed", "failed", "n/a", "blocked", "broken"] in lines
    assert ["2025-11-25", "stdio", "26", "4", "3", "5", "-"] in lines


def test_load_shows_percentiles_objectives_and_what_is_no_result(sample_run: Run) -> None:
    text = shown(sample_run, width=120)
    assert "p99.9" in text
    assert "missed tools/call search_notes p99 < 100 ms: 418 ms" in " ".join(text.split())
    assert "p99 < 1 s: 301 ms, 70 % left" in text
    assert "256 users: the generator's own CPU was at 99 %" in text


@pytest.mark.parametrize(("width", "shown_too"), [(60, "p99"), (80, "p99.99"), (120, "p99.99")])
def test_no_figure_of_load_is_cut_whatever_the_width(sample_run: Run, width: int, shown_too: str) -> None:
    far = Percentiles(p50=2103, p90=2890, p95=2900, p99=2990, p99_9=3001, p99_99=3400, max=3501, mean=2100)
    load = msgspec.structs.replace(
        next(each for each in sample_run.loads if each.valid),
        operation="tools/call generate_a_long_report",
        corrected=Latency(percentiles=far, samples=1_234_567),
        counts=Counts(total=1_234_567, ok=1_234_000, failed=567),
        seconds=60.0,
    )
    text = shown(Run(header=sample_run.header, loads=(load,)), width=width)
    (head,) = (line for line in text.splitlines() if "done/s" in line)
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert shown_too in head.split()
    assert {"20,576", "0.05", "1,234,567", "2.10", "2.99"} <= set(text.split())
    assert all(len(line.rstrip()) <= width for line in text.splitlines() if "touchstone run" not in line)


def test_load_shows_what_a_scenario_judged_with_its_proof(sample_run: Run) -> None:
    proof = WireEntry(at=1.5, direction="received", text="marker 7", note="conversation 2")
    judged = (
        LoadJudgement(name="no foreign answer", holds=False, explanation="1 of 9 was another's", evidence=(proof,)),
        LoadJudgement(name="no memory leak", holds=None, explanation="the target cannot be seen"),
    )
    load = msgspec.structs.replace(sample_run.loads[1], judgements=judged)
    text = shown(Run(header=sample_run.header, loads=(load,)), width=160)
    assert "no foreign answer: 1 of 9 was another's" in text
    assert "1.500 s received marker 7 [conversation 2]" in text
    assert "not judged" in text
    assert "FAILED 1 fault under load" in text


def test_a_clean_run_is_short(clean_run: Run) -> None:
    lines = to_text(clean_run).splitlines()
    assert lines[-1] == "PASSED 28 checks passed · 3.4 s · exit 0"
    assert len(lines) < 20


def test_a_file_without_footer_is_called_incomplete(clean_run: Run) -> None:
    assert "the records end before the run did" in to_text(replace(clean_run, footer=None)).splitlines()[-1]


def test_markup_and_control_characters_of_a_target_are_shown_not_obeyed(sample_run: Run) -> None:
    hostile = "[red]bold[/red] [/] \x1b[2J :smile: [link=x]"
    entry = WireEntry(at=0, direction="received", text=hostile, note=hostile)
    verdict = msgspec.structs.replace(
        sample_run.verdicts[-1],
        summary=hostile,
        expected=hostile,
        actual=hostile,
        check=hostile,
        repeat=hostile,
        evidence=(entry,),
    )
    text = shown(Run(header=sample_run.header, verdicts=(verdict,)), width=200)
    assert text.count("[red]bold[/red] [/] \\x1b[2J :smile: [link=x]") == 7
    assert "\x1b" not in text


def test_huge_texts_are_cut_unless_everything_is_asked_for(sample_run: Run) -> None:
    entries = tuple(WireEntry(at=at, direction="sent", text="x" * 5000) for at in range(20))
    run = Run(
        header=sample_run.header,
        verdicts=(msgspec.structs.replace(sample_run.verdicts[-1], evidence=entries, actual="y" * 100_000),),
    )
    assert len(shown(run)) < 10_000
    assert "14 earlier entries" in shown(run)
    assert shown(run, verbose=True).count("x") > 99_000


def test_a_terminal_without_unicode_gets_plain_signs(sample_run: Run) -> None:
    class Ascii(StringIO):
        encoding = "ascii"

    out = Ascii()
    render_console(sample_run, Console(file=out, width=100, legacy_windows=False))
    assert "->" in out.getvalue()
    out.getvalue().replace("─", "-").encode("ascii")


def test_what_holds_of_several_operations_is_said_once(sample_run: Run) -> None:
    slow = next(load for load in sample_run.loads if not load.valid)
    twin = structs.replace(slow, operation="another")
    text = shown(replace(sample_run, loads=(slow, twin)), width=160)
    assert text.count("the generator's own CPU was at 99 %") == 1
