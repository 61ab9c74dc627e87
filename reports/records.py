"""The data model of a run, in one place: its rows, the file that holds them, and what they amount to.

Everything that runs writes these records and everything that renders reads them. `python -m reports` prints the JSON
Schema that is published beside this module as `records.schema.json`.
"""

from typing import Any

import msgspec

from reports.advertised import Advertised, Surface
from reports.exchange import Exchange, HttpMessage, Timings
from reports.redaction import REDACTED, redact
from reports.rows import (
    SCHEMA,
    Capacity,
    CostSample,
    Counts,
    CurvePoint,
    Direction,
    Finding,
    Footer,
    GeneratorHealth,
    Header,
    Judgement,
    Latency,
    Level,
    LittlesLaw,
    Load,
    LoadJudgement,
    LoadSecond,
    ObjectiveResult,
    Outcome,
    Percentiles,
    RequirementRef,
    Row,
    Target,
    TargetCost,
    Verdict,
    WarmUp,
    WireEntry,
    WorkerHealth,
)
from reports.severity import (
    SEVERITIES,
    Severity,
    conclude,
    count_severities,
    exit_code,
    fails,
    missed,
    severity,
)
from reports.store import FailOn, RecordsError, Run, Writer, encode, parse, read
from reports.text import excerpt, visible

__all__ = [
    "REDACTED",
    "SCHEMA",
    "SEVERITIES",
    "Advertised",
    "Capacity",
    "CostSample",
    "Counts",
    "CurvePoint",
    "Direction",
    "Exchange",
    "FailOn",
    "Finding",
    "Footer",
    "GeneratorHealth",
    "Header",
    "HttpMessage",
    "Judgement",
    "Latency",
    "Level",
    "LittlesLaw",
    "Load",
    "LoadJudgement",
    "LoadSecond",
    "ObjectiveResult",
    "Outcome",
    "Percentiles",
    "RecordsError",
    "RequirementRef",
    "Row",
    "Run",
    "Severity",
    "Surface",
    "Target",
    "TargetCost",
    "Timings",
    "Verdict",
    "WarmUp",
    "WireEntry",
    "WorkerHealth",
    "Writer",
    "conclude",
    "count_severities",
    "encode",
    "excerpt",
    "exit_code",
    "fails",
    "missed",
    "parse",
    "read",
    "redact",
    "schema",
    "severity",
    "visible",
]


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one row, that is, of one line of a records file."""
    (row,), definitions = msgspec.json.schema_components([Row], ref_template="#/$defs/{name}")
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Touchstone record",
        "description": "One line of a records file. Readers skip kinds and fields that they do not know.",
        **row,
        "$defs": definitions,
    }
    return msgspec.json.decode(msgspec.json.encode(whole), type=dict[str, Any])
