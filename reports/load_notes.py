"""What a load run has to say beside its table: parts of the way, late arrivals, uncorrected latencies, capacity."""

from collections.abc import Iterator

from reports.rows import Capacity, Latency, Load, TargetCost, WorkerHealth
from reports.units import figures, milliseconds, percentiles_of, share

__all__ = ["capacity_in_words", "notes_of"]

_APART = 0.1
"""Latencies that differ by less are not worth a line."""
_LATE = 0.01


def notes_of(load: Load) -> Iterator[tuple[str, str]]:
    """Yield (word, sentence) of what is worth a line under the latencies of an operation."""
    median = load.corrected.percentiles.p50
    for name, phase in load.phases.items():
        if name != "first byte" or phase.percentiles.p50 < median * (1 - _APART):
            yield name, f"{in_words(phase)} after sending"
    yield from _uncorrected(load)
    health = load.generator
    if health is not None and load.series and health.late > _LATE * load.counts.total:
        unsent = f", {health.unsent:,} were never sent" if health.unsent else ""
        late = min(1.0, health.late / load.counts.total) if load.counts.total else 0.0
        yield "late", f"{share(late)} of all arrivals found every connection busy{unsent}"
    if load.capacity is not None:
        yield "capacity", capacity_in_words(load.capacity)
    yield from _ending(load)
    if load.target is not None:
        yield from _cost(load.target)
    if load.workers:
        yield "workers", "; ".join(map(_worker, load.workers))


def _ending(load: Load) -> Iterator[tuple[str, str]]:
    if load.ended:
        unanswered = f"; {load.unanswered:,} requests were under way" if load.unanswered else ""
        yield "ended", f"early, after {load.seconds:.1f} s: {load.ended}{unanswered}"


def _cost(cost: TargetCost) -> Iterator[tuple[str, str]]:
    if cost.cpu_seconds_per_thousand is not None:
        threads = "" if cost.threads_max is None else f", {cost.threads_max} threads"
        descriptors = "" if cost.fds_max is None else f", {cost.fds_max} descriptors"
        used = f"{cost.cpu_seconds_per_thousand:.3g} s of processor for 1,000 requests"
        yield "cost", f"{used}; at most {cost.rss_bytes_max / 2**20:,.0f} MiB{descriptors}{threads}"
    if cost.gaps:
        yield "cost", f"{cost.source}: {'; '.join(cost.gaps)}"


def _worker(worker: WorkerHealth) -> str:
    fared = f"lost: {worker.lost}" if worker.lost else f"lag p99 {milliseconds(worker.lag_p99_ms)}"
    return f"{worker.worker} ({worker.host}) {worker.counts.total:,} requests, {fared}"


def _uncorrected(load: Load) -> Iterator[tuple[str, str]]:
    if load.uncorrected is None:
        return
    ours, theirs = (percentiles_of(each, load.counts.total) for each in (load.corrected, load.uncorrected))
    for name in ("p50", "p99"):
        corrected, uncorrected = ours[name], theirs[name]
        if corrected and uncorrected is not None and uncorrected < corrected * (1 - _APART):
            yield "uncorrected", f"{in_words(load.uncorrected)} from sending, blind to the wait before it"
            return


def in_words(latency: Latency) -> str:
    """Return the percentiles that there are samples for: `p50 1.20 ms, p99 4.40 ms, max 9.10 ms`."""
    found = percentiles_of(latency)
    named = (f"{name} {milliseconds(found[name])}" for name in ("p50", "p99", "max") if found[name] is not None)
    return ", ".join(named) or "nothing"


def capacity_in_words(found: Capacity) -> str:
    """Return what a search found in a sentence: how much, how certain, why it ended."""
    objectives = " and ".join(found.objectives)
    if found.assumed:
        objectives += f" (assumed: {milliseconds(found.unloaded_p50_ms)} unloaded)"
    if found.rate is None:
        return f"none found with {objectives}: {found.reason}"
    bound = "at least " if found.at_least else ""
    knee = "" if found.knee is None else f", knee at {figures(found.knee)}/s"
    few = found.samples < found.needed
    certain = f", {found.needed:,} would make it certain" if few else ""
    return (
        f"{bound}{figures(found.rate)}/s with {objectives}, of {found.samples:,} samples{certain}{knee}; {found.reason}"
    )
