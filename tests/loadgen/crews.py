"""A crew without a network: its devices note what they would write, and its host answers from a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from loadgen.accounting import Device, Talk
from loadgen.crew import Comeback, Crew, Seat
from loadgen.host import GiveUp, Item, Result
from loadgen.plan import Plan, Population
from loadgen.schedule import Load


class Answers:
    """A host that does everything at once, and answers HTTP from what it was given."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        """By path, without its query."""
        self.posted: list[Any] = []
        self.deleted: list[tuple[str, str]] = []
        """Paths, and whose token it was."""

    def sleep(self, seconds: float) -> None:
        """Time does not pass."""

    def follow(self, moments: Iterator[int]) -> None:
        """Time does not pass."""
        for _ in moments:
            pass

    def look(self, now: int) -> None:
        """No moment waits."""

    def spawn(self, task: Callable[[], None]) -> None:
        """Run it now."""
        task()

    def map(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Run each now."""
        return map(task, items)

    def get(self, path: str, token: str) -> Any:
        """What is in the table, or a refusal."""
        try:
            return self.answers[path.partition("?")[0]]
        except KeyError:
            raise GiveUp("refused", path) from None

    def post(self, path: str, token: str, content: Any) -> Any:
        """The same, and what was posted is kept."""
        self.posted.append(content)
        return self.get(path, token)

    def put(self, path: str, token: str, content: Any) -> Any:
        """The same."""
        return self.post(path, token, content)

    def fetch(self, path: str, token: str) -> bytes:
        """The same, of bytes."""
        content: bytes = self.get(path, token)
        return content

    def delete(self, path: str, token: str) -> None:
        """A refusal, unless it is in the table; what was deleted is kept."""
        self.get(path, token)
        self.deleted.append((path, token))

    def wait_for_start(self) -> None:
        """There is nobody else."""


class Written:
    """A device's connection that notes what is written."""

    def __init__(self, device: Device, seat: Seat) -> None:
        self.device = device
        self.seat = seat
        self.token = device.user_id
        self.live = True
        self.frames: list[Any] = []
        self.carry: Callable[[Any], None] = lambda _: None
        """Told of every frame."""
        self.comeback: Comeback | None = None

    def send(self, frame: bytes) -> None:
        """Note it."""
        self.frames.append(msgspec.json.decode(frame))
        self.carry(self.frames[-1])

    def cut(self, comeback: Comeback) -> None:
        """Be away."""
        self.live = False
        self.comeback = comeback

    def close(self) -> None:
        """Be away for good."""
        self.live = False


def pair(load: Load, **people: Any) -> tuple[Crew, Written, Written]:
    """Two people in one conversation, both connected."""
    plan = Plan(
        url="http://localhost",
        run="run",
        seed=1,
        population=Population(users=2, **people),
        load=load,
        drain=1,
        setup=1,
    )
    crew = Crew(plan, (0,), Answers())
    crew.meetings[0].talk = talk = Talk("c", head=0, users=2)
    alice, bob = (
        Written(Device(f"u{seat.user}", talk), seat)
        for seat in sorted(crew.seats, key=lambda seat: seat.user)
    )
    for line in (alice, bob):
        talk.devices.append(line.device)
        crew.joined(line)
    return crew, alice, bob
