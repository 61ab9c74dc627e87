"""A model behind an HTTP endpoint: requests within bounds of time and size, tried again where trouble may pass.

Its key goes into one header of requests to the endpoint's own origin, and nowhere else; no failure shows it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio

from reference_impl.client import RetryPolicy
from reference_impl.client.settings import JsonObject
from reference_impl.host.dialects import DIALECTS, Prompt, Turn
from reference_impl.host.errors import ModelError
from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import MalformedError, decode_json, encode_json
from reference_impl.security.redaction import Redactor

__all__ = ["Model", "ModelSettings"]

_LARGEST = 16 * 1024 * 1024
_QUOTED = 300
_ATTEMPTS = 3
_PASSING = frozenset({408, 429, 500, 502, 503, 504, 529})
_MOST_TOKENS = 16_384
_STOPS = {"stop": "endTurn", "end_turn": "endTurn", "length": "maxTokens", "max_tokens": "maxTokens"}
_STOPS["stop_sequence"] = "stopSequence"
_HOMES = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
_KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model, where, and with what patience.

    `url` is the base of the endpoint, `api` its dialect: `openai` (chat completions, which many servers offer) or
    `anthropic` (messages). `timeout` is how many seconds one answer may take. Raises `ModelError`.
    """

    model: str
    api: str = "openai"
    url: str = ""
    key: str = field(default="", repr=False)
    timeout: float = 120.0
    policy: RetryPolicy = field(default_factory=lambda: RetryPolicy(base=1.0))

    def __post_init__(self) -> None:
        if self.api not in DIALECTS:
            raise ModelError(f"there is no dialect {self.api!r} of models; known: {', '.join(DIALECTS)}")
        try:
            parts = urlsplit(self.base)
            valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            valid = False
        if not valid or parts.query or parts.fragment:
            raise ModelError("the URL of the model begins with http:// or https://, and ends before any '?' or '#'")
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if self.key and parts.scheme == "http" and not local:
            raise ModelError("a key is sent to https:// alone, or to this machine")
        if not self.model:
            raise ModelError("which model? give its name")

    @property
    def base(self) -> str:
        """The base URL, without a slash at its end."""
        return (self.url or _HOMES[self.api]).rstrip("/")

    @classmethod
    def from_environment(
        cls,
        model: str | None = None,
        api: str | None = None,
        url: str | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> ModelSettings | None:
        """Read `TOUCHSTONE_MODEL`, and with `_API`, `_URL` and `_KEY` behind it the rest; None without a model. What is
        given here counts more.

        The key may also be that of the dialect's home (`OPENAI_API_KEY`, `ANTHROPIC_API_KEY`), which is sent to no
        other address. Raises `ModelError`.
        """
        name = model or environment.get("TOUCHSTONE_MODEL", "")
        if not name:
            return None
        chosen = api or environment.get("TOUCHSTONE_MODEL_API", "openai")
        base = url or environment.get("TOUCHSTONE_MODEL_URL", "")
        home = environment.get(_KEYS.get(chosen, ""), "") if not base else ""
        return cls(name, chosen, base, environment.get("TOUCHSTONE_MODEL_KEY") or home)


class Model:
    """A model that answers prompts, and samples for servers. `secrets` holds its key, which no failure shows, and what
    else it is not to be told of the results of tools (`secrets.keep([password])`)."""

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings
        self.dialect = DIALECTS[settings.api]
        self.secrets = Redactor([settings.key] if settings.key else [])

    async def ask(self, prompt: Prompt) -> Turn:
        """Return what the model says. Raises `ModelError`."""
        answer = await self._post(self.dialect.body(self.settings.model, prompt))
        return self.dialect.turn(answer)

    async def sample(self, params: JsonObject) -> JsonObject:
        """Answer a server's `sampling/createMessage`; see `questions.Sampler`."""
        messages = [_message(message) for message in params.get("messages") or []]
        extra = {"temperature": params["temperature"]} if isinstance(params.get("temperature"), int | float) else {}
        most = params.get("maxTokens")
        prompt = Prompt(
            messages,
            system=str(params.get("systemPrompt") or ""),
            most_tokens=min(most, _MOST_TOKENS) if isinstance(most, int) and most > 0 else 1024,
            extra=extra,
        )
        turn = await self.ask(prompt)
        return {
            "role": "assistant",
            "content": {"type": "text", "text": turn.text},
            "model": turn.model or self.settings.model,
            "stopReason": _STOPS.get(turn.stopped, turn.stopped),
        }

    async def _post(self, body: JsonObject) -> JsonObject:
        for attempt in range(_ATTEMPTS):
            status, answer, wished = await self._exchange(encode_json(body))
            if status == 200:
                return _object(answer)
            if status not in _PASSING or attempt == _ATTEMPTS - 1:
                break
            await anyio.sleep(max(self.settings.policy.delay(attempt), wished))
        said = " ".join(self.secrets.text(answer.decode("utf-8", "replace"))[:_QUOTED].split())
        raise ModelError(f"the model's endpoint answered HTTP {status}: {said}")

    async def _exchange(self, body: bytes) -> tuple[int, bytes, float]:
        """Make one request; return the status, the body, and the seconds that the endpoint wishes to be left alone."""
        from reference_impl.transports.http_client import HttpClient, request_head
        from reference_impl.transports.http_terms import HttpError, Origin

        settings, url = self.settings, self.settings.base + self.dialect.path
        origin, parts = Origin.of(url), urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"host": origin.authority, "user-agent": "mcp-touchstone", "accept-encoding": "identity"}
        headers |= {"content-type": "application/json", "accept": "application/json"}
        client = HttpClient(origin)
        try:
            head = request_head("POST", target, headers | self.dialect.headers(settings.key))
            with anyio.fail_after(settings.timeout):
                with await client.request(head, body) as reply:
                    return reply.status, await reply.read(_LARGEST), _seconds(reply.headers.get("retry-after", ""))
        except TimeoutError:
            raise ModelError(f"{origin.authority}: the model gave no answer within {settings.timeout:g} s") from None
        except (HttpError, ValueError) as error:
            said = str(error).removeprefix(f"{origin.authority}: ")
            raise ModelError(f"{origin.authority}: {self.secrets.text(said)}") from None
        finally:
            with anyio.CancelScope(shield=True):
                await client.aclose()


def _seconds(text: str) -> float:
    return min(60.0, float(text)) if text.isascii() and text.isdigit() else 0.0


def _object(body: bytes) -> JsonObject:
    try:
        value: Any = decode_json(body)
    except MalformedError:
        value = None
    if not isinstance(value, dict):
        raise ModelError("the model's endpoint answered with what is no JSON object")
    return value


def _message(message: JsonObject) -> JsonObject:
    """Return a message of a sampling request for the model; both dialects write text in the same way."""
    content = message.get("content")
    blocks: list[Any] = content if isinstance(content, list) else [content]
    if not all(isinstance(block, dict) and block.get("type") == "text" for block in blocks):
        raise RemoteProtocolError(Code.INVALID_PARAMS, "Only text can be sampled from here")
    return {"role": message["role"], "content": "\n".join(str(block.get("text", "")) for block in blocks)}
