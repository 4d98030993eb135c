"""What the generator needs of the machinery that it runs on: greenlets, the clock's patience, HTTP.

Locust's and gevent's part of it is in `users` and `locustfile`; everything else is written against this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import monotonic_ns
from typing import Any, Final, Literal, Protocol, TypeVar

TroubleKind = Literal["unreachable", "refused", "internal"]
PASSING: Final = ("429 ", "503 ")
"""How the causes of refusals begin that pass."""
TRIES: Final = 30
AGAIN_AFTER: Final = 1.0
"""Seconds until another try."""
Item = TypeVar("Item")
Result = TypeVar("Result")


class GiveUp(Exception):
    """Something cannot go on, a call or the whole run; the text says why, the cause in a word or two."""

    def __init__(self, kind: TroubleKind, text: str, cause: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        self.cause = cause or kind

    @property
    def is_passing(self) -> bool:
        """Whether the same call may succeed later: too many at once, or a server in trouble."""
        return self.cause.startswith(PASSING)


class Host(Protocol):
    """The machinery. What speaks HTTP raises `GiveUp` if no good answer comes."""

    def sleep(self, seconds: float) -> None:
        """Let others run for so long."""

    def follow(self, moments: Iterator[int]) -> None:
        """Ask for each moment (microseconds) when the one before has come; return behind the last.

        As precisely as the system can. The iterator must not wait.
        """

    def look(self, now: int) -> None:
        """Ask for it already if it has come: for who has much to do, and must not let it wait."""

    def spawn(self, task: Callable[[], None]) -> None:
        """Run something beside everything else."""

    def map(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterable[Result]:
        """Run something for each, a few at a time; the results as they come."""

    def get(self, path: str, token: str) -> Any:
        """The JSON of an HTTP answer."""

    def post(self, path: str, token: str, content: Any) -> Any:
        """The JSON of the answer to content that was posted: a file as bytes, or what becomes JSON."""

    def put(self, path: str, token: str, content: Any) -> Any:
        """The same for PUT."""

    def fetch(self, path: str, token: str) -> bytes:
        """The content of an HTTP answer as it came."""

    def delete(self, path: str, token: str) -> None:
        """Have something deleted."""

    def wait_for_start(self) -> None:
        """Wait until the other processes are there, too."""


def patiently(call: Callable[[], Result], sleep: Callable[[float], None]) -> Result:
    """What is no part of the load may wait for a server that asks for it. Raises the call's last `GiveUp`."""
    for _ in range(TRIES - 1):
        try:
            return call()
        except GiveUp as refusal:
            if not refusal.is_passing:
                raise
        sleep(AGAIN_AFTER)
    return call()


def clock() -> int:
    """Microseconds of the one clock that everything in a process is measured with."""
    return monotonic_ns() // 1000
