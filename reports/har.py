"""HTTP traffic as an HTTP Archive (HAR 1.2), which browsers' developer tools and proxies open.

Bodies are text: bytes that are no UTF-8 are written out, for in base64 a secret could not be found. There are entries
only in records of a run that was asked to keep its traffic.
"""

import json
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from reports.exchange import Exchange, HttpMessage
from reports.store import Run
from reports.text import visible

__all__ = ["render_har"]

_UNKNOWN = -1
"""What HAR says where a number of bytes or of milliseconds does not apply."""
_NONE_KEPT = "No HTTP traffic is in these records: none was spoken, or the run was not given --har."


# `Any`: JSON objects of a format that is described elsewhere.
def render_har(run: Run) -> str:
    """Return the HTTP traffic of `run`, in the order in which it began."""
    ordered = sorted(run.exchanges, key=lambda exchange: exchange.started)
    version = visible(run.header.touchstone)
    log = {
        "version": "1.2",
        "creator": {"name": "Touchstone", "version": version, "comment": visible(run.header.command)},
        "entries": [_entry(exchange) for exchange in ordered],
        **({} if ordered else {"comment": _NONE_KEPT}),
    }
    return json.dumps({"log": log}, indent=1, ensure_ascii=False) + "\n"


def _entry(exchange: Exchange) -> dict[str, Any]:
    timings = exchange.timings
    parts = (timings.connect or 0.0, timings.send, timings.wait, timings.receive)
    said = "; ".join(filter(None, [exchange.owner, exchange.note]))
    return {
        "startedDateTime": _moment(exchange.started),
        "time": round(sum(parts), 3),
        "request": _request(exchange),
        "response": _response(exchange.response),
        "cache": {},
        "timings": {
            "blocked": _UNKNOWN,
            "dns": _UNKNOWN,
            "connect": _UNKNOWN if timings.connect is None else timings.connect,
            "send": timings.send,
            "wait": timings.wait,
            "receive": timings.receive,
        },
        **({"comment": visible(said)} if said else {}),
    }


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _request(exchange: Exchange) -> dict[str, Any]:
    message = exchange.request
    method, _, rest = message.start.partition(" ")
    body = {"mimeType": _header(message, "content-type"), "text": visible(message.body)} if message.body else None
    return {
        "method": visible(method),
        "url": visible(exchange.url),
        "httpVersion": visible(rest.rpartition(" ")[2]),
        "queryString": [_pair(name, value) for name, value in _query(exchange.url)],
        **_common(message, "cookie"),
        **({"postData": {**body, **_cut(message)}} if body is not None else {}),
    }


def _query(url: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        return []


def _response(message: HttpMessage | None) -> dict[str, Any]:
    """Return a response; where none came, one with the status 0, as browsers write it."""
    shown = message or HttpMessage(start="")
    version, status, reason = (*shown.start.split(" ", 2), "", "", "")[:3]
    return {
        "status": int(status) if status.isascii() and status.isdigit() else 0,
        "statusText": visible(reason),
        "httpVersion": visible(version),
        "redirectURL": _header(shown, "location"),
        "content": {
            "size": shown.size,
            "mimeType": _header(shown, "content-type"),
            "text": visible(shown.body),
            **_cut(shown),
        },
        **_common(shown, "set-cookie"),
        **({"bodySize": _UNKNOWN} if message is None else {}),
    }


def _common(message: HttpMessage, cookies: str) -> dict[str, Any]:
    return {
        "headers": [_pair(name, value) for name, value in message.headers],
        "cookies": [
            _pair(name, morsel)
            for header, value in message.headers
            if header.lower() == cookies
            for name, morsel in _cookies(value)
        ],
        "headersSize": _UNKNOWN,
        "bodySize": message.size,
    }


def _pair(name: str, value: str) -> dict[str, str]:
    return {"name": visible(name), "value": visible(value)}


def _cookies(header: str) -> list[tuple[str, str]]:
    try:
        return [(name, morsel.value) for name, morsel in SimpleCookie(header).items()]
    except CookieError:
        return []


def _header(message: HttpMessage, name: str) -> str:
    return visible(next((value for key, value in message.headers if key.lower() == name), ""))


def _cut(message: HttpMessage) -> dict[str, str]:
    return {"comment": f"{message.truncated:,} more bytes are left out"} if message.truncated else {}
