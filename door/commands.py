"""`run`, `check`, `fuzz` and `load`: options to settings, settings to one recorded session."""

from __future__ import annotations

import math
import random
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from conformance.patience import Patience
from conformance.target import Target
from door.baselines import NONE
from door.catalogue import need_known, need_revisions
from door.config import Settings, read_settings
from door.embedded import EmbeddedServer, embedded_stdio
from door.errors import Refusal
from door.naming import Named, name_target
from door.options import CheckingOptions, FuzzingOptions, LoadOptions, OutputOptions, TargetOptions
from door.plans import CheckPlan, FuzzSettings
from door.profiles import ProfileOptions, applied, bounded
from door.progress import Live
from door.scale_options import SafetyOptions, ScaleOptions
from door.session import HOME, Output, Session, describe
from door.settings_file import File
from door.starting import LOG
from door.terminal import complain
from door.typed import typed
from door.versus_options import VersusOptions
from reports.records import Target as TargetRow

if TYPE_CHECKING:
    from door.load_settings import LoadSettings

__all__ = ["check_plan", "run_all", "run_check", "run_fuzz", "run_load", "settings_of"]

_NO_TARGET = (
    "no target: give a URL, a command after -- (touchstone {command} -- node build/index.js), "
    "FILE.json#NAME, or a [target] in touchstone.toml"
)

_FIRST_LOOK = 15.0
"""Seconds for which the embedded server is searched where nothing else was asked for: a first look takes no minute."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One command, its options read and checked."""

    settings: Settings
    plan: CheckPlan
    output: Output
    seed: int
    quiet: bool
    named: Named

    def session(self, target: TargetRow) -> Session:
        """Return the session to record in."""
        command = typed(sys.argv[1:])
        secrets = self.settings.secrets
        return Session(command, target, self.output, seed=self.seed, secrets=secrets, named=self.named)

    def ready(self) -> AbstractContextManager[None]:
        """Return what has to be entered while the target is spoken to."""
        return self.settings.ready(self.output.records.with_name(LOG.name))

    def live(self) -> Live:
        """Return the progress display."""
        return Live(quiet=self.quiet)


def run_check(
    target: TargetOptions, output: OutputOptions, checking: CheckingOptions, settings: File | None = None
) -> int:
    """Judge a server. `settings` take the place of those of a file."""
    need_known(checking.only or (), "check", "monitor")
    job = _job(target, output, checking, settings)
    subject = _need(job, "check")
    with job.session(describe(subject)) as session, job.ready(), job.live() as live:
        from door.checking import check

        check(session, live, subject, job.plan)
    return session.exit


def run_fuzz(target: TargetOptions, output: OutputOptions, checking: CheckingOptions, fuzzing: FuzzingOptions) -> int:
    """Try generated input on a server."""
    need_known(checking.only or (), "property", *_attacks(fuzzing))
    job = _job(target, output, checking)
    subject = _need(job, "fuzz")
    settings = _fuzz_settings(job, fuzzing)
    with job.session(describe(subject)) as session, job.ready(), job.live() as live:
        from door.fuzzing import fuzz
        from door.looking import look

        scouted = look(session, live, subject, job.plan)
        fuzz(session, live, subject, scouted, settings)
    return session.exit


def run_load(  # noqa: PLR0913, PLR0917 - groups of options, each its own
    target: TargetOptions,
    output: OutputOptions,
    checking: CheckingOptions,
    load: LoadOptions,
    safety: SafetyOptions,
    scaling: ScaleOptions,
    versus: VersusOptions,
) -> int:
    """Measure a server under load; or be one of several generators that another machine leads."""
    from door.load_settings import LoadSettings
    from door.scaling import Scale, run_worker

    scale = Scale.of(safety, scaling)
    if scaling.worker:
        with Live(quiet=output.quiet) as live:
            return run_worker(scaling, live)
    if output.baseline is not None or output.write_baseline is not None:
        raise Refusal("a load test judges no checks: --baseline goes with run, check, fuzz and client")
    job = _job(target, replace(output, baseline=NONE), checking)
    subject = _need(job, "load")
    scale.permit(subject)
    settings = LoadSettings.of(load, job.settings, job.plan, job.seed).served_by(job.settings.start)
    settings = replace(settings, scale=scale)
    if versus.asked or settings.scenario.eras:
        return _run_versus(job, subject, load, settings, versus)
    with job.session(describe(subject)) as session, job.ready(), job.live() as live:
        from door.loading import measure
        from door.looking import look

        measure(session, live, subject, look(session, live, subject, job.plan), settings)
    return session.exit


def _run_versus(job: _Job, subject: Target, load: LoadOptions, settings: LoadSettings, versus: VersusOptions) -> int:
    """Measure a server and another, or itself in another way, in turns."""
    from door.comparing import show
    from door.versus import contenders, measure_both, prepared, rival_of
    from reports.compare_words import conclusion

    rival = rival_of(versus)
    settings = prepared(settings, load, rival)
    if rival is not None:
        job = replace(job, settings=replace(job.settings, secrets=(*job.settings.secrets, *rival.secrets)))
    found = None
    with job.session(describe(subject)) as session, job.ready(), job.live() as live:
        found = measure_both(session, live, contenders(session, live, subject, settings, versus, rival), settings)
        # Of two eras neither is the one that the other has to be as good as.
        session.worse = conclusion(found) if found is not None and found.worse and not settings.scenario.eras else ""
    if found is not None:
        show(found)
    return session.exit


def run_all(  # noqa: PLR0913, PLR0917 - groups of options, each its own
    target: TargetOptions,
    output: OutputOptions,
    checking: CheckingOptions,
    fuzzing: FuzzingOptions,
    load: LoadOptions,
    safety: SafetyOptions,
    profile: ProfileOptions,
) -> int:
    """Check, fuzz and load a server, or the embedded one, into one report."""
    from door.load_settings import LoadSettings
    from door.scaling import Scale

    checking, fuzzing, load = applied(profile, checking, fuzzing, load)
    need_known(checking.only or (), "check", "monitor", "property", *_attacks(fuzzing))
    output = replace(output, reports={"html": HOME / "report.html"} | output.reports)
    job = _job(target, output, checking)
    checks, after = bounded(profile, checking, job.plan)
    job = replace(job, plan=checks)
    fuzz_settings = replace(_fuzz_settings(job, fuzzing), checks=after)
    scale = Scale.of(safety, ScaleOptions())
    load_settings = LoadSettings.of(load, job.settings, job.plan, job.seed).served_by(job.settings.start)
    load_settings = replace(load_settings, scale=scale)
    if job.settings.target is None:
        return _all_of_embedded(job, fuzz_settings, load_settings)
    return _all_of(job, job.settings.target, fuzz_settings, load_settings)


def _all_of(job: _Job, subject: Target, fuzzing: FuzzSettings, load: LoadSettings) -> int:
    with job.session(describe(subject)) as session, job.ready(), job.live() as live:
        live.stage("waking the target")
        from door.checking import check
        from door.looking import look

        checked = check(session, live, subject, job.plan)
        scouted = look(session, live, subject, job.plan, checked.eras)
        from door.fuzzing import fuzz

        fuzz(session, live, subject, scouted, fuzzing)
        try:
            load.scale.permit(subject)
        except Refusal as refusal:
            complain(f"checked and fuzzed, but not put under load: {refusal}")
        else:
            from door.loading import measure

            measure(session, live, subject, scouted, load)
    return session.exit


def _all_of_embedded(job: _Job, fuzzing: FuzzSettings, load: LoadSettings) -> int:
    with job.session(EmbeddedServer.row) as session, job.live() as live:
        live.stage("starting the embedded reference server")
        with EmbeddedServer() as server:
            from door.checking import check
            from door.looking import look

            process, url = embedded_stdio(), server.target
            by_process, by_url = (check(session, live, each, job.plan).eras for each in (process, url))
            from door.fuzzing import fuzz

            fuzz(session, live, process, look(session, live, process, job.plan, by_process), _briefly(fuzzing))
            from door.loading import measure

            measure(session, live, url, look(session, live, url, job.plan, by_url), load)
    return session.exit


def _briefly(fuzzing: FuzzSettings) -> FuzzSettings:
    """Return the settings of a search that a first look can wait for, where no budget was asked for."""
    from conformance.properties.search import USUAL

    if fuzzing.examples is not None or fuzzing.seconds is not None:
        return fuzzing
    return replace(fuzzing, examples=USUAL, seconds=_FIRST_LOOK)


def _attacks(fuzzing: FuzzingOptions) -> tuple[str, ...]:
    """Return the kind of what `--active` adds. Raises `Refusal` for a sandbox that is none."""
    if fuzzing.sandbox is not None:
        if not fuzzing.active:
            raise Refusal("--sandbox goes with --active")
        if not fuzzing.sandbox.is_dir():
            raise Refusal(f"--sandbox: {fuzzing.sandbox} is no directory")
    return ("probe",) if fuzzing.active else ()


def _fuzz_settings(job: _Job, fuzzing: FuzzingOptions) -> FuzzSettings:
    sandbox = None if fuzzing.sandbox is None else fuzzing.sandbox.resolve()
    if fuzzing.seconds is not None and not math.isfinite(fuzzing.seconds):
        raise Refusal("--seconds is a number of seconds, and ends")
    budget = (fuzzing.examples, job.seed, fuzzing.seconds)
    return FuzzSettings(job.plan, *budget, active=fuzzing.active, sandbox=sandbox)


def _need(job: _Job, command: str) -> Target:
    if job.settings.target is None:
        raise Refusal(_NO_TARGET.format(command=command))
    return job.settings.target


def _job(target: TargetOptions, output: OutputOptions, checking: CheckingOptions, table: File | None = None) -> _Job:
    settings = settings_of(target, table)
    return _Job(
        settings=settings,
        plan=check_plan(settings, checking),
        output=Output.of(output, checking, settings.baseline, settings.rules),
        seed=random.SystemRandom().randrange(2**32) if output.seed is None else output.seed,
        quiet=output.quiet,
        named=Named() if settings.target is None else name_target(target),
    )


def settings_of(target: TargetOptions, table: File | None = None) -> Settings:
    """Return the settings that options and their file, or `table` in the place of that, come to. Raises `Refusal`."""
    return read_settings(
        target.target or [],
        file=table or target.config,
        headers=target.header or [],
        token=target.token,
        env=target.env or [],
        allow=target.allow or [],
        start=target.start,
    )


def check_plan(settings: Settings, checking: CheckingOptions) -> CheckPlan:
    """Return which checks run, and how patiently. Raises `Refusal`."""
    need_revisions(checking.revision or ())
    if not (math.isfinite(checking.patience) and math.isfinite(checking.deadline)):
        raise Refusal("--patience and --deadline are numbers of seconds, and end")
    patience = replace(Patience().scaled(checking.patience), run=checking.deadline)
    return CheckPlan(tuple(checking.only or ()), tuple(checking.revision or ()), settings.permission, patience)
