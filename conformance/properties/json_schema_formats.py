"""Strings for the formats of JSON Schema, in the form that every validator accepts.

Names and addresses are the ones reserved for examples (RFC 2606, RFC 5737, RFC 3849), so that a server which acts on
them reaches nobody. Date-times end in `Z`, because validators in wide use refuse other offsets.
"""

import base64
import datetime

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_LABELS = st.from_regex(r"\A[a-z](?:[a-z0-9-]{0,8}[a-z0-9])?\Z")
_HOSTS = st.sampled_from(("example.com", "example.org", "example.net"))
_SEGMENTS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-", max_size=8)
_PATHS = st.lists(_SEGMENTS, max_size=3).map("/".join)
_SINCE = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - written with Z below; Hypothesis wants naive bounds
_UNTIL = datetime.datetime(2099, 12, 31, 23, 59, 59)  # noqa: DTZ001 - as above
_MOMENTS = st.datetimes(_SINCE, _UNTIL)


def _date_time(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds") + "Z"


def _duration(days: int, hours: int, minutes: int, seconds: int) -> str:
    # RFC 3339 appendix A: no unit is skipped between two others.
    middle = f"{minutes}M" if minutes or (hours and seconds) else ""
    clock = (f"{hours}H" if hours else "") + middle + (f"{seconds}S" if seconds else "")
    return f"P{days}D" if not clock else f"P{f'{days}D' if days else ''}T{clock}"


_EMAILS = st.builds("{}@{}".format, _LABELS, _HOSTS)
_URIS = st.builds("https://{}/{}".format, _HOSTS, _PATHS)
_HOSTNAMES = st.one_of(_HOSTS, st.builds("{}.{}".format, _LABELS, _HOSTS))
_POINTERS = st.lists(_SEGMENTS, max_size=3).map(lambda steps: "".join(f"/{step}" for step in steps))

FORMATS: dict[str, SearchStrategy[str]] = {
    "date": _MOMENTS.map(lambda moment: moment.date().isoformat()),
    "date-time": _MOMENTS.map(_date_time),
    "time": _MOMENTS.map(lambda moment: moment.time().isoformat(timespec="seconds") + "Z"),
    "duration": st.builds(_duration, st.integers(0, 365), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)),
    "email": _EMAILS,
    "idn-email": _EMAILS,
    "hostname": _HOSTNAMES,
    "idn-hostname": _HOSTNAMES,
    "ipv4": st.ip_addresses(v=4, network="192.0.2.0/24").map(str),
    "ipv6": st.ip_addresses(v=6, network="2001:db8::/32").map(str),
    "uri": _URIS,
    "url": _URIS,
    "iri": _URIS,
    "uri-reference": st.one_of(_PATHS.map("/{}".format), _URIS),
    "iri-reference": st.one_of(_PATHS.map("/{}".format), _URIS),
    "uri-template": st.builds("https://{}/{{{}}}".format, _HOSTS, st.from_regex(r"\A[a-z]{1,8}\Z")),
    "uuid": st.uuids(version=4).map(str),
    "json-pointer": _POINTERS,
    "relative-json-pointer": st.builds("{}{}".format, st.integers(0, 9), _POINTERS),
    "regex": st.sampled_from(("a", "^a+$", "[a-z]*", "(a|b)", r"\d+")),
    "byte": st.binary(max_size=24).map(lambda data: base64.b64encode(data).decode("ascii")),
}
FORMATS["base64"] = FORMATS["byte"]

# One value of each, to see whether a pattern beside the format leaves the usual form alone.
SPECIMENS = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "a@example.com",
    "idn-email": "a@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "/a",
    "iri-reference": "/a",
    "uri-template": "https://example.com/{a}",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/a",
    "relative-json-pointer": "0/a",
    "regex": "a",
    "byte": "AAAA",
    "base64": "AAAA",
}

# Widths that generators for typed languages write beside `type: integer` or `number`.
WIDTHS: dict[str, tuple[int, int]] = {
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32)},
    "uint": (0, 2**32 - 1),
    "uint64": (0, 2**53 - 1),
    "float": (-(2**24), 2**24),
}
