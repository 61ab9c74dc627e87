"""The reference server: `AdvancedMCPServer` and the shells that serve it.

The shells import what they need when they are used, so that a server on stdio never loads an HTTP stack.
"""

from reference_impl.server.content import ToolResult, audio, embedded, image, link, text
from reference_impl.server.context import Context
from reference_impl.server.errors import RateLimitedError, ResourceNotFoundError, SetupError, ToolError
from reference_impl.server.middleware import (
    AuthenticationMiddleware,
    CachingMiddleware,
    Handler,
    Invocation,
    LoggingMiddleware,
    MetricsMiddleware,
    Middleware,
    PermissionsMiddleware,
    Rate,
    RateLimitingMiddleware,
    Standard,
    TimeoutMiddleware,
    standard,
)
from reference_impl.server.options import ServerOptions
from reference_impl.server.server import AdvancedMCPServer
from reference_impl.server.tasks import MemoryTaskStore, TaskOptions, TaskStore

__all__ = [
    "AdvancedMCPServer",
    "AuthenticationMiddleware",
    "CachingMiddleware",
    "Context",
    "Handler",
    "Invocation",
    "LoggingMiddleware",
    "MemoryTaskStore",
    "MetricsMiddleware",
    "Middleware",
    "PermissionsMiddleware",
    "Rate",
    "RateLimitedError",
    "RateLimitingMiddleware",
    "ResourceNotFoundError",
    "ServerOptions",
    "SetupError",
    "Standard",
    "TaskOptions",
    "TaskStore",
    "TimeoutMiddleware",
    "ToolError",
    "ToolResult",
    "audio",
    "embedded",
    "image",
    "link",
    "standard",
    "text",
]
