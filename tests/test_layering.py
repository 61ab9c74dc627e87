"""Imports point one way, every module stands by itself, and revisions are data in one place."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from reference_impl.protocol.revisions import REVISIONS

ROOT = Path(__file__).resolve().parents[1]
OURS = ("conformance", "door", "fixtures", "loadtest", "reference_impl", "reports", "touchstone")

ALLOWED: dict[str, tuple[str, ...]] = {
    "reference_impl.protocol": (),
    "reference_impl.transports": ("reference_impl.protocol",),
    "reference_impl.metrics": (),
    "reference_impl.schemas": ("reference_impl.schema_bounds",),
    "reference_impl.schema_bounds": (),
    "reference_impl.security": ("reference_impl.protocol",),
    "reference_impl.server": (
        "reference_impl.protocol",
        "reference_impl.transports",
        "reference_impl.security",
        "reference_impl.metrics",
        "reference_impl.schemas",
    ),
    "reference_impl.client": (
        "reference_impl.protocol",
        "reference_impl.transports",
        "reference_impl.security",
        "reference_impl.metrics",
        "reference_impl.schemas",
    ),
    "reference_impl.host": ("reference_impl",),
    "reference_impl.servers": ("reference_impl",),
    "reference_impl": ("reference_impl.protocol",),
    "reports": (),
    "conformance": ("reference_impl.protocol", "reference_impl.transports", "reports"),
    "loadtest": (
        "conformance",
        "reference_impl.protocol",
        "reference_impl.transports",
        "reference_impl.metrics",
        "reports",
    ),
    "loadtest.benchmarks": ("loadtest", "reference_impl.protocol", "reports"),
    "loadtest.benchmarks.clients": ("reference_impl",),
    "loadtest.benchmarks.servers": ("loadtest.null_server", "reference_impl"),
    "fixtures": ("conformance", "reference_impl"),
    "fixtures.seeded": ("conformance", "fixtures", "reports"),
    "fixtures.seeded_load": ("fixtures", "reference_impl", "reports"),
    "fixtures.selffuzz": ("conformance", "fixtures", "loadtest", "reference_impl"),
    "fixtures.corpus": ("fixtures", "reference_impl", "reports"),
    "door": OURS,
    "touchstone": ("door",),
}
"""Package to what of ours it may import beside itself; the longest name that fits counts."""

ELSEWHERE = ROOT / "fixtures/corpus/minis"
"""Servers that run in environments of their own, each with another SDK."""
LOCUST = {"loadtest/users.py", "loadtest/shapes.py", "loadtest/locustfile.py"}
ITS_PROCESS = {"loadtest/measure.py", "loadtest/master.py", "loadtest/worker.py"}
"""What the process of Locust runs; nobody else imports it."""

DATES = re.compile("|".join(revision.name for revision in REVISIONS))
DATED: dict[str, str] = {
    "reference_impl/protocol/revisions.py": "the revisions themselves",
    "reference_impl/protocol/methods.py": "the windows of methods",
    "reference_impl/protocol/errors.py": "the windows of error codes",
    "reference_impl/server/content.py": "the windows of kinds of content",
    "reference_impl/server/definitions.py": "the windows of fields of definitions",
    "reference_impl/server/context.py": "what a text for people says",
    "conformance/schema/compile.py": "the order of the schema data, which leans on no table of the reference",
    "loadtest/null_server.py": "a server that answers with bytes made beforehand",
}
"""Files whose code, not its comments and docstrings, may spell a date, and why."""


def _modules() -> dict[str, Path]:
    files = [ROOT / "touchstone.py"]
    for package in OURS:
        files += sorted(file for file in (ROOT / package).rglob("*.py") if file.parent != ELSEWHERE)
    return {_name(file): file for file in files}


def _name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = _modules()


def _imported(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _package_of(name: str) -> str:
    return max((package for package in ALLOWED if _within(name, package)), key=len)


def test_imports_point_one_way() -> None:
    wrong = []
    for name, file in MODULES.items():
        own = _package_of(name)
        for target, line in _imported(file):
            ours = target.partition(".")[0] in OURS
            if ours and not _within(target, own) and not any(_within(target, package) for package in ALLOWED[own]):
                wrong.append(f"{file.relative_to(ROOT)}:{line}: {own} imports {target}")
    assert wrong == []


def test_locust_lives_in_its_own_modules_alone() -> None:
    wrong = {
        str(file.relative_to(ROOT))
        for file in MODULES.values()
        for target, _ in _imported(file)
        if target.partition(".")[0] == "locust"
    }
    assert wrong <= LOCUST


def test_dates_of_revisions_are_spelled_where_revisions_are_data_and_nowhere_else() -> None:
    wrong = [
        f"{path}:{node.lineno}: {node.value[:60]!r}"
        for path, file in ((str(file.relative_to(ROOT)), file) for file in MODULES.values())
        if not path.startswith("fixtures/") and path not in DATED
        for node in _texts(ast.parse(file.read_text("utf-8")))
        if DATES.search(node.value)
    ]
    assert wrong == []


def _texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """The string constants of a module that are no docstrings."""
    docs = {
        id(statement.value)
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node


def test_every_exception_to_the_rule_of_dates_is_needed() -> None:
    for path in DATED:
        assert any(DATES.search(node.value) for node in _texts(ast.parse((ROOT / path).read_text("utf-8")))), path


def _edges() -> dict[str, set[str]]:
    """Module to the modules that its import needs to have been imported before; what is put off does not count."""
    return {name: {_module(target) for target in _at_once(file)} - {name} for name, file in MODULES.items()}


def _at_once(file: Path) -> Iterator[str]:
    """What a module imports while it is imported itself: not in functions, not for the type checker alone."""
    pending: list[ast.AST] = list(ast.parse(file.read_text("utf-8")).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in OURS)
        elif isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] in OURS:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
        elif isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            pending += ast.iter_child_nodes(node)


def _module(target: str) -> str:
    return target if target in MODULES else target.rpartition(".")[0]


def test_no_module_leans_on_one_that_leans_on_it() -> None:
    TopologicalSorter(_edges()).prepare()  # raises for a circle, and names it


def test_every_module_can_be_imported() -> None:
    users = {file.removesuffix(".py").replace("/", ".") for file in LOCUST | ITS_PROCESS}
    names = [name for name in MODULES if name not in users and not name.endswith("__main__")]
    each = "[importlib.import_module(name) for name in sys.argv[1:]]"
    program = f"import importlib, sys; {each}; print(*{{'locust'}} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program, *names], cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert (done.stdout.split(), done.returncode) == ([], 0), done.stderr


def test_the_door_imports_nothing_heavy_before_it_is_asked() -> None:
    heavy = ("locust", "gevent", "uvicorn", "hypothesis", "jsonschema", "aiohttp", "jinja2", "conformance", "anyio")
    program = f"import touchstone, sys; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == []


def test_every_package_of_ours_has_its_place_in_the_layers() -> None:
    assert {name.partition(".")[0] for name in MODULES} <= {package.partition(".")[0] for package in ALLOWED}
