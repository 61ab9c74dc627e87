"""States of tasks, and how each era writes them down."""

import msgspec
import pytest

from reference_impl.protocol.errors import Code, LocalProtocolError, RemoteProtocolError
from reference_impl.protocol.methods import TASKS
from reference_impl.protocol.revisions import R2025_11_25, R2026_07_28
from reference_impl.protocol.tasks import (
    RELATED_TASK,
    TERMINAL,
    Status,
    Task,
    declares_extension,
    extension_required,
    pause,
    read_task,
    read_ttl,
    related,
    task_wire,
    timestamp,
)

NEW = Task("t", Status.WORKING, timestamp(0), timestamp(0), 60_000, 500, "begun")


def test_times_are_iso_8601_in_utc():
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(1_500_000_000.25) == "2017-07-14T02:40:00.250Z"


@pytest.mark.parametrize("status", Status)
def test_a_working_task_may_become_anything(status):
    moved = NEW.moved(status, 1, "words")
    assert (moved.status, moved.message, moved.created_at) == (status, "words", NEW.created_at)
    assert moved.last_updated_at == timestamp(1)
    assert moved.terminal == (status in TERMINAL)


@pytest.mark.parametrize("ended", sorted(TERMINAL))
@pytest.mark.parametrize("status", Status)
def test_an_ended_task_stays_as_it_is(ended, status):
    with pytest.raises(LocalProtocolError, match=f"{ended} already"):
        NEW.moved(ended, 1).moved(status, 2)


def test_each_era_has_its_own_names_for_the_same_times():
    common = {
        "taskId": "t",
        "status": "working",
        "statusMessage": "begun",
        "createdAt": timestamp(0),
        "lastUpdatedAt": timestamp(0),
    }
    assert task_wire(NEW, R2025_11_25) == common | {"ttl": 60_000, "pollInterval": 500}
    assert task_wire(NEW, R2026_07_28) == common | {"ttlMs": 60_000, "pollIntervalMs": 500}


def test_an_unlimited_lifetime_is_written_and_what_is_unknown_is_left_out():
    task = msgspec.structs.replace(NEW, ttl=None, poll_interval=None, message=None)
    wire = task_wire(task, R2026_07_28)
    assert wire["ttlMs"] is None
    assert wire.keys() == {"taskId", "status", "createdAt", "lastUpdatedAt", "ttlMs"}


@pytest.mark.parametrize("revision", [R2025_11_25, R2026_07_28])
def test_what_is_written_is_read_back(revision):
    assert read_task(task_wire(NEW, revision), revision) == NEW


def test_details_are_read_where_the_era_has_them():
    completed = msgspec.structs.replace(NEW, status=Status.COMPLETED, result={"content": []})
    assert read_task(task_wire(completed, R2026_07_28), R2026_07_28) == completed
    assert read_task({"taskId": "t", "status": "completed", "result": {}}, R2025_11_25).result is None


def test_a_peer_that_leaves_times_out_can_still_be_polled():
    task = read_task({"taskId": "t", "status": "working", "ttl": "soon", "pollInterval": True}, R2025_11_25)
    assert (task.ttl, task.poll_interval, pause(task)) == (None, None, 1.0)


@pytest.mark.parametrize(
    "value", [None, [], {}, {"taskId": 7, "status": "working"}, {"taskId": "t", "status": "asleep"}, {"taskId": "t"}]
)
def test_what_is_no_task_is_refused(value):
    with pytest.raises(RemoteProtocolError):
        read_task(value, R2025_11_25)


@pytest.mark.parametrize(("interval", "seconds"), [(0, 0.01), (250, 0.25), (10**9, 60.0)])
def test_the_pause_is_as_suggested_within_reason(interval, seconds):
    assert pause(msgspec.structs.replace(NEW, poll_interval=interval)) == seconds


def test_a_wish_for_a_lifetime_is_read():
    assert [read_ttl(wish) for wish in ({}, {"ttl": 5}, {"ttl": 2.5}, {"ttl": None})] == [None, 5, 2, None]
    for wrong in (None, 7, {"ttl": "5"}, {"ttl": -1}, {"ttl": True}, {"ttl": float("inf")}):
        with pytest.raises(RemoteProtocolError) as raised:
            read_ttl(wrong)
        assert raised.value.code == Code.INVALID_PARAMS


def test_metadata_ties_a_message_to_its_task_and_keeps_what_was_there():
    given = {"a": 1, "_meta": {"b": 2}}
    assert related(given, "t") == {"a": 1, "_meta": {"b": 2, RELATED_TASK: {"taskId": "t"}}}
    assert given == {"a": 1, "_meta": {"b": 2}}
    assert related(None, "t") == {"_meta": {RELATED_TASK: {"taskId": "t"}}}


def test_the_extension_is_declared_by_name():
    assert declares_extension({"extensions": {TASKS: {}}})
    for capabilities in (
        {},
        None,
        {"extensions": {}},
        {"extensions": [TASKS]},
        {"tasks": {}},
        {"extensions": {TASKS: 1}},
    ):
        assert not declares_extension(capabilities)
    error = extension_required()
    assert (error.code, error.http_status) == (-32021, 400)
    assert error.data == {"requiredCapabilities": {"extensions": {TASKS: {}}}}
