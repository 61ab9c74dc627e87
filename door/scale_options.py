"""The options that say what load is kept from, by how many generators it is made, and who watches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

__all__ = ["SafetyOptions", "ScaleOptions"]


@dataclass(frozen=True, slots=True)
class SafetyOptions:
    """What load must not do."""

    i_may_load_this_host: Annotated[
        list[str] | None,
        typer.Option(
            "--i-may-load-this-host",
            metavar="HOST",
            help="A host in the public network that you are allowed to put under load, as it stands in the URL.",
        ),
    ] = None
    rate_cap: Annotated[
        float | None,
        typer.Option(
            "--rate-cap",
            metavar="N",
            min=0.1,
            help="Never more requests a second, whatever the model. [100000; 500 for a host in the public network]",
        ),
    ] = None
    give_up_after: Annotated[
        float,
        typer.Option(
            "--give-up-after", metavar="SECONDS", min=0.5, help="End the load when nothing was answered for so long."
        ),
    ] = 10.0


@dataclass(frozen=True, slots=True)
class ScaleOptions:
    """By how many generators load is made, and what is told of it while it lasts."""

    processes: Annotated[
        int | None,
        typer.Option("--processes", metavar="N", min=1, help="Generators on this machine, each a process. [1]"),
    ] = None
    master: Annotated[bool, typer.Option("--master", help="Wait for workers on other machines and lead them.")] = False
    expect_workers: Annotated[
        int | None,
        typer.Option("--expect-workers", metavar="N", min=1, help="With --master: how many come from elsewhere. [1]"),
    ] = None
    expect_within: Annotated[
        float | None,
        typer.Option("--expect-within", metavar="SECONDS", min=1, help="With --master: how long they may take. [120]"),
    ] = None
    bind: Annotated[
        str | None,
        typer.Option("--bind", metavar="HOST:PORT", help="With --master: where it listens. [127.0.0.1:5557]"),
    ] = None
    worker: Annotated[bool, typer.Option("--worker", help="Make load as a master says, which knows the target.")] = (
        False
    )
    master_host: Annotated[
        str | None,
        typer.Option("--master-host", metavar="HOST[:PORT]", help="With --worker: where the master listens."),
    ] = None
    live_prometheus: Annotated[
        int | None,
        typer.Option(
            "--live-prometheus",
            metavar="PORT",
            min=0,
            max=65535,
            help="Serve the run's figures at http://127.0.0.1:PORT/metrics while it lasts.",
        ),
    ] = None
    live_otlp: Annotated[
        str | None,
        typer.Option(
            "--live-otlp",
            metavar="URL",
            help="Send the run's figures there by OpenTelemetry (OTLP over HTTP); env for the OTEL_ variables.",
        ),
    ] = None
    target_pid: Annotated[
        int | None,
        typer.Option("--target-pid", metavar="PID", min=1, help="The target's process, whose cost is measured."),
    ] = None
    target_metrics: Annotated[
        str | None,
        typer.Option(
            "--target-metrics", metavar="URL", help="A Prometheus page that tells what the target's process costs."
        ),
    ] = None
