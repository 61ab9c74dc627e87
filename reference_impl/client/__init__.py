"""The reference client: one connection to a server of either era, over any transport; and many (`AdvancedMCPClient`).

async with connect(StdioCommand(("my-server",))) as server:
    result = await server.call_tool("add", {"a": 1, "b": 2})
"""

from reference_impl.client.authorizing import Authorizer, Refusal
from reference_impl.client.connecting import Target, connect
from reference_impl.client.connection import ClientConnection
from reference_impl.client.errors import (
    AuthorizationFailed,
    ClientError,
    ConnectionClosed,
    HttpRefused,
    InputRefused,
    InvalidAnswer,
    NoCommonRevision,
    NotOffered,
    PermissionDenied,
    RequestFailed,
    RequestTimeout,
    ResourceNotFound,
    TaskCancelled,
    TokenRefused,
    UnknownServer,
    Unreachable,
)
from reference_impl.client.manager import AdvancedMCPClient, ManagerOptions
from reference_impl.client.opening import Agreement
from reference_impl.client.patience import unhurried
from reference_impl.client.retrying import RetryPolicy
from reference_impl.client.roots import directory_roots
from reference_impl.client.server_config import ServerConfig
from reference_impl.client.settings import CallOptions, ClientSettings, Handlers, Progress
from reference_impl.client.subscriptions import Filter, Subscription
from reference_impl.protocol.tasks import Task
from reference_impl.transports.stdio import StdioCommand

__all__ = [
    "AdvancedMCPClient",
    "Agreement",
    "AuthorizationFailed",
    "Authorizer",
    "CallOptions",
    "ClientConnection",
    "ClientError",
    "ClientSettings",
    "ConnectionClosed",
    "Filter",
    "Handlers",
    "HttpRefused",
    "InputRefused",
    "InvalidAnswer",
    "ManagerOptions",
    "NoCommonRevision",
    "NotOffered",
    "PermissionDenied",
    "Progress",
    "Refusal",
    "RequestFailed",
    "RequestTimeout",
    "ResourceNotFound",
    "RetryPolicy",
    "ServerConfig",
    "StdioCommand",
    "Subscription",
    "Target",
    "Task",
    "TaskCancelled",
    "TokenRefused",
    "UnknownServer",
    "Unreachable",
    "connect",
    "directory_roots",
    "unhurried",
]
