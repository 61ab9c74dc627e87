"""`replay`: one recorded failure again, alone, on a fresh connection to the same target."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from door.baselines import NONE
from door.errors import Refusal
from door.guessing import meant
from door.naming import target_again
from door.options import CheckingOptions, FuzzingOptions, OutputOptions, TargetOptions
from door.reporting import read_records
from reports.records import Finding, Judgement, Target

__all__ = ["replay_failure"]


def replay_failure(
    identifier: str, records: Path, env: Sequence[str], headers: Sequence[str], token: str | None = None
) -> int:
    """Repeat a failure of `records`. Raises `Refusal` if it holds no such failure."""
    run = read_records(records)
    failure = _find(run.judgements, identifier)
    started = next(iter(_values(shlex.split(failure.repeat), "--start")), None)
    target = replace(_target(run.header.target), env=list(env), header=list(headers), token=token, start=started)
    output = OutputOptions(records=records.with_name("replay.jsonl"), verbose=True, seed=run.header.seed, baseline=NONE)
    if isinstance(failure, Finding):
        from door.fuzzing import replay_finding

        if identifier.startswith(_PROBES):
            return _attacked(target, shlex.split(failure.repeat), output)
        return replay_finding(failure, target)
    said = shlex.split(failure.repeat)
    if said[1:2] == ["client"]:
        from door.clients import Meeting, run_client_check

        split = said.index("--")
        checking = CheckingOptions(only=_values(said[:split], "--only"), revision=[failure.revision])
        options = said[:split]
        over = next(iter(_values(options, "--transport")), None)
        meeting = Meeting.of(over, _values(options, "--scenario"), stdio="--stdio" in options)
        return run_client_check(said[split + 1 :], list(env), meeting=meeting, output=output, checking=checking)
    from door.commands import run_check

    target = replace(target, allow=_values(said, "--allow"))
    return run_check(target, output, CheckingOptions(only=_values(said, "--only"), revision=[failure.revision]))


_PROBES = "security."


def _attacked(target: TargetOptions, said: Sequence[str], output: OutputOptions) -> int:
    """Try an attack again, with canaries laid out anew."""
    from door.commands import run_fuzz

    sandbox = next((Path(value) for value in _values(said, "--sandbox")), None)
    checking = CheckingOptions(only=_values(said, "--only"), revision=_values(said, "--revision"))
    allowed = replace(target, allow=_values(said, "--allow"))
    return run_fuzz(allowed, output, checking, FuzzingOptions(active=True, sandbox=sandbox))


def _target(row: Target) -> TargetOptions:
    if row.given is not None:
        return target_again(row.given)
    return TargetOptions(target=[row.address] if "://" in row.address else shlex.split(row.address))


def _values(words: Sequence[str], option: str) -> list[str]:
    """Return what an option of a command line was given, each time."""
    return [value for name, value in pairwise(words) if name == option]


def _find(judgements: Sequence[Judgement], identifier: str) -> Judgement:
    named = [item for item in judgements if item.check == identifier]
    failed = [item for item in named if item.outcome == "failed"]
    if failed:
        return failed[0]
    if named:
        raise Refusal(f"{identifier} did not fail in that run; it {named[0].outcome}")
    known = sorted({item.check for item in judgements if item.outcome == "failed"})
    there = f"; the run has {', '.join(known)}" if known else "; nothing failed in that run"
    raise Refusal(f"no failure is called {identifier!r}{meant(identifier, known, there)}")
