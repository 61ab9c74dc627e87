"""A client's failures as the metrics model counts them."""

from __future__ import annotations

from reference_impl.client.errors import ClientError, ConnectionClosed, HttpRefused, RequestFailed, RequestTimeout
from reference_impl.metrics import ErrorClass, ServerMetrics

__all__ = ["record_failure"]


def record_failure(metrics: ServerMetrics, error: ClientError) -> None:
    """Count a failure by its class and code; one that is of no class of the wire goes by its name."""
    match error:
        case HttpRefused(status=status):
            metrics.record_error(ErrorClass.HTTP_STATUS, status, str(error))
        case RequestFailed(code=code):
            metrics.record_error(ErrorClass.JSON_RPC, code, str(error))
        case RequestTimeout():
            metrics.record_error(ErrorClass.TIMEOUT, "", str(error))
        case ConnectionClosed():
            metrics.record_error(ErrorClass.TRANSPORT, "", str(error))
        case _:
            metrics.record_error(type(error).__name__, "", str(error))
