"""The row of an HTTP exchange, in records of runs that were asked for their traffic."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["Exchange", "HttpMessage", "Timings", "Utc"]

Utc = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its offset")]


class HttpMessage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One HTTP message: the first line of its head, its headers in their order, and its body as text.

    `size` counts the bytes of the body as they came, `truncated` those of them that `body` leaves out.
    """

    start: Annotated[str, Meta(description="the first line of the head")]
    headers: Annotated[tuple[tuple[str, str], ...], Meta(description="names and values, in their order")] = ()
    body: Annotated[str, Meta(description="as text; bytes that are no UTF-8 are written out")] = ""
    size: Annotated[int, Meta(description="bytes of the body as they came")] = 0
    truncated: Annotated[int, Meta(description="bytes that `body` leaves out")] = 0


class Timings(Struct, frozen=True, kw_only=True):
    """How long the parts of an exchange took, in milliseconds; `connect` is null where a connection was used again."""

    send: float
    wait: float
    receive: float
    connect: Annotated[float | None, Meta(description="null where a connection was used again")] = None


class Exchange(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="exchange"):
    """One HTTP request and its response; only in records of runs that were asked for their traffic.

    `response` is null where none came. `owner` is the check or property on whose behalf it was made; `note` says how
    the exchange ended, where that was not the end of the body.
    """

    started: Utc
    url: Annotated[str, Meta(description="absolute")]
    request: HttpMessage
    timings: Timings
    response: Annotated[HttpMessage | None, Meta(description="null where none came")] = None
    owner: Annotated[str, Meta(description="the check or property that made it")] = ""
    note: Annotated[str, Meta(description="how it ended, where that was not the end of the body")] = ""
