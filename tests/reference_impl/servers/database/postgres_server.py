"""A PostgreSQL server of the tests' own: its data in a temporary folder, a socket there, no network."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PASSWORD = "s3cret-pass"
_SETTINGS = """
listen_addresses = ''
fsync = off
full_page_writes = off
max_connections = 20
shared_buffers = 16MB
autovacuum = off
"""
_ADMISSION = "local all guarded scram-sha-256\nlocal all all trust\n"
_WORLD = f"""
CREATE ROLE reader LOGIN;
CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}';
CREATE TYPE pair AS (a int, b text);
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE customers (
    id serial PRIMARY KEY, name text NOT NULL, "delete" boolean NOT NULL DEFAULT false, mood mood,
    created_at timestamptz NOT NULL DEFAULT '2026-01-01T00:00:00Z', updated date);
COMMENT ON TABLE customers IS 'Who buys';
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers (id), total numeric(10, 2));
INSERT INTO customers (name, mood) VALUES ('Ada', 'glad'), ('Grace', NULL), ('Alan', 'sad');
INSERT INTO orders VALUES (1, 1, 10.50), (2, 1, 99.99), (3, 3, 0.10);
CREATE SCHEMA hidden;
CREATE TABLE hidden.secrets (word text);
INSERT INTO hidden.secrets VALUES ('sesame');
CREATE FUNCTION write_it() RETURNS int LANGUAGE sql AS 'DELETE FROM orders RETURNING 1';
CREATE EXTENSION IF NOT EXISTS dblink;
GRANT SELECT ON customers, orders TO reader, guarded;
CHECKPOINT; -- or a sequence would jump ahead when the server is stopped at once
"""


def programs() -> Path | None:
    """Return the folder with initdb and postgres, or None where they are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    return None if elsewhere is None else Path(elsewhere).resolve().parent


def _user() -> dict[str, Any]:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class PostgresServer:
    """One server; `url` leads to it as its superuser or somebody else."""

    def __init__(self, bin_folder: Path, folder: Path, more: str = "") -> None:
        self._bin = bin_folder
        self.folder = folder
        self._user = _user()
        if self._user:
            os.chown(folder, self._user["user"], self._user["group"])
        data = str(folder / "data")
        self._run("initdb", "-D", data, "-U", "owner", "-E", "UTF8", "--locale=C", "--no-sync", "--auth=trust")
        with (folder / "data/postgresql.conf").open("a") as file:
            file.write(f"{_SETTINGS}unix_socket_directories = '{folder}'\n{more}")
        (folder / "data/pg_hba.conf").write_text(_ADMISSION)

    def own(self, name: str, content: bytes) -> None:
        """Write a file beside the data that only the server may read, as it demands of its private key."""
        path = self.folder / "data" / name
        path.write_bytes(content)
        path.chmod(0o600)
        if self._user:
            os.chown(path, self._user["user"], self._user["group"])

    def _run(self, program: str, *arguments: str, text: str | None = None) -> str:
        done = subprocess.run(
            [self._bin / program, *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
            **self._user,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        log = self.folder / "log"
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-l", str(log), "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "-w", "stop")

    def sql(self, text: str) -> str:
        """Run statements as the superuser; return what they print."""
        arguments = ("-h", str(self.folder), "-U", "owner", "-d", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1")
        return self._run("psql", *arguments, text=text).strip()

    def state(self) -> str:
        """Return everything that an attack might change."""
        return self.sql(
            "SELECT * FROM customers ORDER BY id; SELECT * FROM orders ORDER BY id; SELECT * FROM hidden.secrets;"
            "SELECT last_value, is_called FROM customers_id_seq; SELECT count(*) FROM pg_largeobject_metadata;"
            "SELECT oid::regclass FROM pg_class WHERE oid >= 16384 ORDER BY 1;"
            "SELECT rolname, rolsuper FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1;"
            "SELECT setconfig FROM pg_db_role_setting; SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';"
            "SELECT count(*) FROM pg_proc WHERE oid >= 16384"
        )

    def url(self, user: str = "owner", password: str | None = None) -> str:
        secret = "" if password is None else f":{password}"
        return f"postgresql://{user}{secret}@/postgres?host={self.folder}"


@contextmanager
def folder_of_its_own() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # not below pytest's own, which only its user may enter
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running() -> Iterator[PostgresServer]:
    bin_folder = programs()
    assert bin_folder is not None
    with folder_of_its_own() as folder:
        server = PostgresServer(bin_folder, folder)
        server.start()
        try:
            server.sql(_WORLD)
            yield server
        finally:
            server.stop()
