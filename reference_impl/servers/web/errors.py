"""What can go wrong between a URL and a page; each is told to the model in words that it can act on."""

from __future__ import annotations

from reference_impl.server.errors import ToolError

__all__ = ["FetchError", "NotYet", "Refused"]


class FetchError(ToolError):
    """The page could not be had."""


class Refused(FetchError):  # noqa: N818 - the name says what happened
    """This server will not ask for it: the address, the site's rules or the kind of content forbid it."""


class NotYet(FetchError):  # noqa: N818 - the name says what happened
    """The site wants more time between requests than there is."""
