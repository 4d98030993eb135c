"""The walls of the house: who may import whom, read off the source and never by importing it.

Every import of every module is resolved to the full names that it may bring in: `from ..storage import
sqlite` in `reference_server.service.x` is `reference_server.storage` and `reference_server.storage.sqlite`.
A wall is a function of one module and one such name. Imports by a call with a plain string are seen as
well. Tests are outside the walls, but for the other server, which is nobody's copy.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import Struct

ROOT = Path(__file__).parent.parent
PACKAGES = ("benchmarks", "conformance", "loadgen", "reference_server", "reports")
"""Ours. One that is not there yet has no imports to look at."""
OTHER_SERVER = "tests.other_server"

PURE = {
    "__future__", "base64", "binascii", "collections", "dataclasses", "datetime", "enum", "filetype",
    "functools", "hashlib", "hmac", "itertools", "math", "msgspec", "nacl", "operator", "re", "rfc8785",
    "typing",
}  # fmt: skip
"""What decisions may be made with: no clock, no randomness, no I/O, no framework."""
USERS_OF_LOCUST = {"loadgen.users", "loadgen.locustfile"}
IN_THE_GENERATOR = {
    f"loadgen.{name}"
    for name in (
        "accounting", "acts", "addresses", "alarm", "answers", "causes", "cleaning", "client", "crew",
        "descriptors", "framing", "generator", "hops", "host", "joining", "locustfile", "plan",
        "population", "reading_back", "roles", "samples", "schedule", "sealing", "statuses", "storms",
        "streams", "users", "walks", "wire",
    )
}  # fmt: skip
"""What is loaded into the load generator's processes."""
CRYPTO = "conformance.crypto"
IMPORTERS = {"import_module", "__import__"}


class Import(Struct, frozen=True):
    """One name that a module imports."""

    module: str
    line: int
    name: str
    is_relative: bool


def within(name: str, *places: str) -> bool:
    """Whether a dotted name is one of these places or inside of one."""
    return any(name == place or name.startswith(f"{place}.") for place in places)


def top(name: str) -> str:
    """The package that a name belongs to."""
    return name.partition(".")[0]


# The walls. Each answers whether an import goes through it.


def core_decides_and_does_nothing_else(use: Import) -> bool:
    """`core` imports nothing of ours, and nothing that reads a clock, a disk or a socket."""
    if not within(use.module, "reference_server.core"):
        return False
    return not within(use.name, "reference_server.core") and top(use.name) not in PURE


def suite_and_server_share_no_code(use: Import) -> bool:
    """Shared code would share its bugs; both sides answer to `specs/`."""
    others = {
        "reference_server": ("benchmarks", "conformance", "loadgen", "reports"),
        "benchmarks": ("reference_server",),
        "conformance": ("reference_server",),
        "loadgen": ("reference_server",),
    }
    return within(use.name, *others.get(top(use.module), ()))


def reports_read_results_alone(use: Import) -> bool:
    """They never run anything, so they need nothing that does."""
    ours = [package for package in PACKAGES if package != "reports"]
    return top(use.module) == "reports" and within(use.name, *ours)


def locust_stays_in_its_two_files(use: Import) -> bool:
    """It patches the standard library when it is imported."""
    return within(use.name, "locust", "gevent") and use.module not in USERS_OF_LOCUST


def gevent_never_meets_trio(use: Import) -> bool:
    """A load generator's process imports nothing but what is made for it, and the client's encryption.

    That knows neither of them: it is about messages and keys alone.
    """
    if within(use.module, CRYPTO):
        ours = within(use.name, *PACKAGES) and not within(use.name, CRYPTO)
        return ours or within(use.name, "trio", "gevent", "locust")
    if use.module not in IN_THE_GENERATOR:
        return False
    ours = within(use.name, *PACKAGES) and not within(use.name, *IN_THE_GENERATOR, CRYPTO)
    return (ours and use.name != "loadgen") or within(use.name, "trio", "rich", "click")


def packages_are_relative_inside(use: Import) -> bool:
    """So a package can be moved, and an import shows whether it leaves the house."""
    return top(use.name) == top(use.module) and not use.is_relative


def nothing_below_calls_up(use: Import) -> bool:
    """Transport ─> service ─> core, storage, hub; `app` and `cli` put it together."""
    server = "reference_server"
    above = {
        f"{server}.storage": ("service", "transport", "hub", "app", "cli"),
        f"{server}.hub": ("service", "transport", "storage", "app", "cli"),
        f"{server}.events": ("service", "transport", "storage", "hub", "app", "cli"),
        f"{server}.service": ("transport", "app", "cli"),
        f"{server}.transport": ("app", "cli"),
    }
    return any(
        within(use.module, lower) and within(use.name, *(f"{server}.{upper}" for upper in uppers))
        for lower, uppers in above.items()
    )


def one_store_is_like_another(use: Import) -> bool:
    """Only `app` chooses a store; everybody else knows `storage.base` and the writer."""
    implementations = ("sqlite3", "reference_server.storage.sqlite")
    insiders = ("reference_server.storage", "reference_server.app", "reference_server.faults")
    return (
        within(use.module, "reference_server")
        and not within(use.module, *insiders)
        and (within(use.name, *implementations) or "sqlite" in use.name)
    )


def the_other_server_is_on_its_own(use: Import) -> bool:
    """What it shared with ours, or with the suite, it could not show to be ours alone."""
    if not within(use.module, OTHER_SERVER):
        return False
    frameworks = ("quart", "quart_trio", "hypercorn", "trio", "websockets")
    return within(use.name, *PACKAGES, *frameworks) or (
        top(use.name) == "tests" and not within(use.name, OTHER_SERVER)
    )


def web_frameworks_stay_at_the_wire(use: Import) -> bool:
    """Nothing but the transports and their composition knows HTTP or WebSocket servers.

    Faults do: they reach in anywhere, the transports included.
    """
    frameworks = ("quart", "quart_trio", "hypercorn", "werkzeug")
    wire = ("reference_server.transport", "reference_server.app", "reference_server.faults")
    return within(use.name, *frameworks) and not within(use.module, *wire)


def the_healthy_server_knows_no_faults(use: Import) -> bool:
    """They reach in from outside; only the command line asks for them, when it is told to."""
    knowing = ("reference_server.faults", "reference_server.cli")
    return within(use.name, "reference_server.faults") and not within(use.module, *knowing)


WALLS: tuple[Callable[[Import], bool], ...] = (
    core_decides_and_does_nothing_else,
    suite_and_server_share_no_code,
    reports_read_results_alone,
    locust_stays_in_its_two_files,
    gevent_never_meets_trio,
    packages_are_relative_inside,
    nothing_below_calls_up,
    one_store_is_like_another,
    web_frameworks_stay_at_the_wire,
    the_other_server_is_on_its_own,
    the_healthy_server_knows_no_faults,
)


# Reading imports.


def imports(module: str, source: str, *, is_package: bool = False) -> Iterator[Import]:
    """All imports of a module's source, wherever in it they stand."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, node.lineno, alias.name, is_relative=False)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                parts = module.split(".")
                parents = parts[: len(parts) - node.level + is_package]
                origin = ".".join([*parents, *filter(None, [node.module])])
            for name in (origin, *(f"{origin}.{alias.name}" for alias in node.names)):
                yield Import(module, node.lineno, name, is_relative=node.level > 0)
        elif isinstance(node, ast.Call) and node.args:
            argument = node.args[0]
            if _called(node.func) in IMPORTERS and isinstance(argument, ast.Constant):
                yield Import(module, node.lineno, str(argument.value), is_relative=False)


def _called(function: ast.expr) -> str | None:
    """The last name of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """The modules of a package with their files."""
    for file in sorted((ROOT / package.replace(".", "/")).rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def imports_of_all() -> list[Import]:
    """Every import in the house."""
    return [
        use
        for package in (*PACKAGES, OTHER_SERVER)
        for module, file in modules(package)
        for use in imports(module, file.read_text("utf-8"), is_package=file.stem == "__init__")
    ]


@pytest.fixture(scope="module")
def everything() -> list[Import]:
    """Every import in the house, read once."""
    return imports_of_all()


@pytest.mark.parametrize("wall", WALLS, ids=lambda wall: wall.__name__)
def test_a_wall_stands(wall: Callable[[Import], bool], everything: list[Import]) -> None:
    """No import goes through it."""
    through = [f"{use.module}:{use.line} imports {use.name}" for use in everything if wall(use)]
    assert through == [], wall.__doc__


def test_the_whole_house_was_looked_at(everything: list[Import]) -> None:
    """Imports were found in every package that there is."""
    present = {package for package in PACKAGES if (ROOT / package).is_dir()}
    assert {top(use.module) for use in everything} == {*present, "tests"}
    assert present == set(PACKAGES)
    looked_at = {use.module for use in everything}
    assert looked_at >= {"conformance.cli", "reference_server.core.log", "reports.model"}
    assert looked_at >= {f"{OTHER_SERVER}.web", f"{OTHER_SERVER}.rooms"}


# The walls can be broken: each example goes through exactly these.

BREACHES = [
    ("reference_server.core.log", "import time", [core_decides_and_does_nothing_else]),
    (
        "reference_server.core.log",
        "def f():\n    import random",
        [core_decides_and_does_nothing_else],
    ),
    ("reference_server.core.log", "import logging.handlers", [core_decides_and_does_nothing_else]),
    (
        "reference_server.core.log",
        "from ..events import Post",
        [core_decides_and_does_nothing_else],
    ),
    ("reference_server.core.log", "from .. import events", [core_decides_and_does_nothing_else]),
    ("reference_server.core.log", "from pathlib import Path", [core_decides_and_does_nothing_else]),
    ("reference_server.core.log", "import trio", [core_decides_and_does_nothing_else]),
    ("reference_server.core.log", "from .model import Role\nimport re", []),
    ("reference_server.core.log", "from . import errors", []),
    (
        "reference_server.core.log",
        "from reference_server.core import errors",
        [packages_are_relative_inside],
    ),
    ("conformance.run", "import reference_server.cli", [suite_and_server_share_no_code]),
    ("conformance.run", "from reference_server import app", [suite_and_server_share_no_code]),
    (
        "conformance.run",
        'import importlib\nimportlib.import_module("reference_server.cli")',
        [suite_and_server_share_no_code],
    ),
    ("conformance.run", '__import__("reference_server")', [suite_and_server_share_no_code]),
    ("conformance.run", "from reports.model import Results", []),
    ("conformance.run", "import reference_server_of_others", []),
    (
        "conformance.run",
        "if True:\n    from conformance import engine",
        [packages_are_relative_inside],
    ),
    ("loadgen.cli", "import reference_server", [suite_and_server_share_no_code]),
    ("benchmarks.serving", "from reference_server import app", [suite_and_server_share_no_code]),
    ("reference_server.app", "import conformance.engine", [suite_and_server_share_no_code]),
    ("reference_server.app", "from reports import model", [suite_and_server_share_no_code]),
    (
        "reports.junit",
        "from conformance.language.scenario import Scenario",
        [reports_read_results_alone],
    ),
    ("reports.junit", "from reference_server import core", [reports_read_results_alone]),
    ("reports.junit", "from .model import Results", []),
    ("loadgen.client", "from locust import User", [locust_stays_in_its_two_files]),
    ("conformance.run", "import gevent", [locust_stays_in_its_two_files]),
    ("loadgen.users", "from locust import User", []),
    ("loadgen.users", "import trio", [gevent_never_meets_trio]),
    ("loadgen.crew", "from .live import LiveView", [gevent_never_meets_trio]),
    ("loadgen.wire", "from conformance.problems import BadInput", [gevent_never_meets_trio]),
    ("loadgen.crew", "from .accounting import Accounting", []),
    ("loadgen.driving", "import trio", []),
    ("reference_server.storage.writer", "from ..hub import Hub", [nothing_below_calls_up]),
    ("reference_server.storage.base", "from ..service import kernel", [nothing_below_calls_up]),
    ("reference_server.hub", "from .transport import session", [nothing_below_calls_up]),
    ("reference_server.service.kernel", "from .. import transport", [nothing_below_calls_up]),
    ("reference_server.service.kernel", "from ..storage.base import Store", []),
    (
        "reference_server.service.kernel",
        "from ..storage import sqlite",
        [one_store_is_like_another],
    ),
    ("reference_server.service.kernel", "import sqlite3", [one_store_is_like_another]),
    ("reference_server.transport.http", "import sqlite3", [one_store_is_like_another]),
    ("reference_server.app", "from .storage.sqlite import SqliteStore", []),
    ("reference_server.service.kernel", "from quart import g", [web_frameworks_stay_at_the_wire]),
    ("conformance.run", "import quart", [web_frameworks_stay_at_the_wire]),
    ("reference_server.transport.http", "import quart", []),
    ("tests.other_server.web", "import reference_server", [the_other_server_is_on_its_own]),
    ("tests.other_server.web", "from conformance import values", [the_other_server_is_on_its_own]),
    ("tests.other_server.web", "import websockets", [the_other_server_is_on_its_own]),
    ("tests.other_server.web", "from aiohttp import web\nfrom .rooms import Room", []),
    (
        "reference_server.app",
        "from .faults import FAULTS",
        [the_healthy_server_knows_no_faults],
    ),
    ("reference_server.cli", "def serve():\n    from . import faults", []),
    ("reference_server.faults.seams", "from ..storage.sqlite import SqliteStore", []),
]


@pytest.mark.parametrize(
    ("module", "source", "walls"),
    BREACHES,
    ids=[f"{module}: {source!r}" for module, source, _ in BREACHES],
)
def test_a_breach_is_seen(module: str, source: str, walls: list[Callable[[Import], bool]]) -> None:
    """By the wall that it goes through, and by no other."""
    seen = [wall for wall in WALLS if any(wall(use) for use in imports(module, source))]
    assert seen == walls


def test_a_package_imports_from_itself_with_one_dot() -> None:
    """In an `__init__`, one dot is the package; in a module, it is the package around it."""
    (origin, name) = imports("reference_server.service", "from .kernel import K", is_package=True)
    assert (origin.name, name.name) == (
        "reference_server.service.kernel",
        "reference_server.service.kernel.K",
    )
    (origin, _) = imports("reference_server.service.x", "from .kernel import K")
    assert origin.name == "reference_server.service.kernel"
