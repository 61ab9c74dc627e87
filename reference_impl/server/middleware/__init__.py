"""What stands around every handler, each idea in a module; `standard` puts them in order.

class Shouting:
    def wrap(self, handler):
        async def shouted(invocation):
            value = await handler(invocation)
            return value.upper() if isinstance(value, str) else value

        return shouted

server.add_middleware(Shouting())
"""

from reference_impl.server.middleware.authentication import AuthenticationMiddleware
from reference_impl.server.middleware.base import Handler, Invocation, Middleware
from reference_impl.server.middleware.caching import CachingMiddleware
from reference_impl.server.middleware.logging import JsonLines, LoggingMiddleware
from reference_impl.server.middleware.metrics import MetricsMiddleware
from reference_impl.server.middleware.permissions import PermissionsMiddleware
from reference_impl.server.middleware.rate_limiting import Rate, RateLimitingMiddleware
from reference_impl.server.middleware.standard import Standard, standard
from reference_impl.server.middleware.timeouts import TimeoutMiddleware

__all__ = [
    "AuthenticationMiddleware",
    "CachingMiddleware",
    "Handler",
    "Invocation",
    "JsonLines",
    "LoggingMiddleware",
    "MetricsMiddleware",
    "Middleware",
    "PermissionsMiddleware",
    "Rate",
    "RateLimitingMiddleware",
    "Standard",
    "TimeoutMiddleware",
    "standard",
]
