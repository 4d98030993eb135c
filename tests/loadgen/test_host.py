"""What the generator runs on, in a process of its own: gevent must not meet this one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from loadgen.host import TRIES, GiveUp, patiently
from tests.e2e.processes import PATIENCE_S, ROOT

SCRIPT = """
import gevent
from gevent.event import Event
from loadgen.host import clock
from loadgen.locustfile import GeventHost

host, asked, done = GeventHost(None, Event()), [], Event()

def busy():
    patience = clock() + 20_000_000
    while len(asked) < 20 and clock() < patience:
        host.look(clock())
    print(len(asked), "while others waited")
    done.set()

def moments():
    gevent.spawn(busy)
    for number in range(1, 21):
        yield clock() + 1_000
        asked.append(number)

def broken():
    yield clock()
    raise ValueError("from the schedule")

host.follow(moments())
done.wait()
try:
    host.follow(broken())
except ValueError as error:
    print("raised", error)
host.follow(iter([clock() + 1]))
host.look(clock())
print("over")
"""


def test_moments_are_asked_for_in_the_middle_of_work_that_lets_nobody_else_run() -> None:
    """Each comes in its turn; what is raised comes out where it is followed, and it may be again."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "20 while others waited",
        "raised from the schedule",
        "over",
    ], done.stderr


def test_a_refusal_that_passes_is_waited_for_and_another_one_is_not() -> None:
    """Too many at once, or a server in trouble: the same call again, until it is enough."""
    slept: list[float] = []

    def answering(*causes: str) -> Callable[[], str]:
        refusals = iter(causes)

        def call() -> str:
            for cause in refusals:
                raise GiveUp("refused", "no", cause)
            return "yes"

        return call

    assert patiently(answering("429 rate_limited", "503 unavailable"), slept.append) == "yes"
    assert len(slept) == 2
    with pytest.raises(GiveUp, match="no"):
        patiently(answering("404 unknown_user"), slept.append)
    assert len(slept) == 2
    with pytest.raises(GiveUp, match="no"):
        patiently(answering(*["503 unavailable"] * 1000), slept.append)
    assert len(slept) == 2 + TRIES - 1
