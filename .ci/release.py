"""The release checklist: `python .ci/release.py VERSION` goes through all of it and says what is missing.

    python .ci/release.py 0.2.0             # the whole list; at its end the two commands that are left to type
    python .ci/release.py --packaging       # only what can be asked at any time: that the packages build and install

What it builds is the commit that is checked out; everything happens in a temporary folder. Needs git, and pip that can
reach an index.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SMALL = ROOT / "tests/door/small_server.py"
_EPOCH = "1577836800"
"""The time that all files of an archive are said to be of, so that two builds are the same byte for byte."""
_FOR_DEVELOPERS = {"docs", "test"}
"""Extras for who works on Touchstone, in a checkout."""


class Missing(Exception):  # noqa: N818 - what is missing, not what went wrong
    """An item of the list is not true yet; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Release:
    """What is released: `version` is None where only the packaging is asked about; `work` is a folder to work in."""

    version: str | None
    work: Path


def _run(*words: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT, codes: tuple[int, ...] = (0,)) -> str:
    """Run a command and return its output. Raises `Missing`, with the last of what it said, for another exit code."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in codes:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise Missing(f"{' '.join(map(str, words))} ended with exit code {done.returncode}:\n{said}")
    return done.stdout


def _project() -> dict[str, object]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert isinstance(table, dict)
    return table


def tree_is_clean(_: Release) -> None:
    """The working tree is clean and stands on main."""
    if _run("git", "status", "--porcelain"):
        raise Missing("commit or put away what `git status` shows")
    if (branch := _run("git", "branch", "--show-current").strip()) != "main":
        raise Missing(f"releases are made of main, not of {branch!r}")


def version_is_said_everywhere(release: Release) -> None:
    """The version is that of pyproject.toml, the changelog tells of it, and it has no tag yet."""
    said = _project()["version"]
    if said != release.version:
        raise Missing(f'pyproject.toml says {said}: write version = "{release.version}"')
    day = datetime.now(UTC).date()
    if not re.search(rf"^## {re.escape(release.version)} - \d{{4}}-\d\d-\d\d$", _changelog(), re.MULTILINE):
        raise Missing(f"CHANGELOG.md has no section `## {release.version} - {day}`: rename `## Unreleased`")
    if _run("git", "tag", "--list", f"v{release.version}").strip():
        raise Missing(f"v{release.version} is tagged already: a version is released once")


def _changelog() -> str:
    return (ROOT / "CHANGELOG.md").read_text("utf-8")


def rules_are_written(_: Release) -> None:
    """The set of rules of this month holds exactly what this version judges by."""
    month = f"{datetime.now(UTC):%Y.%m}"
    said = _run(
        sys.executable,
        "-c",
        "import json; from conformance.rulesets import current; print(json.dumps(dict(current())))",
    )
    file = ROOT / "conformance/rules" / f"{month}.json"
    if not file.is_file() or json.loads(file.read_bytes()) != json.loads(said):
        raise Missing(f"type: python -m conformance.rulesets {month}")


def builds_twice_alike(release: Release) -> None:
    """The wheel and the source distribution build, twice to the same bytes, and hold what they should."""
    tool = _environment(release.work / "build", "build")
    commit = _run("git", "rev-parse", "HEAD").strip()
    sums = []
    for place in ("first", "second"):
        out = release.work / place
        copy = release.work / f"{place}-source"
        _run("git", "clone", "--quiet", "--no-local", ROOT, copy)
        _run("git", "checkout", "--quiet", commit, cwd=copy)
        _run(tool / "python", "-m", "build", "--outdir", out, copy, env={"SOURCE_DATE_EPOCH": _EPOCH}, cwd=copy)
        sums.append({file.name: _content(file) for file in sorted(out.iterdir())})
    if sums[0] != sums[1]:
        different = [name for name in sums[0] if sums[0][name] != sums[1].get(name)]
        raise Missing(f"two builds of the same commit differ in {', '.join(different)}")
    names = zipfile.ZipFile(_wheel(release)).namelist()
    if unwanted := [name for name in names if name.startswith(("tests/", "docs/"))]:
        raise Missing(f"the wheel holds {unwanted[0]}, which is for the repository alone")


def _wheel(release: Release) -> Path:
    return next((release.work / "first").glob("*.whl"))


def _content(archive: Path) -> str:
    """Return a digest of an archive: of a wheel its bytes, of a source distribution what it holds, since tar keeps the
    time of the build."""
    if archive.suffix == ".whl":
        return hashlib.sha256(archive.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    with tarfile.open(archive) as held:
        for member in sorted(held.getmembers(), key=lambda each: each.name):
            digest.update(f"{member.name} {member.mode} {member.size}\n".encode())
            if member.isfile() and (file := held.extractfile(member)) is not None:
                digest.update(file.read())
    return digest.hexdigest()


def installs_with_each_extra(release: Release) -> None:
    """The wheel installs into an empty environment, bare and with each extra alone, and does there what it is for."""
    extras = _project()["optional-dependencies"]
    assert isinstance(extras, dict)
    for extra in ("", *sorted(extras.keys() - _FOR_DEVELOPERS)):
        _try(release, str(_wheel(release)), extra)


def installs_from_source(release: Release) -> None:
    """The source distribution installs too."""
    _try(release, str(next((release.work / "first").glob("*.tar.gz"))), "", "from-source")


def installs_as_a_program(release: Release) -> None:
    """The wheel installs as a program apart from others, by pipx and by uv."""
    for tool, words in (
        ("pipx", ("install", "--python", sys.executable)),
        ("uv", ("tool", "install", "--python", sys.executable)),
    ):
        home = release.work / f"by-{tool}"
        bin_ = _environment(release.work / tool, tool)
        places = {"PIPX_HOME": home, "PIPX_BIN_DIR": home / "bin", "UV_TOOL_DIR": home, "UV_TOOL_BIN_DIR": home / "bin"}
        _run(bin_ / tool, *words, _wheel(release), env={name: str(place) for name, place in places.items()})
        _judge(release, home / "bin/touchstone", f"by {tool}")


def _judge(release: Release, program: Path, how: str) -> Path:
    """Judge a small server from another folder, which is returned."""
    here = release.work / "elsewhere"
    here.mkdir(exist_ok=True)
    said = _run(program, "check", "--only", "base.*", "--", sys.executable, SMALL, cwd=here)
    if "PASSED" not in said:
        raise Missing(f"installed {how}, a check of a small server said:\n{said}")
    return here


def _try(release: Release, package: str, extra: str, name: str | None = None) -> None:
    bin_ = _environment(
        release.work / (name or f"with-{extra or 'nothing'}"), f"{package}[{extra}]" if extra else package
    )
    program = bin_ / "touchstone"
    here = _judge(release, program, f"with {extra or 'no extra'}")
    if extra in ("load", "all"):
        words = ("load", "--duration", "0.5", "--users", "1", "--", sys.executable, SMALL)
        # On a busy machine it says that its figures are no result (3). Asked is whether it installs and measures.
        if "tools/call echo" not in (said := _run(program, *words, cwd=here, codes=(0, 3))):
            raise Missing(f"installed with load, it measured nothing:\n{said}")
    if extra in ("servers", "all"):
        _run(program, "serve", "everything", "--help", cwd=here)
    _run(
        bin_ / "python", "-c", f"import touchstone; assert 'site-packages' in touchstone.__file__, {extra!r}", cwd=here
    )


def _environment(folder: Path, package: str) -> Path:
    """Return the programs of a new environment with a package in it."""
    venv.create(folder, with_pip=True)
    _run(folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", package)
    return folder / "bin"


def is_tested(_: Release) -> None:
    """What CI runs passes."""
    _run("bash", ".ci/run")


PACKAGING: tuple[Callable[[Release], None], ...] = (
    builds_twice_alike,
    installs_with_each_extra,
    installs_as_a_program,
    installs_from_source,
)
LIST = (tree_is_clean, version_is_said_everywhere, rules_are_written, *PACKAGING, is_tested)


def go_through(items: tuple[Callable[[Release], None], ...], release: Release) -> Iterator[tuple[str, str | None]]:
    """Yield each item with what is missing (None: nothing), up to the first at which something is."""
    for item in items:
        title = " ".join((item.__doc__ or "").split())
        try:
            item(release)
        except Missing as missing:
            yield title, str(missing)
            return
        yield title, None


def main() -> int:
    """Go through the list; return 1 where something is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version", nargs="?", help="such as 0.2.0")
    parser.add_argument("--packaging", action="store_true", help="only build and install")
    given = parser.parse_args()
    if not given.packaging and not given.version:
        parser.error("say which version, or --packaging")
    with tempfile.TemporaryDirectory() as folder:
        release = Release(given.version, Path(folder))
        for title, missing in go_through(PACKAGING if given.packaging else LIST, release):
            print(f"{'✗' if missing else '✓'} {title}", flush=True)
            if missing:
                print(missing, file=sys.stderr)
                return 1
    if not given.packaging:
        print(f"\nNow:\n  git tag -a v{given.version} -m {given.version}\n  git push origin main v{given.version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
