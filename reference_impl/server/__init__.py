"""The reference server: `AdvancedMCPServer` and the shells that serve it.

The shells import what they need when they are used, so that a server on stdio never loads an HTTP stack.
"""

from reference_impl.server.content import ToolResult, audio, embedded, image, link, text
from reference_impl.server.context import Context
from reference_impl.server.errors import ResourceNotFoundError, ToolError
from reference_impl.server.middleware import (
    AuthenticationMiddleware,
    Handler,
    Invocation,
    LoggingMiddleware,
    Middleware,
    RateLimitingMiddleware,
)
from reference_impl.server.options import ServerOptions
from reference_impl.server.server import AdvancedMCPServer
from reference_impl.server.tasks import MemoryTaskStore, TaskOptions, TaskStore

__all__ = [
    "AdvancedMCPServer",
    "AuthenticationMiddleware",
    "Context",
    "Handler",
    "Invocation",
    "LoggingMiddleware",
    "MemoryTaskStore",
    "Middleware",
    "RateLimitingMiddleware",
    "ResourceNotFoundError",
    "ServerOptions",
    "TaskOptions",
    "TaskStore",
    "ToolError",
    "ToolResult",
    "audio",
    "embedded",
    "image",
    "link",
    "text",
]
