"""The rows of a records file: what a run writes down, one JSON object a line, told apart by `kind`.

A row holds what was seen, never what follows from it: how bad a failure is, what the run is worth and what its exit
code is are computed from the rows (`reports.severity`). Fields of measurement name their unit; where they do not,
they count. Readers skip kinds and fields they do not know, so rows may grow; `SCHEMA` rises only when a field
changes its meaning.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from reports.advertised import Surface
from reports.exchange import Exchange, Utc

SCHEMA = 1

Level = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "advice"]
Outcome = Literal["passed", "failed", "inapplicable", "blocked", "broken"]
Direction = Literal["sent", "received", "stderr", "process"]

Share = Annotated[float, Meta(description="a fraction: 0.1 is ten percent")]


class Target(Struct, frozen=True, kw_only=True):
    """What was put to the test: `address` is a command line or a URL, `implementation` the name and version it gave,
    `given` what was typed to name it, where that was neither (an entry of a file, say)."""

    name: Annotated[str, Meta(description="what reports call it")]
    transport: Annotated[str, Meta(description="stdio, http, sse, ws or memory; several, where several were tested")]
    address: Annotated[str, Meta(description="a command line or a URL")]
    implementation: Annotated[str | None, Meta(description="the name and version that it gave itself")] = None
    given: Annotated[str | None, Meta(description="what was typed to name it, where that was neither")] = None


class Header(Struct, frozen=True, kw_only=True, tag_field="kind", tag="header"):
    """The first row: who ran what against whom."""

    touchstone: Annotated[str, Meta(description="version of the program that wrote the file")]
    command: Annotated[str, Meta(description="what was typed")]
    target: Target
    revisions: Annotated[tuple[str, ...], Meta(description="those that were tested")]
    started: Utc
    seed: Annotated[int | None, Meta(description="what all chance follows from")] = None
    rules: Annotated[str | None, Meta(description="the set of rules that was asked for, if one was")] = None
    environment: Annotated[dict[str, str], Meta(description="what ran it: python, system, machine, processors")] = {}
    schema: Annotated[int, Meta(description="version of the format of these rows")] = SCHEMA


class RequirementRef(Struct, frozen=True, kw_only=True):
    """A requirement in our words, with its place in the specification, such as `basic/transports#stdio`."""

    id: Annotated[str, Meta(description="its stable name")]
    level: Level
    text: Annotated[str, Meta(description="in our words")]
    page: Annotated[str, Meta(description="page#anchor of the specification")]
    url: Annotated[str | None, Meta(description="the same on the web")] = None


class WireEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing seen on the wire, `at` seconds after the conversation began; `truncated` bytes of it are left out."""

    at: Annotated[float, Meta(description="seconds since the conversation began")]
    direction: Annotated[Direction, Meta(description="who produced it")]
    text: Annotated[str, Meta(description="what was seen, controls written out")]
    truncated: Annotated[int, Meta(description="bytes that are left out")] = 0
    note: Annotated[str, Meta(description="what was deliberately wrong with it")] = ""


class Judgement(Struct, frozen=True, kw_only=True):
    """What verdicts and findings share. A base of fields, not of behaviour: `jq .outcome` reads both kinds alike.

    `check` is the stable id, `title` the check's one sentence, `level` the strongest of `requirements`; `revision`
    is `-` where none was agreed on. `cause` names the root cause that blocked it, `summary` says the rest; `repeat`
    is a command.
    """

    check: Annotated[str, Meta(description="the stable id")]
    title: Annotated[str, Meta(description="the check's one sentence")]
    level: Annotated[Level, Meta(description="the strongest of the requirements")]
    revision: Annotated[str, Meta(description="`-` where none was agreed on")]
    transport: Annotated[str, Meta(description="stdio, http, sse, ws or memory")]
    outcome: Annotated[
        Outcome,
        Meta(description="inapplicable: not declared; blocked: could not be exercised; broken: a fault of Touchstone"),
    ]
    requirements: Annotated[
        tuple[RequirementRef, ...], Meta(description="what it verifies; of a failure, what is broken")
    ] = ()
    summary: Annotated[str, Meta(description="what happened, in a line")] = ""
    expected: Annotated[str, Meta(description="what should have come")] = ""
    actual: Annotated[str, Meta(description="what came")] = ""
    cause: Annotated[str, Meta(description="the root cause that blocked it")] = ""
    evidence: Annotated[tuple[WireEntry, ...], Meta(description="the slice of the wire that shows it")] = ()
    repeat: Annotated[str, Meta(description="the command that judges it alone")] = ""
    seconds: Annotated[float, Meta(description="how long it took")] = 0.0


class Verdict(Judgement, frozen=True, kw_only=True, tag_field="kind", tag="verdict"):
    """The outcome of one check, on one revision, over one transport."""


class Finding(Judgement, frozen=True, kw_only=True, tag_field="kind", tag="finding"):
    """The outcome of one property: `conversation` is the shortest that shows it, `script` a program that repeats it.

    `ended` says what ended the search: a failure that was `found`; the budget of `examples` or of `seconds`;
    `exhausted`, where nothing was left to draw; the `deadline`; `lost`, where the target could not be opened any more;
    `interrupted`. It is empty where nothing was searched.
    """

    property: Annotated[str, Meta(description="the id of the property")]
    conversation: Annotated[tuple[WireEntry | str, ...], Meta(description="the shortest that shows it")] = ()
    seed: Annotated[int | None, Meta(description="what its cases were drawn by")] = None
    script: Annotated[str, Meta(description="a program that repeats it, headed by the case")] = ""
    confirmed: Annotated[
        Literal["confirmed", "flaky"], Meta(description="flaky: it did not happen again on a fresh connection")
    ] = "confirmed"
    ended: str = ""


class Counts(Struct, frozen=True, kw_only=True):
    """Operations that ended, well or not."""

    total: int
    ok: int
    failed: int


class Percentiles(Struct, frozen=True, kw_only=True):
    """Latencies in milliseconds."""

    p50: float
    p90: float
    p95: float
    p99: float
    p99_9: float
    max: float
    mean: float
    p99_99: float | None = None


class Latency(Struct, frozen=True, kw_only=True):
    """A distribution: percentiles of so many `samples`, and the whole as an HdrHistogram (V2, compressed, base64) of
    microseconds. A percentile beyond which there are fewer than ten samples is not told, whatever stands here."""

    percentiles: Percentiles
    histogram: str = ""
    samples: int | None = None


class LoadSecond(Struct, frozen=True, kw_only=True):
    """One second of a load run; the percentiles (milliseconds, corrected) are null where nothing completed.

    `histogram` has the corrected latencies of what ended in it, as those of `Latency`; seconds add up to the run.
    """

    second: int
    completed: int
    failed: int
    p50: float | None = None
    p99: float | None = None
    histogram: str = ""


class CostSample(Struct, frozen=True, kw_only=True):
    """The target's process tree at one moment; 100 % of CPU is one core."""

    second: float
    cpu_percent: float
    rss_bytes: int
    fds: int | None = None
    threads: int | None = None


class TargetCost(Struct, frozen=True, kw_only=True):
    """What the load cost the target.

    `cpu_seconds` were used while the load lasted, `cpu_seconds_per_thousand` for a thousand requests of it. `source` is
    the address that told, empty for processes of this machine; `gaps` says what is missing, for whoever reads it.
    """

    cpu_percent_mean: float
    cpu_percent_max: float
    rss_bytes_max: int
    fds_max: int | None = None
    threads_max: int | None = None
    series: tuple[CostSample, ...] = ()
    cpu_seconds: float | None = None
    cpu_seconds_per_thousand: float | None = None
    source: str = ""
    gaps: tuple[str, ...] = ()


class LittlesLaw(Struct, frozen=True, kw_only=True):
    """N = X * R: operations in flight equal throughput (per second) times time spent, but for `mismatch`."""

    concurrency: float
    throughput: float
    residence_seconds: float
    mismatch: Share


class GeneratorHealth(Struct, frozen=True, kw_only=True):
    """Whether the load came from us as asked; `limited`: the numbers speak of the generator, not of the target.

    `late` arrivals found every connection busy; `unsent` are those of them that were given up, as timeouts.
    """

    lag_p99_ms: float
    cpu_percent: float
    calibration_rate: Annotated[float | None, Meta(description="operations a second against a null server")] = None
    limited: bool = False
    reasons: tuple[str, ...] = ()
    little_law: LittlesLaw | None = None
    late: int = 0
    unsent: int = 0
    lag_p99_9_ms: float | None = None


class WorkerHealth(Struct, frozen=True, kw_only=True):
    """One of several generators of a run: what it did, and how it fared. Times are milliseconds but for `seconds`.

    The clock's offset is that of its wall clock against the master's, give or take the uncertainty; `late_ms` is how
    much later than agreed its load began. What it did after `seconds` is not in the record where it was `lost`.
    """

    worker: int
    host: str
    counts: Counts
    seconds: float
    lag_p99_ms: float
    cpu_percent: float | None = None
    calibration_rate: float | None = None
    clock_offset_ms: float = 0.0
    clock_uncertainty_ms: float = 0.0
    late_ms: float = 0.0
    lost: Annotated[str, Meta(description="how; empty for one that reported to its end")] = ""


class ObjectiveResult(Struct, frozen=True, kw_only=True):
    """An objective such as `p99 < 100 ms`; `margin` is the part of `limit` that is left, negative when missed.

    `operation` is what it is about, as whoever set it called it; empty for all operations together.
    """

    text: str
    limit: float
    unit: str
    met: bool
    measured: float | None = None
    margin: Share | None = None
    operation: str = ""


class LoadJudgement(Struct, frozen=True, kw_only=True):
    """What a scenario judged beside latency, such as a leak or an answer that was another's.

    `name` says what should be so, `holds` whether it is: null where it could not be judged, and the explanation then
    says what would change that. `measured` and `limit` are in `unit`; `evidence` is a slice of the wire.
    """

    name: str
    holds: bool | None
    explanation: str
    measured: float | None = None
    limit: float | None = None
    unit: str = ""
    evidence: tuple[WireEntry, ...] = ()


class WarmUp(Struct, frozen=True, kw_only=True):
    """What came before the measurement: so many seconds, and requests that were sent but not counted."""

    seconds: float
    requests: int


class CurvePoint(Struct, frozen=True, kw_only=True):
    """One step of a search for capacity: the `rate` asked for (a second), what came of it, and whether objectives were
    `met`. Percentiles are milliseconds, corrected, null where there are too few samples. `said` is what was missed, or
    why the step is not `valid`."""

    rate: float
    throughput: float
    seconds: float
    samples: int
    p50: float | None
    p99: float | None
    errors: Share
    in_flight: float
    met: bool
    valid: bool = True
    said: str = ""


class Capacity(Struct, frozen=True, kw_only=True):
    """What a search for capacity found: `rate` is the highest (a second) at which the objectives were met.

    With `at_least` it may be higher: nothing failed before the search ended. `reason` says why it ended. `assumed`: the
    objectives are our own, made from `unloaded_p50_ms`, since none were given. `needed` samples make a step certain;
    that at `rate` had `samples`. `knee` is the throughput at which throughput over latency (p50) is greatest.
    """

    rate: float | None
    at_least: bool
    reason: str
    objectives: tuple[str, ...]
    samples: int
    needed: int
    assumed: bool = False
    unloaded_p50_ms: float | None = None
    knee: float | None = None


class Load(Struct, frozen=True, kw_only=True, tag_field="kind", tag="load"):
    """One operation of a load run.

    The corrected latency runs from the intended start (open model), the uncorrected from the moment of sending.
    `rate` (per second) or `users` is what was asked for, `seconds` how long it lasted; where `shape` says how they
    changed, they are the highest. `phases` are parts of the way to an answer, from sending on. A run that is not
    `valid` is not a result. `curve` and `capacity` belong to the first row of a search for capacity.
    """

    scenario: str
    operation: str
    model: Literal["open", "closed"]
    seconds: float
    counts: Counts
    corrected: Latency
    uncorrected: Latency | None = None
    rate: float | None = None
    users: int | None = None
    tool: str | None = None
    method: str | None = None
    arrivals: Literal["constant", "poisson"] | None = None
    shape: str = ""
    think_seconds: float = 0.0
    warm_up: WarmUp | None = None
    phases: dict[str, Latency] = {}
    curve: tuple[CurvePoint, ...] = ()
    capacity: Capacity | None = None
    errors: Annotated[dict[str, int], Meta(description="how often each class of error occurred")] = {}
    series: tuple[LoadSecond, ...] = ()
    target: Annotated[TargetCost | None, Meta(description="null where the target is remote")] = None
    generator: GeneratorHealth | None = None
    objectives: tuple[ObjectiveResult, ...] = ()
    judgements: tuple[LoadJudgement, ...] = ()
    valid: bool = True
    workers: Annotated[tuple[WorkerHealth, ...], Meta(description="of the first row, where there were several")] = ()
    ended: Annotated[str, Meta(description="why the run was over before its time; empty if it was not")] = ""
    unanswered: Annotated[int, Meta(description="requests under way at such an end; they are counted nowhere else")] = 0
    revision: Annotated[str, Meta(description="the one that was spoken; empty in older records")] = ""
    side: Annotated[Literal["", "A", "B"], Meta(description="of two that took turns; empty where there was one")] = ""
    address: Annotated[str, Meta(description="of the target, where the header names another")] = ""


class Footer(Struct, frozen=True, kw_only=True, tag_field="kind", tag="footer"):
    """The last row. `counts` is by outcome, `severities` by severity; both are for readers without this package."""

    complete: Annotated[bool, Meta(description="whether the run came to its end")]
    counts: Annotated[dict[str, int], Meta(description="judgements by outcome")]
    exit: Annotated[int, Meta(description="the exit code")]
    seconds: Annotated[float, Meta(description="how long the run took")]
    severities: Annotated[dict[str, int], Meta(description="judgements by severity")] = {}
    interrupted: Annotated[bool, Meta(description="whether somebody stopped it")] = False
    ended: Annotated[str, Meta(description="why it was over before its end; empty if it was not")] = ""
    worse: Annotated[str, Meta(description="what is worse than in what it was compared with; empty if nothing")] = ""


Row = Header | Verdict | Finding | Surface | Load | Exchange | Footer
