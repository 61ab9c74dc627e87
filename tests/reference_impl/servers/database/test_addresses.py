"""Addresses are understood or refused in one line, and passwords are in none of them."""

import sqlite3

import pytest

from reference_impl.server.errors import SetupError
from reference_impl.servers.database.addresses import PostgresAddress, SqliteAddress, address_of


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a b#c?d%41.db"
    sqlite3.connect(path).close()
    return path


def test_nothing_names_the_sample():
    assert address_of(None) == address_of("sqlite://") == SqliteAddress(None)


def test_a_path_and_its_url_name_the_same_file(file, monkeypatch):
    quoted = str(file).replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    assert address_of(str(file)) == address_of(f"sqlite:///{quoted}") == SqliteAddress(file)
    monkeypatch.chdir(file.parent)
    assert address_of(file.name) == SqliteAddress(file)


def test_a_variable_holds_an_address(file, monkeypatch):
    monkeypatch.setenv("DB", str(file))
    assert address_of("env:DB") == SqliteAddress(file)
    monkeypatch.delenv("DB")
    with pytest.raises(SetupError, match="DB is not set"):
        address_of("env:DB")


def test_the_password_is_neither_shown_nor_in_the_repr():
    address = address_of("postgresql://ada:s3cret@db.example:6543/shop?sslmode=require")
    assert isinstance(address, PostgresAddress)
    assert address.shown == "db.example:6543/shop"
    assert "s3cret" not in repr(address)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://ada:s3cret@x/y", "postgresql://"),
        ("postgresql://ada:s3cret@x:port/y", "percent-encode"),
        ("postgresql://ada:s3[cret@x/y", "percent-encode"),
        ("sqlite://file.db", "three slashes"),
        ("sqlite:///file.db?mode=rwc", "no options"),
        ("nowhere.db", "no such file"),
        ("", "empty"),
        ("a\0b", "NUL"),
    ],
)
def test_what_is_no_address_is_refused_without_its_password(url, words):
    with pytest.raises(SetupError, match=words) as refused:
        address_of(url)
    assert "s3" not in str(refused.value)


def test_a_folder_and_a_file_of_another_kind_are_refused(tmp_path):
    with pytest.raises(SetupError, match="is a directory"):
        address_of(str(tmp_path))
    other = tmp_path / "notes.txt"
    other.write_text("Not a database, but long enough")
    with pytest.raises(SetupError, match="no SQLite database"):
        address_of(str(other))
    assert other.read_text() == "Not a database, but long enough"
