"""The table of tasks: its bounds, its owners, its clockless expiry."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.protocol.task_table import ANYBODY, TaskRecord, TaskTable
from reference_impl.protocol.tasks import Status, Task


def record(name, owner="a", expires=10.0):
    return TaskRecord(Task(name, Status.WORKING, "", ""), owner, expires)


def test_tasks_are_listed_by_owner_in_order_of_creation():
    table = TaskTable(10, 10)
    for name, owner in (("1", "a"), ("2", "b"), ("3", "a")):
        assert table.add(record(name, owner))
    assert [found.task.id for found in table.of("a")] == ["1", "3"]
    assert table.of("nobody") == []


def test_no_owner_gets_more_than_his_share_and_all_no_more_than_there_is():
    table = TaskTable(4, 2)
    assert [table.add(record(name)) for name in "123"] == [True, True, False]
    assert [table.add(record(name, "b")) for name in "456"] == [True, True, False]
    table.remove("1")
    assert [table.add(record(name, "c")) for name in "78"] == [True, False]


def test_those_who_cannot_be_told_apart_share_what_there_is():
    table = TaskTable(4, 1)
    assert [table.add(record(name, ANYBODY)) for name in "12345"] == [True] * 4 + [False]


def test_tasks_are_forgotten_when_their_time_is_over():
    table = TaskTable(10, 10)
    for name, expires in (("late", 20.0), ("soon", 5.0), ("gone", 6.0)):
        table.add(record(name, expires=expires))
    table.remove("gone")
    assert table.next_expiry == 5.0
    assert [found.task.id for found in table.expire(4.9)] == []
    assert [found.task.id for found in table.expire(10)] == ["soon"]
    assert table.find("soon") is None
    assert [found.task.id for found in table.of("a")] == ["late"]
    assert [found.task.id for found in table.expire(20)] == ["late"]
    assert (len(table), table.next_expiry) == (0, None)


def test_a_newer_state_replaces_the_older_but_brings_nothing_back():
    table = TaskTable(10, 10)
    table.add(record("1"))
    newer = msgspec.structs.replace(record("1"), result=b"{}")
    table.put(newer)
    assert table.find("1") == newer
    assert table.remove("1") == newer
    table.put(newer)
    assert table.find("1") is None
    assert table.remove("1") is None


def test_a_table_that_is_filled_and_emptied_for_ever_does_not_grow():
    table = TaskTable(10, 10)
    for number in range(1000):
        table.add(record(str(number), expires=1e9))
        table.remove(str(number))
    assert len(table._expiries) < 100


@settings(max_examples=50, derandomize=True, deadline=None, database=None)
@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "expire"]), st.integers(0, 9), st.integers(0, 20))))
def test_the_owners_lists_hold_what_the_table_holds(steps):
    table = TaskTable(6, 3)
    for step, name, when in steps:
        if step == "add" and table.find(str(name)) is None:
            table.add(record(str(name), str(name % 3), when))
        elif step == "remove":
            table.remove(str(name))
        else:
            table.expire(when)
        held = {name for name in map(str, range(10)) if table.find(name)}
        assert {found.task.id for owner in "012" for found in table.of(owner)} == held
        assert len(table) == len(held) <= 6
        assert all(len(table.of(owner)) <= 3 for owner in "012")


@pytest.mark.parametrize("owner", ["a", ANYBODY])
def test_an_owner_without_tasks_leaves_nothing_behind(owner):
    table = TaskTable(10, 10)
    table.add(record("1", owner))
    table.expire(100)
    assert table._owned == {}
