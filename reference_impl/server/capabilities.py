"""What a server declares, as it follows from what was registered (`server/discover`, `basic/lifecycle`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference_impl.protocol.methods import TASKS
from reference_impl.protocol.revisions import Revision

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["declared"]


def declared(server: AdvancedMCPServer, revision: Revision) -> dict[str, Any]:
    """Return the capabilities for clients of `revision`."""
    options = server.options
    changes = {"listChanged": True} if options.listens else {}
    found: dict[str, Any] = {}
    if server.tools:
        found["tools"] = changes
    if server.resources or server.templates:
        found["resources"] = changes | ({"subscribe": True} if options.listens else {})
    if server.prompts:
        found["prompts"] = changes
    if server.completions and revision.completions_capability:
        found["completions"] = {}
    if options.logs:
        found["logging"] = {}
    if server.takes_tasks and revision.tasks:
        found["tasks"] = {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
    if server.takes_tasks and revision.modern:
        found["extensions"] = {TASKS: {}}
    return found
