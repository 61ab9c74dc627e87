"""How a load is carried out: by how many generators, within which bounds, watched by whom."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import psutil

from conformance import target as targets
from door.errors import Exit, Refusal
from door.progress import Live
from door.safety import Permission, permitted
from door.scale_options import SafetyOptions, ScaleOptions
from loadtest.fleet import PATIENCE, PORT, Assignment, Fleet, Worker, address
from loadtest.reporting import Fault, Finished, Notice, Progress
from loadtest.workload import LoadPlan

if TYPE_CHECKING:
    from loadtest.run import LoadOutcome, Reports

__all__ = ["ALONE", "WHOSE", "Scale", "run_worker"]

WHOSE: dict[str, Exit] = {"target": Exit.UNREACHABLE, "generator": Exit.FAULT, "setup": Exit.USAGE}
"""The exit code for whoever is to blame that there is no measurement."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Scale:
    """The options of a command, read. Raises `Refusal` for those that do not go together."""

    safety: SafetyOptions = field(default_factory=SafetyOptions)
    options: ScaleOptions = field(default_factory=ScaleOptions)
    fleet: Fleet | None = None

    @classmethod
    def of(cls, safety: SafetyOptions, options: ScaleOptions) -> Scale:
        """Read the options."""
        if options.master_host is not None and not options.worker:
            raise Refusal("--master-host goes with --worker")
        if not options.master and (options.bind, options.expect_workers, options.expect_within) != (None, None, None):
            raise Refusal("--bind, --expect-workers and --expect-within go with --master")
        if options.target_pid is not None and options.target_metrics is not None:
            raise Refusal("--target-pid and --target-metrics both say what the target costs; take one")
        if options.target_pid is not None and not psutil.pid_exists(options.target_pid):
            raise Refusal(f"--target-pid: there is no process {options.target_pid}")
        if options.target_metrics is not None and not options.target_metrics.startswith(("http://", "https://")):
            raise Refusal(f"--target-metrics: {options.target_metrics} is no http:// or https:// URL")
        if options.live_otlp not in (None, "env") and not str(options.live_otlp).startswith(("http://", "https://")):
            raise Refusal(f"--live-otlp: {options.live_otlp} is neither an http:// or https:// URL nor env")
        return cls(safety, options, _fleet(options))

    def permit(self, target: targets.Target) -> Permission:
        """Return what may be done to a target. Raises `Refusal` for one that load must be kept from."""
        return permitted(target, self.safety)

    def equipped(self, plan: LoadPlan, target: targets.Target) -> LoadPlan:
        """Return the plan with its bounds. Raises `Refusal` where it is beyond them."""
        permission = self.permit(target)
        try:
            return msgspec.structs.replace(
                plan,
                rate_cap=permission.rate_cap,
                pins=permission.pins,
                silence=permission.silence,
                target_pid=self.options.target_pid or plan.target_pid,
            )
        except ValueError as problem:
            raise Refusal(f"{problem}; --rate-cap sets another") from None

    @contextlib.contextmanager
    def runner(self, live: Live) -> Iterator[Callable[[LoadPlan, Callable[[Progress], None]], LoadOutcome]]:
        """Give what carries plans out, watched by whoever was asked to."""
        from door.live import watchers
        from loadtest.run import Watch, run_load

        with watchers(self.options, live.announce) as figures:
            watch = Watch(figures, live.announce, self.options.target_metrics)
            yield lambda plan, progress: run_load(plan, progress, fleet=self.fleet, watch=watch)


ALONE = Scale()
"""One generator, for a target that is near."""


def _fleet(options: ScaleOptions) -> Fleet | None:
    local = options.processes or 0
    if not options.master:
        return Fleet(local=local) if local > 1 else None
    try:
        host, port = address(options.bind or f"127.0.0.1:{PORT}")
    except ValueError as problem:
        raise Refusal(f"--bind: {problem}") from None
    remote = options.expect_workers or 1
    return Fleet(local=local, remote=remote, host=host, port=port, patience=options.expect_within or PATIENCE)


def run_worker(options: ScaleOptions, live: Live) -> int:
    """Be one generator of a master's, until that is done. Raises `Refusal` where it comes to nothing."""
    if options.master:
        raise Refusal("--master and --worker are two machines' business; take one")
    if options.master_host is None:
        raise Refusal("--worker needs --master-host HOST[:PORT]")
    try:
        host, port = address(options.master_host)
    except ValueError as problem:
        raise Refusal(f"--master-host: {problem}") from None
    from loadtest.run import Reports, engine

    live.announce(f"looking for a master at {host}:{port}")
    with tempfile.TemporaryFile() as stderr, engine(Assignment(role=Worker(host=host, port=port)), stderr) as process:
        assert process.stdout is not None
        try:
            return _followed(Reports(process.stdout), live)
        except EOFError:
            stderr.seek(0)
            said = stderr.read().decode("utf-8", "replace").strip()[-2000:]
            raise Refusal(f"the worker ended without a word: {said}", Exit.FAULT) from None
        except KeyboardInterrupt:
            process.terminate()
            with contextlib.suppress(EOFError, Refusal):
                _followed(Reports(process.stdout), live)
            raise


def _followed(reports: Reports, live: Live) -> int:
    """Return the exit code of a worker that has ended."""
    from loadtest.run import interruptions

    with interruptions() as give_way:
        while True:
            give_way()
            match reports.next():
                case Notice(text=text):
                    live.announce(text)
                case Fault(whose=whose, message=message):
                    raise Refusal(message, WHOSE[whose])
                case Finished():
                    live.announce("done")
                    return Exit.PASSED
