"""What a server says of itself by GET, beside the protocol: health, capabilities, metrics, and where to get tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from reference_impl.metrics import ServerMetrics
from reference_impl.protocol.messages import encode_json
from reference_impl.protocol.revisions import LATEST
from reference_impl.server.http.guards import HttpOptions, not_allowed, refused
from reference_impl.server.http.messages import HttpRequest, HttpResponse, json_response, send_response

if TYPE_CHECKING:
    from reference_impl.server.auth.gate import Gate
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["HEALTH", "Pages"]

HEALTH = ("/health", "/health/live")
_METADATA = "/.well-known/oauth-protected-resource"
_NEVER_STORED = {"cache-control": "no-store"}


@dataclass(slots=True)
class Pages:
    """The pages of one application. `status` is `starting`, `ok` or `stopping`; `protected` says whether callers have
    to be somebody; `counts` returns how busy the application is."""

    server: AdvancedMCPServer
    options: HttpOptions
    path: str
    gate: Gate | None
    protected: bool
    counts: Callable[[], Mapping[str, int]]
    endpoints: Mapping[str, str]
    status: str = "starting"
    started: float = field(default_factory=time.monotonic)

    def public(self, path: str) -> bool:
        """Tell whether everybody may see a page."""
        return path in HEALTH or path.startswith(_METADATA) or (path == "/metrics" and self.options.public_metrics)

    def has(self, path: str) -> bool:
        """Tell whether there is such a page."""
        return path in ("/capabilities", "/metrics") or self.public(path)

    async def show(self, request: HttpRequest, path: str) -> None:
        """Answer with a page. Raises `HttpError`."""
        if request.method not in ("GET", "HEAD"):
            raise not_allowed("GET, HEAD")
        page = await self._health() if path == "/health" else self._page(request, path)
        await send_response(request.send, page, head=request.method == "HEAD")

    def _page(self, request: HttpRequest, path: str) -> HttpResponse:
        if path == "/health/live":
            return json_response(encode_json({"status": "ok"}), headers=_NEVER_STORED)
        if path == "/capabilities":
            return json_response(encode_json(self._capabilities()), headers=_NEVER_STORED)
        if path == "/metrics":
            return self._metrics(request)
        document = None if self.gate is None else self.gate.metadata(path)
        if document is not None:
            return document
        if self.options.resource_metadata is None or path not in (_METADATA, _METADATA + self.path):
            raise refused(404, "Not found")
        return json_response(encode_json(self.options.resource_metadata))

    async def _health(self) -> HttpResponse:
        """Say whether requests can be served; what is missing and how busy the server is, only where everybody may
        know."""
        checks = await self.server.readiness.checks() if self.status == "ok" else {}
        status = self.status if all(checks.values()) else "unready"
        health: dict[str, Any] = {"status": status}
        if not self.protected:
            named = {"checks": {name: "ok" if there else "failed" for name, there in checks.items()}}
            uptime = round(time.monotonic() - self.started, 3)
            health |= {"uptimeSeconds": uptime, **self.counts(), **(named if checks else {})}
        return json_response(encode_json(health), 200 if status == "ok" else 503, _NEVER_STORED)

    def _capabilities(self) -> dict[str, Any]:
        server = self.server
        return {
            "serverInfo": server.info,
            "supportedVersions": server.supported_versions,
            "capabilities": server.capabilities(LATEST),
            "endpoints": dict(self.endpoints),
        }

    def _metrics(self, request: HttpRequest) -> HttpResponse:
        metrics = self.server.metrics
        if not isinstance(metrics, ServerMetrics):
            raise refused(404, "Not found: this server keeps no metrics")
        if find_spec("prometheus_client") is None:
            raise refused(501, "Metrics need prometheus-client: install mcp-touchstone[servers]")
        from reference_impl.server.http.exposition import ServerCollector, expose

        info = {"name": str(self.server.info["name"]), "version": str(self.server.info["version"])}
        body, kind = expose([ServerCollector(metrics, self.counts(), info)], request.header("accept") or "")
        return HttpResponse(200, body, _NEVER_STORED, kind)
