"""Permissions: who decides, what is remembered, and what nobody can talk his way around."""

import json
import os
import stat

import anyio
import pytest

from reference_impl.security.audit import AuditError, AuditLog, MemoryAudit
from reference_impl.security.consent import Consent, Scope
from reference_impl.security.grants import GrantsError
from reference_impl.security.permissions import PermissionManager
from reference_impl.security.policy import Policy

pytestmark = pytest.mark.anyio
THING = ("tools/call", "files/delete")


class Somebody:
    """Answers as told, and remembers what was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    async def __call__(self, inquiry):
        self.asked.append(inquiry)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def yes(scope=Scope.ONCE, **more):
    return Consent(granted=True, scope=scope, **more)


def no(scope=Scope.ONCE):
    return Consent(granted=False, scope=scope)


async def test_nobody_to_ask_means_no():
    manager = PermissionManager()
    assert await manager.request_permission(*THING) is False
    assert "nobody can be asked" in manager.get_audit_log()[0]["why"]


async def test_a_question_without_an_answer_means_no():
    assert not await PermissionManager(ask=lambda _: None).request_permission(*THING)


@pytest.mark.parametrize("answer", ["yes", 1, object()])
async def test_what_is_no_answer_means_no(answer):
    assert await PermissionManager(ask=Somebody(answer)).request_permission(*THING) is False


async def test_whatever_a_request_carries_it_can_be_asked_about_and_written_down():
    cycle = {}
    cycle["in"] = cycle
    deep = []
    for _ in range(5000):
        deep = [deep]
    for context in ({"arguments": cycle}, {"arguments": deep}, {"arguments": {1: 2, "x": 3}}):
        manager = PermissionManager(ask=Somebody(yes()))
        assert await manager.request_permission(*THING, context)
        assert manager.get_audit_log()[0]["granted"] is True


async def test_a_pipe_in_the_place_of_the_store_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "grants.json", 0o600)
    with pytest.raises(GrantsError, match="no regular file"):
        PermissionManager(store=tmp_path / "grants.json")


async def test_asking_that_fails_means_no(caplog):
    def broken(_):
        raise RuntimeError("no display")

    assert not await PermissionManager(ask=broken).request_permission(*THING)
    assert "consent could not be asked for" in caplog.text


@pytest.mark.parametrize("ask", [lambda _: True, Somebody(yes())], ids=["in a thread", "async"])
async def test_whoever_is_asked_may_be_a_function_of_either_kind(ask):
    assert await PermissionManager(ask=ask).request_permission(*THING)


@pytest.mark.parametrize(
    ("answer", "questions", "later"),
    [
        (yes(), 3, True),
        (yes(Scope.SESSION), 1, True),
        (yes(Scope.ALWAYS), 1, True),
        (no(), 3, False),
        (no(Scope.SESSION), 1, False),
    ],
)
async def test_an_answer_holds_as_long_as_it_says(answer, questions, later):
    somebody = Somebody(answer)
    manager = PermissionManager(ask=somebody)
    assert [await manager.request_permission(*THING) for _ in range(3)] == [later] * 3
    assert len(somebody.asked) == questions


async def test_an_answer_is_about_one_operation_resource_and_principal():
    somebody = Somebody(yes(Scope.SESSION), no())
    manager = PermissionManager(ask=somebody)
    assert await manager.request_permission(*THING)
    assert not await manager.request_permission("tools/call", "files/delete_all")
    assert not await manager.request_permission("resources/read", "files/delete")
    assert not await manager.request_permission(*THING, {"principal": "ann"})
    assert await manager.request_permission(*THING)


async def test_names_are_not_patterns_unless_the_answer_says_so():
    somebody = Somebody(yes(Scope.SESSION), no())
    manager = PermissionManager(ask=somebody)
    assert await manager.request_permission("resources/read", "files/*")
    assert not await manager.request_permission("resources/read", "files/secret")
    wide = PermissionManager(ask=Somebody(yes(Scope.SESSION, resource="files/*"), no()))
    assert await wide.request_permission("resources/read", "files/a")
    assert await wide.request_permission("resources/read", "files/b")


async def test_an_answer_ends_when_its_time_is_over():
    now = [1000.0]
    somebody = Somebody(yes(Scope.SESSION, seconds=60), no())
    manager = PermissionManager(ask=somebody, clock=lambda: now[0])
    assert await manager.request_permission(*THING)
    now[0] = 1059.0
    assert await manager.request_permission(*THING)
    now[0] = 1060.0
    assert not await manager.request_permission(*THING)


async def test_what_is_revoked_is_asked_again_wider_answers_too():
    somebody = Somebody(yes(Scope.SESSION, resource="files/*"), no())
    manager = PermissionManager(ask=somebody)
    assert await manager.request_permission(*THING)
    assert manager.revoke_permission(*THING) == 1
    assert manager.remembered() == []
    assert not await manager.request_permission(*THING)
    assert manager.get_audit_log()[1]["event"] == "revoked"


async def test_a_policy_decides_before_anybody_is_asked():
    somebody = Somebody(yes())
    text = b"""
        default = "ask"
        [[rule]]
        action = "deny"
        operation = "tools/call"
        resource = "*/delete"
        [[rule]]
        action = "allow"
        operation = "tools/call"
        resource = "*"
    """
    manager = PermissionManager(Policy.read(text), somebody)
    assert not await manager.request_permission(*THING)
    assert not await manager.prompt_user_consent(*THING)
    assert await manager.check_permission("files", "read", {"path": "a"})
    assert somebody.asked == []


async def test_a_policy_bounds_how_long_an_answer_holds():
    text = b'[[rule]]\naction = "ask"\noperation = "*"\nresource = "*"\nscope = "session"\nseconds = 5'
    now = [0.0]
    manager = PermissionManager(Policy.read(text), Somebody(yes(Scope.ALWAYS)), clock=lambda: now[0])
    assert await manager.request_permission(*THING)
    (grant,) = manager.remembered()
    assert (grant.scope, grant.expires) == (Scope.SESSION, 5.0)


async def test_a_yes_to_what_is_sensitive_is_never_for_always_nor_for_more():
    somebody = Somebody(yes(Scope.ALWAYS, resource="*"))
    manager = PermissionManager(ask=somebody)
    assert await manager.request_permission(*THING, {"sensitive": True})
    assert (somebody.asked[0].sensitive, somebody.asked[0].most) == (True, Scope.SESSION)
    (grant,) = manager.remembered()
    assert (grant.scope, grant.resource) == (Scope.SESSION, "files/delete")


async def test_a_wide_yes_covers_neither_what_is_sensitive_nor_what_holds_for_less():
    text = b"""
        default = "ask"
        [[rule]]
        action = "ask"
        operation = "tools/call"
        resource = "files/once"
        scope = "once"
        [[rule]]
        action = "ask"
        operation = "tools/call"
        resource = "files/minute"
        seconds = 60
    """
    now = [0.0]
    somebody = Somebody(yes(Scope.SESSION, resource="files/*"), no())
    manager = PermissionManager(Policy.read(text), somebody, clock=lambda: now[0])
    assert await manager.request_permission("tools/call", "files/read")
    assert await manager.request_permission("tools/call", "files/write")
    assert not await manager.request_permission("tools/call", "files/write", {"sensitive": True})
    assert not await manager.request_permission("tools/call", "files/once")
    assert await manager.request_permission("tools/call", "files/minute")
    now[0] = 60.0
    assert not await manager.request_permission("tools/call", "files/minute")
    assert await manager.request_permission("tools/call", "files/read")


async def test_many_who_request_the_same_at_once_are_asked_for_once():
    asked, go = [], anyio.Event()

    async def slow(inquiry):
        asked.append(inquiry.context["n"])
        await go.wait()
        return True

    manager, answers = PermissionManager(ask=slow), []

    async def request(number):
        answers.append(await manager.request_permission(*THING, {"n": number}))

    async with anyio.create_task_group() as tasks:
        for number in (1, 1, 1, 2):
            tasks.start_soon(request, number)
        await anyio.wait_all_tasks_blocked()
        go.set()
    assert (answers, asked) == ([True] * 4, [1, 2])  # who sees something else is asked for himself
    assert await manager.request_permission(*THING, {"n": 1})
    assert asked == [1, 2, 1]  # once is over


async def test_if_the_first_goes_away_the_next_is_asked():
    asked = []

    async def forever(inquiry):
        asked.append(inquiry)
        if len(asked) == 1:
            await anyio.sleep_forever()
        return True

    manager, answers = PermissionManager(ask=forever), []

    async def request(scope):
        with scope:
            answers.append(await manager.request_permission(*THING))

    scopes = [anyio.CancelScope(), anyio.CancelScope()]
    async with anyio.create_task_group() as tasks:
        for scope in scopes:
            tasks.start_soon(request, scope)
        await anyio.wait_all_tasks_blocked()
        scopes[0].cancel()
    assert (answers, len(asked)) == ([True], 2)


async def test_always_outlives_the_process_in_a_private_file_that_can_be_revoked(tmp_path):
    store = tmp_path / "grants.json"
    first = PermissionManager(ask=Somebody(yes(Scope.ALWAYS)), store=store)
    assert await first.request_permission(*THING)
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    second = PermissionManager(store=store)
    assert await second.request_permission(*THING)
    assert second.revoke_permission(*THING) == 1
    assert json.loads(store.read_bytes())["grants"] == []
    assert first.remembered() == []  # another process hears of it


async def test_two_processes_do_not_forget_for_each_other(tmp_path):
    store = tmp_path / "grants.json"
    one, other = (PermissionManager(ask=Somebody(yes(Scope.ALWAYS)), store=store) for _ in range(2))
    assert await one.request_permission("o", "1")
    assert await other.request_permission("o", "2")
    assert len(one.remembered()) == len(other.remembered()) == 2


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b'{"version":1,"grants":[]}', 0o644, "others may read or write"),
        (b"rubbish", 0o600, "no file of remembered answers"),
        (b'{"version":2,"grants":[]}', 0o600, "version 2 is not known"),
    ],
)
async def test_a_file_that_cannot_be_trusted_is_refused(tmp_path, content, mode, said):
    store = tmp_path / "grants.json"
    store.write_bytes(content)
    store.chmod(mode)
    with pytest.raises(GrantsError, match=said):
        PermissionManager(store=store)


async def test_a_file_that_turns_bad_denies(tmp_path, caplog):
    store = tmp_path / "grants.json"
    manager = PermissionManager(ask=Somebody(yes()), store=store)
    store.touch(0o600)
    store.write_bytes(b"rubbish")
    assert not await manager.request_permission(*THING)
    assert "no file of remembered answers" in caplog.text


async def test_what_cannot_be_kept_holds_for_the_session(tmp_path, caplog):
    somebody = Somebody(yes(Scope.ALWAYS))
    manager = PermissionManager(ask=somebody, store=tmp_path / "missing" / "grants.json")
    assert await manager.request_permission(*THING)
    assert await manager.request_permission(*THING)
    assert (len(somebody.asked), "it holds for this session" in caplog.text) == (1, True)


async def test_the_end_of_a_session_ends_its_answers_alone():
    somebody = Somebody(yes(Scope.SESSION), yes(Scope.ALWAYS))
    manager = PermissionManager(ask=somebody)
    await manager.request_permission("o", "session")
    await manager.request_permission("o", "always")
    manager.end_session()
    assert [grant.resource for grant in manager.remembered()] == ["always"]


class Full:
    """An audit log without room."""

    def append(self, _event):
        raise AuditError("audit.jsonl: the audit log cannot be written: no space left on device")

    def entries(self, _since=None):
        return []


@pytest.mark.parametrize(("failure", "granted"), [("deny", False), ("allow", True)])
async def test_what_cannot_be_written_down_is_denied_unless_somebody_wants_otherwise(failure, granted, caplog):
    manager = PermissionManager(ask=Somebody(yes()), audit=Full(), audit_failure=failure)
    assert await manager.request_permission(*THING) is granted
    assert "no space left on device" in caplog.text


async def test_the_audit_log_shows_who_was_allowed_what_and_why(tmp_path):
    now = [100.0]
    with AuditLog(tmp_path / "audit.jsonl", clock=lambda: now[0]) as log:
        manager = PermissionManager(ask=Somebody(yes(), no()), audit=log)
        await manager.request_permission(*THING, {"principal": "ann", "arguments": {"password": "x", "path": "a"}})
        now[0] = 200.0
        await manager.request_permission(*THING, {"sensitive": True})
        granted, denied = manager.get_audit_log()
        assert manager.get_audit_log(200.0) == [denied]
    assert (granted["granted"], granted["principal"], granted["why"]) == (True, "ann", "asked, and answered for once")
    assert granted["context"] == {"arguments": {"password": "[redacted]", "path": "a"}}
    assert (denied["granted"], denied["sensitive"]) == (False, True)


async def test_an_audit_log_in_memory_is_bounded():
    manager = PermissionManager(audit=MemoryAudit(most=3))
    for number in range(5):
        await manager.request_permission("o", str(number))
    assert [entry["resource"] for entry in manager.get_audit_log()] == ["2", "3", "4"]
