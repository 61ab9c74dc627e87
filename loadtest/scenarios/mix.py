"""The user's own mix: tools, prompts, resources and methods, each as often as its weight says."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

from loadtest.knowing import known
from loadtest.mixing import Mixed
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes
from loadtest.workload import MARKER, NUMBER_MARKER, Operation, Workload
from reference_impl.protocol.methods import METHODS
from reference_impl.protocol.revisions import revision_named

__all__ = ["MIX"]

_KINDS = ("tool", "prompt", "resource", "method")
_NOT_BY_METHOD = {
    "tools/call": "tool = NAME calls one, so that nothing is called that may not be",
    "initialize": "the handshake is that of scenario churn",
    "subscriptions/listen": "streams are a scenario of their own",
}


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    if not wishes.mix:
        raise Unavailable("there is no mix: give one as [[load.mix]] in touchstone.toml", asked=True)
    operations: dict[str, Operation] = {}
    for number, entry in enumerate(wishes.mix, 1):
        try:
            operation = _operation(offer, entry)
        except Unavailable as problem:
            raise Unavailable(f"[[load.mix]] {number}: {problem}", asked=True) from None
        if operation.name in operations:
            raise Unavailable(f"[[load.mix]] {number}: another is called {operation.name!r}; name one", asked=True)
        operations[operation.name] = operation
    return Workload(name="own mix", operations=tuple(operations.values()))


def _operation(offer: Offer, entry: Mixed) -> Operation:
    kind = _kind(entry)
    made = _MAKERS[kind](offer, entry)
    if entry.echoes and not _marked(made.params):
        raise Unavailable(f"echoes needs {MARKER} in what is sent, for the answer to repeat")
    return msgspec.structs.replace(
        made, name=entry.name or made.name, weight=entry.weight, echoes=entry.echoes or made.echoes
    )


def _kind(entry: Mixed) -> str:
    """Return what the entry asks for. Raises `Unavailable` for what is no entry."""
    given = [kind for kind in _KINDS if getattr(entry, kind) is not None]
    if len(given) != 1:
        raise Unavailable(f"exactly one of {', '.join(_KINDS)} is needed; given: {', '.join(given) or 'none'}")
    if not (entry.weight > 0 and math.isfinite(entry.weight)):
        raise Unavailable(f"weight = {entry.weight:g}: it is a number above 0")
    if entry.arguments is not None and given[0] not in ("tool", "prompt"):
        raise Unavailable(f"arguments go with a tool or a prompt, not with a {given[0]}")
    if entry.params and given[0] != "method":
        raise Unavailable(f"params go with a method; a {given[0]} has others")
    return given[0]


def _tool(offer: Offer, entry: Mixed) -> Operation:
    tool = entry.tool or ""
    if entry.arguments is None:
        return offer.call(tool)
    if tool not in offer.permitted:
        raise Unavailable(offer.why_not(tool))
    params = {"name": tool, "arguments": entry.arguments}
    misfit = _misfit(offer.permitted[tool], entry.arguments)
    if misfit:
        raise Unavailable(f"the arguments do not fit what {tool} says it takes: {misfit}")
    return Operation(name=f"tools/call {tool}", method="tools/call", params=params, schema=offer.permitted[tool])


def _prompt(offer: Offer, entry: Mixed) -> Operation:
    offered = next((each for each in offer.prompts if each.params.get("name") == entry.prompt), None)
    if offered is None:
        prompt = entry.prompt or ""
        names = [str(each.params.get("name")) for each in offer.prompts]
        raise Unavailable(f"the target lists no prompt {prompt!r}{known(prompt, names)}")
    if entry.arguments is None:
        return offered
    if not all(isinstance(value, str) for value in entry.arguments.values()):
        raise Unavailable("the arguments of a prompt are texts")
    return msgspec.structs.replace(offered, params={**offered.params, "arguments": entry.arguments})


def _resource(offer: Offer, entry: Mixed) -> Operation:
    if "resources" not in offer.capabilities:
        raise Unavailable("the target has no resources")
    return Operation(
        name=f"resources/read {entry.resource}", method="resources/read", params={"uri": entry.resource or ""}
    )


def _method(offer: Offer, entry: Mixed) -> Operation:
    method = entry.method or ""
    if method in _NOT_BY_METHOD:
        raise Unavailable(f"{method} is not for a mix: {_NOT_BY_METHOD[method]}")
    revision = revision_named(offer.revision)
    names = [row.name for row in METHODS if row.sender != "server" and revision is not None and revision in row.window]
    if method not in names:
        raise Unavailable(f"{offer.revision} has no method {method!r} for clients{known(method, sorted(names))}")
    return Operation(name=method, method=method, params=entry.params)


_MAKERS = {"tool": _tool, "prompt": _prompt, "resource": _resource, "method": _method}


def _misfit(schema: dict[str, Any] | None, arguments: dict[str, Any]) -> str:
    """Return in which way arguments break the input schema of their tool; nothing where that cannot be told."""
    from jsonschema import Draft202012Validator, exceptions
    from referencing.exceptions import Unresolvable

    try:
        error = exceptions.best_match(Draft202012Validator(schema or {}).iter_errors(_filled(arguments)))
    except (Unresolvable, exceptions.SchemaError, exceptions.UnknownType, re.error):
        return ""
    return "" if error is None else " ".join(error.message.split())[:200]


def _filled(value: Any) -> Any:
    """Return a value as it may be sent: with a number in the place of each marker."""
    match value:
        case str() if value == NUMBER_MARKER:
            return 1
        case str():
            return value.replace(MARKER, "1")
        case dict():
            return {key: _filled(each) for key, each in value.items()}
        case list():
            return [_filled(each) for each in value]
    return value


def _marked(value: Any) -> bool:
    match value:
        case str():
            return MARKER in value or value == NUMBER_MARKER
        case dict():
            return any(_marked(each) for each in value.values())
        case list():
            return any(_marked(each) for each in value)
    return False


MIX = Scenario(
    "mix",
    "your own mix of tools, prompts, resources and methods, by weight",
    _workload,
    needs="[[load.mix]] in touchstone.toml",
)
