"""`completion/complete` (`server/utilities/completion`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.server.context import Context
from reference_impl.server.definitions import Completion
from reference_impl.server.exchange import Exchange
from reference_impl.server.inputs import Inputs
from reference_impl.server.middleware import Invocation

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["complete"]

_MOST = 100
"""Values in one answer (`#completion-results`)."""


async def complete(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Suggest values for one argument of a prompt or of a resource template.

    Middleware stands before completion as before everything else: it must be limited and guarded too (`#security`).
    """
    reference, names = _reference(server, params.get("ref"))
    name, value = _argument(params.get("argument"))
    if name not in names:
        raise _invalid(f"{reference} has no argument {name}")
    known = _known(params.get("context"))
    values = []
    completer = server.completions.get((reference, name))
    if completer is not None:
        context = Context(server, exchange, Inputs({}))
        arguments = {"value": value, "known": known}
        values = list(
            await server.invoke(Invocation("completion", reference, Completion(completer), arguments, context))
        )
    completion = {"values": values[:_MOST], "total": len(values), "hasMore": len(values) > _MOST}
    return {"completion": completion}


def _reference(server: AdvancedMCPServer, ref: Any) -> tuple[str, tuple[str, ...]]:
    match ref:
        case {"type": "ref/prompt", "name": str(name)} if name in server.prompts:
            return name, server.prompts[name].arguments
        case {"type": "ref/resource", "uri": str(uri)} if uri in server.templates:
            template = server.templates[uri].template
            return uri, () if template is None else template.names
        case {"type": "ref/resource", "uri": str(uri)} if uri in server.resources:
            return uri, ()
    raise _invalid("ref must name a prompt or a resource template of this server")


def _argument(argument: Any) -> tuple[str, str]:
    match argument:
        case {"name": str(name), "value": str(value)}:
            return name, value
    raise _invalid("argument must have a name and a value")


def _known(context: Any) -> dict[str, str]:
    match context:
        case None:
            return {}
        case {"arguments": dict(arguments)} if all(isinstance(value, str) for value in arguments.values()):
            return arguments
        case {**rest} if "arguments" not in rest:
            return {}
    raise _invalid("context.arguments must map names to strings")


def _invalid(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(Code.INVALID_PARAMS, f"Invalid params: {what}")
