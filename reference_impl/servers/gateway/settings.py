"""What the operator says of a gateway: which API, which operations, with which credentials, within which bounds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["GatewaySettings", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a call may cost. Times are in seconds, sizes in bytes.

    `timeout` bounds a whole call, with every attempt and every wait between them; `attempts` how often what may be
    repeated is sent. `concurrency` bounds the calls under way to one origin. After `failures` in a row an origin is
    left alone for `rest`. `largest_answer` bounds a body once it is decompressed, `most_tools` the operations offered.
    """

    timeout: float = 30.0
    connect_timeout: float = 10.0
    attempts: int = 3
    concurrency: int = 10
    failures: int = 5
    rest: float = 10.0
    largest_answer: int = 4 * 1024 * 1024
    most_tools: int = 200


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """How a gateway is set up.

    `document` is the path or URL of an OpenAPI document; None is the sample. `server` takes the place of the servers
    that the document names; `variables` fill in theirs. `include` and `exclude` hold `tag:NAME`, `method:NAME` or
    `id:GLOB` (a bare word is a glob of ids). `write` offers operations that change something; None is: with the sample
    alone. `auth` maps a security scheme to `env:NAME` or `none`. `allow_origins` are further origins that a document
    may send calls, and credentials, to. Secrets are read from `environ`, once.
    """

    document: str | None = None
    server: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    write: bool | None = None
    auth: Mapping[str, str] = field(default_factory=dict)
    allow_origins: tuple[str, ...] = ()
    output_schemas: bool = True
    limits: Limits = field(default_factory=Limits)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
