"""The audit log: what is found out, what survives, and what is refused."""

import fcntl
import itertools
import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.security.audit import AuditError, AuditLog, AuditOptions, read_audit_key, verify
from reference_impl.security.audit_files import full_files, head_of, read_entries
from reference_impl.security.redaction import Redactor

KEY = b"0123456789abcdef"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.jsonl"


def write(path, count, options=None, first=0):
    clock = itertools.count(1000.0 + first)
    with AuditLog(path, options, clock=lambda: next(clock)) as log:
        for number in range(first, first + count):
            log.append({"operation": "tools/call", "resource": f"r{number}", "granted": True})


@pytest.mark.parametrize("key", [None, KEY])
def test_a_log_goes_on_where_it_ended_and_is_whole(path, key):
    options = AuditOptions(key=key)
    write(path, 3, options)
    write(path, 2, options, first=3)
    found = verify(path, key)
    assert (found.whole, found.entries, found.first, found.last, found.notes) == (True, 5, 1, 5, ())
    assert [entry["resource"] for entry in read_entries(path)] == ["r0", "r1", "r2", "r3", "r4"]
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(head_of(path).stat().st_mode) == 0o600


def test_entries_can_be_had_by_time(path):
    write(path, 5)
    assert [entry["resource"] for entry in read_entries(path, since=1003)] == ["r3", "r4"]
    assert [entry["resource"] for entry in read_entries(path, since=1001, until=1003)] == ["r1", "r2"]
    assert [entry["resource"] for entry in read_entries(path, limit=2)] == ["r3", "r4"]


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


CHANGES = {
    "a changed entry": lambda lines: [lines[0], lines[1].replace(b'"r1"', b'"r9"'), *lines[2:]],
    "a removed entry": lambda lines: [lines[0], *lines[2:]],
    "a removed beginning": lambda lines: lines[1:],
    "a removed end": lambda lines: lines[:-1],
    "everything removed": lambda _: [],
    "swapped entries": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "a repeated entry": lambda lines: [*lines, lines[-1]],
    "a foreign line": lambda lines: [*lines, b'{"granted":true}\n'],
    "an unfinished line": lambda lines: [*lines[:-1], lines[-1][:-1]],
    "more behind an entry": lambda lines: [lines[0][:-2] + b',"granted":true}\n', *lines[1:]],
}


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_tampering_is_found(path, change, key):
    write(path, 5, AuditOptions(key=key))
    path.write_bytes(b"".join(change(lines_of(path))))
    assert not verify(path, key).whole


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.data())
def test_no_byte_can_be_changed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("log") / "audit.jsonl"
    write(path, 3)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))
    path.write_bytes(content)
    assert not verify(path).whole


def test_who_has_no_key_cannot_repair_the_chain(path, tmp_path):
    write(path, 3, AuditOptions(key=KEY))
    forged = tmp_path / "forged.jsonl"
    write(forged, 3)
    forged.rename(path)
    head_of(forged).rename(head_of(path))
    assert not verify(path, KEY).whole
    assert verify(path).whole  # nobody who does not ask for the key can tell


def test_a_missing_note_of_the_end_is_told(path):
    write(path, 2)
    head_of(path).unlink()
    assert "cannot be told" in verify(path).notes[0]
    with pytest.raises(AuditError, match=r"audit.jsonl.head: missing"):
        AuditLog(path)


def test_an_older_state_is_found_by_a_hash_noted_elsewhere(path):
    write(path, 2)
    older = path.read_bytes(), head_of(path).read_bytes()
    write(path, 1, first=2)
    known = verify(path).hash
    assert verify(path, known=known).whole
    path.write_bytes(older[0])
    head_of(path).write_bytes(older[1])
    assert verify(path).whole  # as it was written once
    assert verify(path, known=known).problems == ("the entry with the given hash is not there",)


def test_the_chain_goes_on_over_files(path):
    write(path, 50, AuditOptions(largest=2000))
    files = full_files(path)
    assert len(files) > 5
    assert all(file.stat().st_size <= 2000 for file in files)
    assert (verify(path).whole, verify(path).entries, len(read_entries(path))) == (True, 50, 50)
    files[2].unlink()
    assert "does not follow" in verify(path).problems[0]


def test_a_new_log_goes_on_behind_a_full_file(path):
    write(path, 10, AuditOptions(largest=2000))
    path.rename(path.with_name(f"{path.name}.{len(full_files(path)) + 1}"))  # died before it began the next
    write(path, 1, first=10)
    assert (verify(path).whole, verify(path).last) == (True, 11)


def test_old_files_may_be_taken_away_whole_and_that_is_told(path):
    write(path, 50, AuditOptions(largest=2000, keep=2))
    found = verify(path)
    assert (found.whole, len(full_files(path)), found.last) == (True, 2, 50)
    assert found.notes == (f"entries before {found.first} are in files that are not here",)


def test_several_write_one_chain_and_set_files_aside_for_each_other(path):
    options = AuditOptions(largest=3000)
    with AuditLog(path, options) as one, AuditLog(path, options) as other:
        for number in range(30):
            (one, other, other)[number % 3].append({"number": number})
    assert (verify(path).whole, len(full_files(path)) > 1) == (True, True)
    assert [entry["number"] for entry in read_entries(path)] == list(range(30))


WRITER = """
import sys
from reference_impl.security.audit import AuditLog, AuditOptions
with AuditLog(sys.argv[1], AuditOptions(largest=20_000)) as log:
    for number in range(100):
        log.append({"process": sys.argv[2], "number": number})
"""


def test_processes_write_one_chain(path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, name]) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = verify(path)
    assert (found.whole, found.entries) == (True, 300)
    for name in "abc":
        assert [entry["number"] for entry in read_entries(path) if entry["process"] == name] == list(range(100))


def test_who_does_not_let_go_of_the_log_is_not_waited_for_without_end(path):
    write(path, 1)
    with AuditLog(path, AuditOptions(patience=0)) as log, head_of(path).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(AuditError, match="does not let go"):
            log.append({})
        fcntl.flock(held, fcntl.LOCK_UN)
        log.append({})


def test_what_changes_under_a_writer_is_noticed_by_its_next_entry(path):
    with AuditLog(path) as log:
        log.append({"n": 1})
        log.append({"n": 2})
        path.write_bytes(lines_of(path)[0])
        with pytest.raises(AuditError, match="entries 2 to 2 are gone"):
            log.append({"n": 3})


def test_many_threads_write_one_chain(path):
    with AuditLog(path, AuditOptions(largest=4000)) as log, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: log.append({"number": number}), range(200)))
        assert log.verify().whole
    assert sorted(entry["number"] for entry in read_entries(path)) == list(range(200))


def test_an_entry_that_was_never_finished_is_taken_away_and_told(path):
    write(path, 2)
    with path.open("ab") as file:
        file.write(b'{"sequence":3,"times')
    write(path, 1, first=2)
    assert [entry.get("lost_bytes") for entry in read_entries(path)] == [None, None, 20, None]
    assert verify(path).whole


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.write_bytes(b"".join(lines_of(path)[:-1])), "entries 3 to 3 are gone"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b'"r2"', b'"r9"')), "the last entry was changed"),
        (lambda path: path.write_bytes(b"rubbish\n"), "the last entry was changed"),
        (lambda path: head_of(path).write_bytes(b"{}"), r"audit\.jsonl\.head: .* it was changed"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "entries 3 to 3 are gone"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "entries 3 to 3 are gone"),
    ],
)
def test_a_log_that_was_tampered_with_is_not_gone_on_with_and_left_as_it_is(path, change, said):
    write(path, 3)
    change(path)
    left = path.read_bytes()
    with pytest.raises(AuditError, match=said):
        AuditLog(path)
    assert path.read_bytes() == left


@pytest.mark.parametrize("content", [b"hello", b'{"sequence":7,', b"x" * 200_000, b"hello\n", b"\0"])
def test_a_file_that_is_no_log_is_left_as_it_is(path, content):
    path.write_bytes(content)
    with pytest.raises(AuditError):
        AuditLog(path)
    assert path.read_bytes() == content


def test_a_first_entry_that_was_never_finished_is_taken_away(path):
    for torn in (b"{", b'{"sequence":1,"timestamp":17'):
        path.write_bytes(torn)
        head_of(path).unlink(missing_ok=True)
        write(path, 1)
        assert [entry.get("lost_bytes") for entry in read_entries(path)] == [len(torn), None]
        assert verify(path).whole


def test_a_note_that_is_taken_away_under_a_writer_is_noticed(path):
    with AuditLog(path) as log:
        log.append({"resource": "r"})
        head_of(path).unlink()
        with pytest.raises(AuditError, match="taken away"):
            log.append({"resource": "r"})


def test_a_pipe_in_the_place_of_a_log_is_not_waited_for(path):
    write(path, 1)
    head_of(path).unlink()
    os.mkfifo(head_of(path))
    assert "no regular file" in verify(path).problems[0]
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(AuditError, match="no regular file"):
        verify(path)


def test_another_key_is_refused(path):
    write(path, 1, AuditOptions(key=KEY))
    with pytest.raises(AuditError, match="key is another"):
        AuditLog(path, AuditOptions(key=KEY[::-1]))


def test_neither_links_nor_devices_are_written_to(path, tmp_path):
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuditError, match="symbolic link"):
        AuditLog(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(AuditError, match="no regular file"):
        AuditLog(path)


def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(AuditError, match="cannot be written: no such file or directory"):
        AuditLog(tmp_path / "missing" / "audit.jsonl")


def test_secrets_are_not_written_and_large_entries_bounded(path):
    with AuditLog(path, redactor=Redactor(["s3cret!"])) as log:
        log.append({"resource": "a s3cret! b", "context": {str(n): "x" * 1900 for n in range(90)}})
    (entry,) = read_entries(path)
    assert entry["resource"] == "a [redacted] b"
    assert "too many" in entry["context"]
    with AuditLog(path) as log, pytest.raises(AuditError, match="too large"):
        log.append({str(n): "x" * 1900 for n in range(90)})
    assert verify(path).whole


def test_an_event_cannot_pose_as_the_log(path):
    with AuditLog(path) as log, pytest.raises(ValueError, match="the log's own"):
        log.append({"sequence": 7})


FULL = """
import resource, sys
from reference_impl.security.audit import AuditError, AuditLog
log = AuditLog(sys.argv[1])
log.append({"n": 1})
resource.setrlimit(resource.RLIMIT_FSIZE, (700, resource.RLIM_INFINITY))
try:
    for _ in range(3):
        log.append({"n": "x" * 200})
except AuditError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.append({"n": 3})
"""


def test_no_room_is_told_leaves_nothing_half_written_and_ends_when_there_is_room(path):
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == f"{path}: the audit log cannot be written: file too large"
    assert verify(path).whole
    assert read_entries(path)[-1]["n"] == 3


def test_every_entry_can_be_forced_to_the_disk(path):
    write(path, 3, AuditOptions(sync="always"))
    assert verify(path).whole


def test_a_closed_log_says_so(path):
    log = AuditLog(path)
    log.close()
    log.close()
    with pytest.raises(AuditError, match="is closed"):
        log.append({})


def test_keys_are_private_and_long_enough(tmp_path):
    file = tmp_path / "key"
    file.write_bytes(KEY + b"\n")
    file.chmod(0o644)
    with pytest.raises(AuditError, match="others may read the key"):
        read_audit_key(file)
    file.chmod(0o600)
    assert read_audit_key(file) == KEY
    file.write_bytes(b"short")
    with pytest.raises(AuditError, match="at least 16 bytes"):
        read_audit_key(file)
    with pytest.raises(AuditError, match="at least 16 bytes"):
        AuditOptions(key=b"short")
    assert KEY.decode() not in repr(AuditOptions(key=KEY))


def test_entries_are_lines_of_json_that_anybody_can_read(path):
    write(path, 1)
    entry = json.loads(path.read_text("utf-8"))
    assert list(entry) == ["sequence", "timestamp", "previous", "operation", "resource", "granted", "hash"]
