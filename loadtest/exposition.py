"""The text format of Prometheus, written and read. No dependency: a load generator should not need a client library.

Source: the exposition formats page of Prometheus, "Text-based format" (version 0.0.4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

__all__ = ["MEDIA_TYPE", "Family", "Sample", "page", "read"]

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Sample(NamedTuple):
    """One line: `suffix` is put behind the family's name, such as `_bucket`."""

    value: float
    labels: Mapping[str, str] = {}
    suffix: str = ""


class Family(NamedTuple):
    """Metrics of one name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: Iterable[Sample]


def page(families: Iterable[Family]) -> bytes:
    """Return the page that a server of Prometheus reads."""
    return "".join(line + "\n" for family in families for line in _lines(family)).encode()


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        labels = ",".join(f'{name}="{_quoted(value)}"' for name, value in sample.labels.items())
        shown = f"{{{labels}}}" if labels else ""
        yield f"{family.name}{sample.suffix}{shown} {_number(sample.value)}"


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)


def read(text: str) -> dict[str, float]:
    """Return the value of each metric by its name; those of several labels add up. What makes no sense is left."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        name, value = _metric(line.strip())
        if name:
            found[name] = found.get(name, 0.0) + value
    return found


def _metric(line: str) -> tuple[str, float]:
    if not line or line.startswith("#"):
        return "", 0.0
    name, brace, rest = line.partition("{")
    if brace:
        rest = rest.rpartition("}")[2]
    else:
        name, _, rest = line.partition(" ")
    try:
        value = float(rest.split()[0])
    except (IndexError, ValueError):
        return "", 0.0
    return (name.strip(), value) if math.isfinite(value) else ("", 0.0)
