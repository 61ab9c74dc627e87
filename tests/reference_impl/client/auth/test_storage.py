"""Where credentials are kept."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from reference_impl.client.auth.credentials import ClientIdentity
from reference_impl.client.auth.storage import FileStore, MemoryStore, load
from reference_impl.client.errors import AuthorizationFailed


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path / "inner" / "credentials.json")


def test_what_was_written_last_is_read(store):
    assert store.read("a") is None
    store.write("a", {"b": 1})
    store.write("c", None)
    store.write("a", {"b": 2})
    assert store.read("a") == {"b": 2}
    store.write("a", None)
    assert store.read("a") is None


def test_a_value_of_another_time_counts_as_none(store):
    store.write("client", {"client_id": "x", "issuer": "https://a.example"})
    assert load(store, "client", ClientIdentity) == ClientIdentity("x", "https://a.example")
    store.write("client", {"id": "x"})
    assert load(store, "client", ClientIdentity) is None


def test_a_file_is_its_owners_alone_even_where_it_was_not(tmp_path):
    path = tmp_path / "credentials.json"
    path.write_text("{}")
    path.chmod(0o644)
    FileStore(path).write("a", 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["credentials.json"]


def test_a_file_outlives_its_store(tmp_path):
    FileStore(tmp_path / "credentials.json").write("a", 1)
    assert FileStore(tmp_path / "credentials.json").read("a") == 1


def test_a_file_that_holds_something_else_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hush")
    for use in (lambda: FileStore(path).read("a"), lambda: FileStore(path).write("a", 1)):
        with pytest.raises(AuthorizationFailed, match="no file of credentials") as failure:
            use()
        assert "hush" not in str(failure.value)
    assert path.read_text() == "hush"


def test_a_file_that_cannot_be_read_or_written_is_told_so(tmp_path):
    with pytest.raises(AuthorizationFailed, match="cannot be read"):
        FileStore(tmp_path).read("a")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(AuthorizationFailed, match="cannot be"):
        FileStore(blocked / "inner").write("a", 1)


def test_programs_that_write_at_the_same_moment_lose_nothing(tmp_path):
    def write(program):
        store = FileStore(tmp_path / "credentials.json")
        for number in range(20):
            store.write(f"{program}-{number}", number)

    with ThreadPoolExecutor(4) as programs:
        list(programs.map(write, range(4)))
    found = FileStore(tmp_path / "credentials.json")
    assert all(found.read(f"{program}-{number}") == number for program in range(4) for number in range(20))
