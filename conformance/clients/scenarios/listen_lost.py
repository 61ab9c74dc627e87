"""A modern server on standard streams that dies when it has granted a subscription; started again, it serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.clients.offer import Offer, usual_offer
from conformance.clients.reply import End, Reply, Wait
from conformance.clients.said import said
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn, modern
from conformance.clients.scenarios.features import CHANGES, granted
from conformance.expect import Inapplicable
from conformance.transcript import Conversation
from reference_impl.protocol.revisions import Revision

__all__ = ["SCENARIO"]


def _offer(revision: Revision) -> Offer:
    return replace(usual_offer(revision), capabilities={"tools": CHANGES, "resources": CHANGES, "prompts": CHANGES})


def _begin(scene: Scene) -> Behaviour:
    def reply(turn: Turn) -> Reply | None:
        if not turn.is_request or turn.method != "subscriptions/listen":
            return None
        then = End(clean=False, status=1) if turn.connection == 1 else Wait(seconds=scene.silence)
        return Reply(200, before=(granted(turn), then), awaits=False)

    return Behaviour(reply=reply, offer=_offer)


def _needs(features: Sequence[Conversation]) -> str | Inapplicable | None:
    listens = any(item.method == "subscriptions/listen" for visit in features for item in said(visit))
    return None if listens else Inapplicable("the client listens for nothing")


SCENARIO = Scenario(
    "listen-lost",
    "ends with status 1 when it has granted a subscription; started again, it serves",
    _begin,
    binds=modern,
    transports=("stdio",),
    needs=_needs,
    probe="features",
    apart=True,
)
