"""Consent to a plan as a whole: what one yes covers, and what it does not."""

from __future__ import annotations

import anyio
import pytest

from door.host_consent import PlanConsent
from reference_impl.host import Plan, Step
from reference_impl.security.consent import Consent, Inquiry
from reference_impl.security.permissions import PermissionManager

READ = Step("read", "files", "read", {"path": "a"})
WRITE = Step("write", "files", "write", {"text": {"$from": "read"}})
REMOVE = Step("remove", "files", "remove", {"path": "a"})


class Somebody:
    """Answers as told, and remembers what was asked."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, inquiry: Inquiry) -> Consent | None:
        self.asked.append(f"{inquiry.operation} {inquiry.resource}")
        answer = self.answers.pop(0)
        return None if answer is None else Consent(granted=answer == "yes")


def inquiry(step: Step, arguments: dict | None = None, *, sensitive: bool = True) -> Inquiry:
    context = {"arguments": step.arguments if arguments is None else arguments}
    return Inquiry("tools/call", f"{step.server}/{step.tool}", sensitive, None, context)


def answers(somebody: Somebody, plan: Plan, *inquiries: Inquiry) -> list[bool | None]:
    async def ask() -> list[bool | None]:
        consent = PlanConsent(somebody)
        consent.begin(plan)
        found = [await consent(each) for each in inquiries]
        return [None if each is None else each.granted for each in found]

    return anyio.run(ask)


def test_one_yes_covers_every_step_that_was_shown_whole() -> None:
    somebody = Somebody("yes")
    found = answers(somebody, Plan((READ, REMOVE)), inquiry(READ, sensitive=False), inquiry(REMOVE))
    assert (found, somebody.asked) == ([True, True], ["running this plan 2 steps"])


def test_what_changes_something_is_asked_for_again_when_its_arguments_are_known() -> None:
    somebody = Somebody("yes", "no")
    found = answers(somebody, Plan((READ, WRITE)), inquiry(READ, sensitive=False), inquiry(WRITE, {"text": "rm -rf"}))
    assert (found, somebody.asked) == ([True, False], ["running this plan 2 steps", "tools/call files/write"])


def test_other_arguments_than_those_shown_are_not_covered() -> None:
    somebody = Somebody("yes", "no")
    assert answers(somebody, Plan((READ, REMOVE)), inquiry(REMOVE, {"path": "/"})) == [False]


@pytest.mark.parametrize(("answer", "found"), [("no", [False, False]), (None, [None, None])])
def test_a_no_is_for_all_and_is_asked_for_once(answer: str | None, found: list[bool | None]) -> None:
    somebody = Somebody(answer)
    assert answers(somebody, Plan((READ, REMOVE)), inquiry(READ), inquiry(REMOVE)) == found
    assert len(somebody.asked) == 1


def test_a_step_that_the_question_had_no_room_for_is_asked_for_by_itself() -> None:
    reads = [Step(f"read{number}", "files", "read", {"path": str(number)}) for number in range(10)]
    somebody = Somebody("yes", "no")
    found = answers(somebody, Plan((*reads, REMOVE)), inquiry(reads[0]), inquiry(REMOVE))
    assert (found, somebody.asked) == ([True, False], ["running this plan 11 steps", "tools/call files/remove"])


@pytest.mark.parametrize(
    ("inner", "why"),
    [(Consent(granted=True), "asked, and answered for the whole plan"), (Consent(granted=True, why="--yes"), "--yes")],
)
def test_the_audit_log_can_say_on_whose_word_each_step_was_done(inner: Consent, why: str) -> None:
    async def ask() -> list[str]:
        manager = PermissionManager(ask=consent)
        for step in (READ, REMOVE):
            await manager.check_permission(step.server, step.tool, step.arguments)
        return [entry["why"] for entry in manager.get_audit_log()]

    async def answer(_: Inquiry) -> Consent:
        return inner

    consent = PlanConsent(answer)
    consent.begin(Plan((READ, REMOVE)))
    assert anyio.run(ask) == [why, why]


def test_a_single_step_and_other_questions_are_asked_for_as_they_are() -> None:
    somebody = Somebody("yes", "no")
    sampling = Inquiry("sampling/createMessage", "files")
    assert answers(somebody, Plan((READ,)), inquiry(READ), sampling) == [True, False]
    assert somebody.asked == ["tools/call files/read", "sampling/createMessage files"]
