"""`touchstone serve everything`."""

from __future__ import annotations

from door.serve.listening import ServingOptions, serve

__all__ = ["everything"]


def everything(serving: ServingOptions) -> int:
    """Each feature of the protocol once, in both eras: for tests and for reading."""
    from reference_impl.servers.everything import make_server

    return serve(make_server, serving)
