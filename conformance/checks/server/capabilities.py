"""Checks of declared capabilities: what is declared works, what works is declared, and it is the same for everybody.

In the handshake era only -32601 contradicts a declaration; another error may have another reason. The pages of
2026-07-28 want the list itself.
"""

from __future__ import annotations

from typing import Any

from conformance.check import check
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.links import Answer
from conformance.lists import declared_lists, elsewhere, names
from conformance.peer import Peer
from reference_impl.protocol.methods import PAGINATED

_NOT_FOUND = -32601


@check("capabilities.tools", "capabilities.tools.honest", "capabilities.tools.list")
async def tools(peer: Peer) -> None:
    """A declared tools capability comes with tools/list."""
    _expect_there(peer, await peer.request("tools/list"), "tools")


@check("capabilities.prompts", "capabilities.prompts.honest", "capabilities.prompts.list")
async def prompts(peer: Peer) -> None:
    """A declared prompts capability comes with prompts/list."""
    _expect_there(peer, await peer.request("prompts/list"), "prompts")


@check("capabilities.resources", "capabilities.resources.honest", "capabilities.resources.list")
async def resources(peer: Peer) -> None:
    """A declared resources capability comes with resources/list."""
    _expect_there(peer, await peer.request("resources/list"), "resources")


@check("capabilities.templates", "capabilities.templates.exist")
async def templates(peer: Peer) -> None:
    """A declared resources capability comes with resources/templates/list, even where there is no template."""
    _expect_known(await peer.request("resources/templates/list"), "resources")


@check("capabilities.completions", "capabilities.completions.honest", "capabilities.completions.exist")
async def completions(peer: Peer) -> None:
    """A declared completions capability comes with completion/complete."""
    anything = {"ref": {"type": "ref/prompt", "name": "touchstone"}, "argument": {"name": "touchstone", "value": ""}}
    params = next(peer.surface.completions(), anything)
    _expect_known(await peer.request("completion/complete", params), "completions")


@check("capabilities.logging", "capabilities.logging.honest")
async def logging(peer: Peer) -> None:
    """A declared logging capability comes with logging/setLevel."""
    _expect_known(await peer.request("logging/setLevel", {"level": "info"}), "logging")


@check("capabilities.subscribe", "capabilities.subscribe.honest")
async def subscribe(peer: Peer) -> None:
    """A declared resources.subscribe comes with resources/subscribe and resources/unsubscribe."""
    uri = peer.surface.need_resource()["uri"]
    for method in ("resources/subscribe", "resources/unsubscribe"):
        _expect_known(await peer.request(method, {"uri": uri}), "resources.subscribe")


@check(
    "capabilities.undeclared",
    "capabilities.tools.declared",
    "capabilities.prompts.declared",
    "capabilities.resources.declared",
)
async def undeclared(peer: Peer) -> None:
    """A list whose capability is not declared does not exist, or is empty."""
    hidden = [method for method in PAGINATED if method not in declared_lists(peer)]
    if not hidden:
        raise Inapplicable("the target declares tools, prompts and resources")
    for method in hidden:
        answer = await peer.request(method)
        items: Any = answer.result.get(PAGINATED[method]) if isinstance(answer.result, dict) else None
        if isinstance(items, list) and items:
            capability = method.partition("/")[0]
            raise Mismatch(f"a declared {capability} capability, or no {capability}", f"{method} lists {brief(items)}")


@check(
    "capabilities.same-everywhere",
    "capabilities.tools.connection",
    "capabilities.prompts.connection",
    "capabilities.resources.connection",
)
async def same_everywhere(peer: Peer) -> None:
    """Two connections are told of the same tools, prompts and resources."""
    for method, told in (await elsewhere(peer)).items():
        before = sorted(await names(peer, method))
        if before != sorted(told):
            async with peer.another() as third:
                now = sorted(await names(third, method))
            if now == before or before != sorted(await names(peer, method)):
                raise Blocked(f"{method} changes by itself")
            raise Mismatch(f"{method} on another connection to list {brief(before)}", brief(now))


def _expect_there(peer: Peer, answer: Answer, capability: str) -> None:
    _expect_known(answer, capability)
    if peer.revision.modern and not isinstance(answer.result, dict):
        raise Mismatch(f"a result for {answer.method}, since {capability} is declared", answer.describe())


def _expect_known(answer: Answer, capability: str) -> None:
    if answer.status in (401, 403):
        raise Blocked(f"{answer.method} wants authorization: {answer.describe()}")
    if answer.code == _NOT_FOUND:
        raise Mismatch(f"{answer.method} to exist, since {capability} is declared", answer.describe())
