"""What HTTP asks of whoever authorizes its requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Authorizer", "Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was answered with 401 or 403, and how: names of headers are in lower case.

    `server` is the address of the whole conversation, `url` that of this request. `granted` are the headers that the
    authorizer had given for it, `sent` those of the protocol. `attempt` counts how often the same request was refused
    and sent again before.
    """

    server: str
    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    granted: Mapping[str, str] = field(repr=False)  # they hold a token
    sent: Mapping[str, str]
    attempt: int = 0


class Authorizer(Protocol):
    """Authorizes HTTP requests to a `server`; `url` is where one of them goes, the same address but for HTTP+SSE.

    `generation` changes with each token: what is private to one is not shown to the next
    (`server/utilities/caching#cache-scope-field`).
    """

    @property
    def generation(self) -> int:
        """See above."""
        ...

    async def headers(self, server: str, method: str, url: str) -> Mapping[str, str]:
        """Return the headers that authorize one request, names in lower case; none where nothing is known yet."""
        ...

    async def answer(self, refusal: Refusal) -> bool:
        """Obtain what a refused request lacked; tell whether to send it once more.

        Raises `AuthorizationFailed`. It may take as long as a user takes: no clock of a request runs meanwhile.
        """
        ...

    def noted(self, url: str, headers: Mapping[str, str]) -> None:
        """Look at the headers of any response."""
