"""Every method and notification of the five revisions as one table with windows.

Code asks the table (`find`, `served_by_server`), so that a revision that adds a method adds a row. Sources: the schema
of each revision (`ClientRequest`, `ServerRequest`, `ClientNotification`, `ServerNotification`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reference_impl.protocol.revisions import ALWAYS, REVISIONS, Revision, Window

__all__ = [
    "INPUT_METHODS",
    "METHODS",
    "NAMED_BY",
    "NAME_REQUIRED",
    "NOTIFICATIONS",
    "PAGINATED",
    "TASKS",
    "Method",
    "find",
    "find_notification",
]

Sender = Literal["client", "server", "both"]

TASKS = "io.modelcontextprotocol/tasks"
"""The name of the tasks extension, in `capabilities.extensions` of both sides
(`extensions/tasks#extension-identifier`)."""


@dataclass(frozen=True, slots=True)
class Method:
    """One row.

    `request` and `result` name the schema definitions; `capability` is the path in the receiver's capabilities that
    must be declared (`"resources.subscribe"`), or None where no declaration is needed. `caches` says that its complete
    result carries caching hints; `asks` that it may be answered with `input_required`; `defers` that it may be answered
    with a task. `extension` is the extension that both sides must declare.
    """

    name: str
    sender: Sender
    request: str
    result: str | None = None
    capability: str | None = None
    window: Window = ALWAYS
    caches: bool = False
    asks: bool = False
    extension: str | None = None
    defers: bool = False


_LEGACY = Window(until="2026-07-28")
_MODERN = Window(since="2026-07-28")
_FROM_06 = Window(since="2025-06-18", until="2026-07-28")
_AT_11 = Window(since="2025-11-25", until="2026-07-28")

METHODS: tuple[Method, ...] = (
    Method("initialize", "client", "InitializeRequest", "InitializeResult", window=_LEGACY),
    Method("ping", "both", "PingRequest", "EmptyResult", window=_LEGACY),
    Method("server/discover", "client", "DiscoverRequest", "DiscoverResult", window=_MODERN, caches=True),
    Method("tools/list", "client", "ListToolsRequest", "ListToolsResult", "tools", caches=True),
    Method("tools/call", "client", "CallToolRequest", "CallToolResult", "tools", asks=True, defers=True),
    Method("resources/list", "client", "ListResourcesRequest", "ListResourcesResult", "resources", caches=True),
    Method(
        "resources/templates/list",
        "client",
        "ListResourceTemplatesRequest",
        "ListResourceTemplatesResult",
        "resources",
        caches=True,
    ),
    Method(
        "resources/read", "client", "ReadResourceRequest", "ReadResourceResult", "resources", caches=True, asks=True
    ),
    Method("resources/subscribe", "client", "SubscribeRequest", "EmptyResult", "resources.subscribe", _LEGACY),
    Method("resources/unsubscribe", "client", "UnsubscribeRequest", "EmptyResult", "resources.subscribe", _LEGACY),
    Method("prompts/list", "client", "ListPromptsRequest", "ListPromptsResult", "prompts", caches=True),
    Method("prompts/get", "client", "GetPromptRequest", "GetPromptResult", "prompts", asks=True),
    Method("completion/complete", "client", "CompleteRequest", "CompleteResult", "completions"),
    Method("logging/setLevel", "client", "SetLevelRequest", "EmptyResult", "logging", _LEGACY),
    Method("subscriptions/listen", "client", "SubscriptionsListenRequest", "SubscriptionsListenResult", window=_MODERN),
    Method("roots/list", "server", "ListRootsRequest", "ListRootsResult", "roots", _LEGACY),
    Method("sampling/createMessage", "server", "CreateMessageRequest", "CreateMessageResult", "sampling", _LEGACY),
    Method("elicitation/create", "server", "ElicitRequest", "ElicitResult", "elicitation", _FROM_06),
    Method("tasks/get", "both", "GetTaskRequest", "GetTaskResult", "tasks", _AT_11),
    Method("tasks/result", "both", "GetTaskPayloadRequest", "GetTaskPayloadResult", "tasks", _AT_11),
    Method("tasks/list", "both", "ListTasksRequest", "ListTasksResult", "tasks.list", _AT_11),
    Method("tasks/cancel", "both", "CancelTaskRequest", "CancelTaskResult", "tasks.cancel", _AT_11),
    Method("tasks/get", "client", "GetTaskRequest", "GetTaskResult", window=_MODERN, extension=TASKS),
    Method("tasks/update", "client", "UpdateTaskRequest", "UpdateTaskResult", window=_MODERN, extension=TASKS),
    Method("tasks/cancel", "client", "CancelTaskRequest", "CancelTaskResult", window=_MODERN, extension=TASKS),
)

NOTIFICATIONS: tuple[Method, ...] = (
    Method("notifications/initialized", "client", "InitializedNotification", window=_LEGACY),
    Method("notifications/cancelled", "both", "CancelledNotification"),
    Method("notifications/progress", "both", "ProgressNotification", window=_LEGACY),
    Method("notifications/progress", "server", "ProgressNotification", window=_MODERN),
    Method("notifications/message", "server", "LoggingMessageNotification", capability="logging"),
    Method("notifications/tools/list_changed", "server", "ToolListChangedNotification", capability="tools.listChanged"),
    Method(
        "notifications/prompts/list_changed",
        "server",
        "PromptListChangedNotification",
        capability="prompts.listChanged",
    ),
    Method(
        "notifications/resources/list_changed",
        "server",
        "ResourceListChangedNotification",
        capability="resources.listChanged",
    ),
    Method(
        "notifications/resources/updated",
        "server",
        "ResourceUpdatedNotification",
        capability="resources.subscribe",
    ),
    Method("notifications/roots/list_changed", "client", "RootsListChangedNotification", window=_LEGACY),
    Method("notifications/elicitation/complete", "server", "ElicitationCompleteNotification", window=_AT_11),
    Method("notifications/tasks/status", "both", "TaskStatusNotification", window=_AT_11),
    Method("notifications/tasks", "server", "TaskStatusNotification", window=_MODERN, extension=TASKS),
    Method(
        "notifications/subscriptions/acknowledged",
        "server",
        "SubscriptionsAcknowledgedNotification",
        window=_MODERN,
    ),
)

INPUT_METHODS = frozenset({"elicitation/create", "roots/list", "sampling/createMessage"})
"""What `inputRequests` may hold (`basic/patterns/mrtr#inputrequests`)."""

NAMED_BY: dict[str, str] = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
"""Method to the member of `params` that `Mcp-Name` mirrors (`basic/transports/streamable-http#request-metadata`,
`extensions/tasks#streamable-http-routing-headers`)."""

NAME_REQUIRED = frozenset({"tools/call", "prompts/get", "resources/read"})
"""Methods whose requests a server refuses without `Mcp-Name`. The extension of tasks obliges its clients alone, and one
that is widely used never sends the header with its methods; one that is wrong is refused there too."""

PAGINATED: dict[str, str] = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
"""List method to the member of its result that holds the items (`server/utilities/pagination`)."""


def find(name: object, revision: Revision) -> Method | None:
    """Return the request method `name` as `revision` knows it, or None."""
    return _REQUESTS_OF[revision.name].get(name) if isinstance(name, str) else None


def find_notification(name: object, revision: Revision) -> Method | None:
    """Return the notification `name` as `revision` knows it, or None."""
    return _NOTIFICATIONS_OF[revision.name].get(name) if isinstance(name, str) else None


def _by_revision(table: tuple[Method, ...]) -> dict[str, dict[str, Method]]:
    return {revision.name: {row.name: row for row in table if revision in row.window} for revision in REVISIONS}


_REQUESTS_OF = _by_revision(METHODS)
_NOTIFICATIONS_OF = _by_revision(NOTIFICATIONS)
