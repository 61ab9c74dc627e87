"""Requests of both eras as plain JSON values: sound ones, and ones with exactly one known defect.

What may be expected of the receiver is the most that JSON-RPC 2.0 or the specification demand of it. Where a rule
binds only the sender, a lenient receiver is right too, and the expectation is merely that it survives.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.properties.expectation import Expectation
from conformance.properties.ways import way_of
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION, request_meta
from reference_impl.protocol.methods import METHODS
from reference_impl.protocol.revisions import Revision

__all__ = [
    "EDGES",
    "Expectation",
    "NearValid",
    "defects",
    "ids",
    "more_ids",
    "more_near_valid",
    "near_valid",
    "request",
    "requests",
    "with_meta",
]

SAFE = 2**53 - 1
"""The largest integer that every JSON implementation holds exactly (RFC 8259 section 6)."""
OWN_KEY = "com.example/touchstone"
"""A `_meta` key that means nothing to anybody (`basic/index#meta`)."""

_CLIENT = {"name": "touchstone", "version": "1"}
_KNOWN = frozenset(method.name for method in METHODS)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=24)
_SCALARS = st.none() | st.booleans() | st.integers(-SAFE, SAFE) | _TEXT
_JSON = _SCALARS | st.lists(_SCALARS, max_size=3) | st.dictionaries(_TEXT, _SCALARS, max_size=3)
_NO_STRINGS: tuple[Any, ...] = (None, 0, 1, True, [], ["tools/list"], {})
_NO_OBJECTS: tuple[Any, ...] = (None, 0, False, "", "{}", [], [{}])
_DEPTHS = (16, 64, 128, 512)
_NO_VERSIONS: tuple[Any, ...] = (20260728, None, True, [], {})
_NO_VERSION_2: tuple[Any, ...] = ("1.0", "2", "2.0.0", "", 2, None, True)
_UNKNOWN_VERSIONS = ("1900-01-01", "2026-7-28", "latest", "")


@dataclass(frozen=True, slots=True)
class NearValid:
    """A JSON value that would be a sound request but for one `defect`.

    `rule` is the address of what was broken: `page#anchor` of the specification, or a section of JSON-RPC 2.0; `way`
    the way in which the request is wrong (`conformance.properties.ways`).
    """

    message: Any
    defect: str
    expectation: Expectation
    rule: str

    @property
    def way(self) -> str:
        """The way in which it is wrong."""
        return way_of(self.defect)


_TELLING = ("", "0", "-1", "1.0", "null", "true", " ", "a\u2028b", "\u00e9\u4e2d\U0001f600", "i" * 256)
EDGES = (2**31, 2**31 - 1, 2**32, SAFE, -1, -(2**31) - 1, -SAFE)
"""Where narrower types than JSON's numbers end."""


def ids() -> SearchStrategy[int | str]:
    """Return every kind of legal request id, never null (`basic/index#requests`)."""
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    # And strings that read like something else.
    return st.integers(-SAFE, SAFE) | st.sampled_from(EDGES) | texts | st.sampled_from(_TELLING)


def more_ids(random: Random) -> Iterator[int | str]:
    """Yield ids by chance, as legal as those that are drawn, without end."""
    while True:
        number = random.randrange(-SAFE, SAFE) >> random.randrange(53)
        letters = "".join(chr(random.randrange(0x20, 0x250)) for _ in range(random.randrange(1, 12)))
        listed = random.choice((*EDGES, *_TELLING))
        yield random.choice((number, number, letters, str(number), listed))


def request(
    revision: Revision, method: str, params: Mapping[str, Any] | None = None, *, request_id: int | str = 1
) -> dict[str, Any]:
    """Return a sound request of a revision; in the modern era `_meta` carries what every request must."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": request_id, "method": method}
    if revision.modern:
        own = dict((params or {}).get("_meta", {}))
        meta = request_meta(revision, dict(_CLIENT), {}) | own
        return message | {"params": {**(params or {}), "_meta": meta}}
    return message if params is None else message | {"params": dict(params)}


def requests(revision: Revision) -> SearchStrategy[dict[str, Any]]:
    """Return sound requests that change nothing at the target: what it offers, and whether it is there."""
    opening = "server/discover" if revision.modern else "ping"
    methods = st.sampled_from([opening, "tools/list", "resources/list", "resources/templates/list", "prompts/list"])
    params: SearchStrategy[Any] = st.none() | st.just({}) | _JSON.map(lambda value: {"_meta": {OWN_KEY: value}})
    return st.builds(
        lambda method, given, request_id: request(revision, method, given, request_id=request_id),
        methods,
        params,
        ids(),
    )


def with_meta(message: Mapping[str, Any], value: Any, key: str = OWN_KEY) -> dict[str, Any]:
    """Return the request with one more entry in `_meta`, which receivers must let pass (`basic/index#meta`)."""
    params = message.get("params") or {}
    return {**message, "params": {**params, "_meta": {**params.get("_meta", {}), key: value}}}


def near_valid(message: Mapping[str, Any], revision: Revision, *, dual_era: bool = False) -> SearchStrategy[NearValid]:
    """Return the sound request `message` with one defect, the simplest defects first.

    `dual_era` tells that the target serves legacy clients too: a request without modern metadata may then be theirs
    (`basic/versioning#backward-compatibility-with-initialization-based-versions`).
    """
    return st.one_of(*defects(message, revision, dual_era=dual_era).values())


def more_near_valid(
    message: Mapping[str, Any], revision: Revision, random: Random, *, dual_era: bool = False
) -> Iterator[NearValid]:
    """Yield the request with each of its defects once, in any order, which differ by chance."""
    found = list(_spoiled(message, revision, dual_era=dual_era).values())
    random.shuffle(found)
    return map(random.choice, found)


def defects(
    message: Mapping[str, Any], revision: Revision, *, dual_era: bool = False
) -> dict[str, SearchStrategy[NearValid]]:
    """Return a strategy for each defect that the request can have, by name."""
    spoiled = _spoiled(message, revision, dual_era=dual_era)
    return {name: st.sampled_from(wrong) for name, wrong in spoiled.items()}


def _spoiled(message: Mapping[str, Any], revision: Revision, *, dual_era: bool) -> dict[str, list[NearValid]]:
    sound = dict(message)
    found = {}
    for defect in _DEFECTS + (_MODERN_DEFECTS if revision.modern else ()):
        if revision.batching and defect.batch:
            continue
        expectation = defect.modern if revision.modern else defect.legacy
        if dual_era and defect.looks_legacy:
            expectation = Expectation.ANYTHING_BUT_DEATH
        found[defect.name] = [
            NearValid(spoiled, defect.name, expectation, defect.rule) for spoiled in defect.spoil(sound)
        ]
    return found


@dataclass(frozen=True, slots=True)
class _Defect:
    """One way to spoil a request.

    `looks_legacy`: without modern metadata it may pass for a legacy client's; `batch`: no defect where batches exist.
    """

    name: str
    rule: str
    spoil: Callable[[dict[str, Any]], list[Any]]
    legacy: Expectation = Expectation.ANYTHING_BUT_DEATH
    modern: Expectation = Expectation.ANYTHING_BUT_DEATH
    looks_legacy: bool = False
    batch: bool = False


Spoil = Callable[[dict[str, Any]], list[Any]]


def _without(name: str) -> Spoil:
    return lambda message: [{key: value for key, value in message.items() if key != name}]


def _with(name: str, values: Sequence[Any]) -> Spoil:
    return lambda message: [{**message, name: value} for value in values]


def _unknown_methods(message: dict[str, Any]) -> list[Any]:
    method = message["method"]
    names = [f"touchstone/{method}", f"{method}/touchstone", f"{method}s", method.replace("/", "."), "touchstone"]
    return _with("method", [name for name in names if name not in _KNOWN])(message)


def _nested(message: dict[str, Any]) -> list[Any]:
    return [{**message, "params": {"params": message.get("params", {})}}]


def _deepened(message: dict[str, Any]) -> list[Any]:
    return [with_meta(message, tower(depth)) for depth in _DEPTHS]


def tower(depth: int) -> Any:
    """Return arrays nested `depth` levels deep."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def _meta_without(name: str) -> Spoil:
    def spoil(message: dict[str, Any]) -> list[Any]:
        meta = {key: value for key, value in message["params"]["_meta"].items() if key != name}
        return [{**message, "params": {**message["params"], "_meta": meta}}]

    return spoil


def _meta_with(name: str, values: Sequence[Any]) -> Spoil:
    return lambda message: [with_meta(message, value, name) for value in values]


def _bad_meta(message: dict[str, Any]) -> list[Any]:
    params = message.get("params", {})
    return [{**message, "params": {**params, "_meta": value}} for value in _NO_OBJECTS]


def _no_meta(message: dict[str, Any]) -> list[Any]:
    params = {name: value for name, value in message["params"].items() if name != "_meta"}
    return [{**message, "params": params}]


_ERROR, _REFUSED = Expectation.ERROR, Expectation.ERROR_OR_SILENCE
_REQUEST = "JSON-RPC 2.0 section 4"
_REQUESTS = "basic/index#requests"
_META = "basic/index#meta"
_VERSION = "basic/versioning#protocol-version-negotiation"

_DEFECTS: tuple[_Defect, ...] = (
    # A request that names no method cannot succeed; that a receiver answers one it cannot read is not demanded.
    _Defect("method is missing", _REQUEST, _without("method"), _REFUSED, _REFUSED),
    _Defect("method is not a string", _REQUEST, _with("method", _NO_STRINGS), _REFUSED, _REFUSED),
    _Defect("method is empty", _REQUEST, _with("method", [""]), _REFUSED, _REFUSED),
    # A request must be answered (JSON-RPC 2.0 section 5), and here only an error is possible.
    _Defect("method is unknown", "JSON-RPC 2.0 section 5.1", _unknown_methods, _ERROR, _ERROR),
    # Without an id it is a notification, and those are not replied to.
    _Defect("id is missing", "basic/index#notifications", _without("id"), _REFUSED, _REFUSED),
    _Defect("jsonrpc is missing", _REQUEST, _without("jsonrpc")),
    _Defect("jsonrpc is not 2.0", _REQUEST, _with("jsonrpc", _NO_VERSION_2)),
    _Defect("id is null", _REQUESTS, _with("id", [None])),
    _Defect("id is a boolean", _REQUESTS, _with("id", [False, True])),
    _Defect("id is an array", _REQUESTS, _with("id", [[], [1]])),
    _Defect("id is an object", _REQUESTS, _with("id", [{}, {"id": 1}])),
    _Defect("id is a fraction", _REQUESTS, _with("id", [0.5, 1.5, -2.25])),
    _Defect("id is beyond 2**53", _REQUESTS, _with("id", [2**53 + 1, 2**63, -(2**64), 10**30])),
    # In the modern era such params cannot carry what every request must; legacy receivers may not look at them.
    _Defect(
        "params is a scalar",
        _REQUEST,
        _with("params", ["", 0, True]),
        modern=_REFUSED,
        looks_legacy=True,
    ),
    _Defect("params is an array", _REQUEST, _with("params", [[], [{}]]), modern=_REFUSED, looks_legacy=True),
    _Defect("params is null", _REQUEST, _with("params", [None]), modern=_REFUSED, looks_legacy=True),
    _Defect("params is nested one level too deep", _REQUEST, _nested, modern=_ERROR, looks_legacy=True),
    _Defect("_meta holds a deeply nested value", _META, _deepened),
    _Defect("_meta is not an object", _META, _bad_meta, modern=_ERROR, looks_legacy=True),
    _Defect("message has a member of nobody's", _REQUEST, _with("touchstone", [1, "", {}])),
    _Defect("message carries a result as well", _REQUEST, _with("result", [{}])),
    _Defect("message is wrapped in an array", "basic/index#messages", lambda message: [[message]], batch=True),
    _Defect("message is wrapped in an object", _REQUEST, lambda message: [{"message": message}], _REFUSED, _REFUSED),
    _Defect("message is an empty array", "JSON-RPC 2.0 section 6", lambda _: [[]], _REFUSED, _REFUSED),
)

_MODERN_DEFECTS: tuple[_Defect, ...] = (
    _Defect("_meta is missing", _META, _no_meta, modern=_ERROR, looks_legacy=True),
    _Defect("protocolVersion is missing", _META, _meta_without(PROTOCOL_VERSION), modern=_ERROR, looks_legacy=True),
    _Defect(
        "protocolVersion is not a string",
        _META,
        _meta_with(PROTOCOL_VERSION, _NO_VERSIONS),
        modern=_ERROR,
        looks_legacy=True,
    ),
    _Defect("protocolVersion is unknown", _VERSION, _meta_with(PROTOCOL_VERSION, _UNKNOWN_VERSIONS), modern=_ERROR),
    _Defect("clientCapabilities is missing", _META, _meta_without(CLIENT_CAPABILITIES), modern=_ERROR),
    _Defect("clientCapabilities is not an object", _META, _meta_with(CLIENT_CAPABILITIES, _NO_OBJECTS)),
    _Defect("clientInfo is not an object", _META, _meta_with(CLIENT_INFO, _NO_OBJECTS)),
    _Defect("clientInfo has no name", _META, _meta_with(CLIENT_INFO, [{"version": "1"}])),
)
