"""Numbers as people read them: three figures that matter, and the unit that fits."""

from reports.rows import Latency, Load


def milliseconds(value: float | None) -> str:
    """Return a latency given in milliseconds: `0.42 ms`, `4.10 ms`, `418 ms`, `1.32 s`; `-` where there is none."""
    if value is None:
        return "-"
    return f"{figures(value)} ms" if value < 999.5 else f"{figures(value / 1000)} s"


def duration(seconds: float) -> str:
    """Return a duration: `0.31 s`, `12.5 s`, `2 min 05 s`."""
    if seconds < 99.95:
        return f"{seconds:.1f} s" if seconds >= 1 else f"{figures(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest:02} s"


def figures(value: float) -> str:
    """Return three figures, or the whole number where it has more."""
    size = abs(value)
    decimals = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{value:,.{decimals}f}"


def size(count: float) -> str:
    """Return a number of bytes: `512 B`, `88.2 MiB`."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{figures(count)} {unit}"
        count /= 1024
    return f"{figures(count)} GiB"


def share(fraction: float) -> str:
    """Return a fraction in percent: `0`, `0.12 %`, `98 %`."""
    if not fraction:
        return "0"
    return f"{fraction:.2%}".replace("%", " %") if abs(fraction) < 0.01 else f"{fraction:.0%}".replace("%", " %")


_ENOUGH = {"p50": 20, "p90": 100, "p95": 200, "p99": 1000, "p99.9": 10_000, "p99.99": 100_000}
"""How many values it takes for ten of them to lie beyond the percentile."""


def percentiles(load: Load) -> dict[str, float | None]:
    """Return the latencies (milliseconds) by name; None for a percentile that so few values cannot tell."""
    return percentiles_of(load.corrected, load.counts.total)


def percentiles_of(latency: Latency, total: int = 0) -> dict[str, float | None]:
    """Return what a distribution tells; `total` stands in for its samples where they were not recorded."""
    found, samples = latency.percentiles, total if latency.samples is None else latency.samples
    named = {"p50": found.p50, "p90": found.p90, "p95": found.p95, "p99": found.p99, "p99.9": found.p99_9}
    named |= {} if found.p99_99 is None else {"p99.99": found.p99_99}
    kept = {name: value if samples >= _ENOUGH[name] else None for name, value in named.items()}
    return {**kept, "max": found.max if samples else None, "mean": found.mean if samples else None}


def throughput(load: Load) -> float:
    """Return the operations that were completed a second."""
    return load.counts.total / load.seconds if load.seconds > 0 else 0.0


def asked_for(load: Load) -> str:
    """Return what was asked of the generator: `400 a second`, `256 users`, `users ramp 1..20 over 30s`."""
    if load.shape:
        return f"{load.shape} a second" if load.model == "open" else f"users {load.shape}"
    parts = []
    if load.rate is not None:
        parts.append(f"{figures(load.rate)} a second" if load.rate % 1 else f"{load.rate:,.0f} a second")
    if load.users is not None:
        parts.append(f"{load.users:,} users")
    return ", ".join(parts) or "as fast as it goes"
