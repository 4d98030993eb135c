"""What a user does when its moment comes: one function for each act of the mix.

What waits for an HTTP answer runs beside the scheduler, so that nobody's moment is late for it. A file
that is shared goes up first; its message leaves when the server has it, and from then on is a message like
all others, with the moment of the upload's answer as its planned one. Its recipients download the file and
compare it with what went up, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

import msgspec
from msgspec import Struct

from .answers import Page, Stored, understood
from .crew import Crew, File, Line
from .host import GiveUp, clock
from .schedule import Act
from .walks import Walk

ASSETS: Final = "/v1.0/assets"


class Due(Struct, frozen=True):
    """An arrival whose moment has come. Times in microseconds."""

    line: Line
    number: int
    planned: int
    now: int
    measured: bool


class Acts:
    """The acts of one process's users."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._walks: dict[int, Walk] = {}
        """By user."""
        plan = crew.plan
        size = plan.population.asset_bytes if plan.load.mix.media else 0
        self._filler = Random(f"{plan.seed}/files").randbytes(size)  # noqa: S311  # not secret
        crew.saw_file = self._saw_file
        self._of: Final[dict[Act, Callable[[Due], None]]] = {
            "text": self._text,
            "media": self._beside(self._share),
            "history": self._beside(self._browse),
        }

    def let(self, act: Act, due: Due) -> None:
        """Let a user do something now."""
        self._crew.accounting.due(due.planned, due.now, due.measured)
        self._of[act](due)

    def _beside(self, act: Callable[[Due], None]) -> Callable[[Due], None]:
        return lambda due: self._crew.host.spawn(partial(act, due))

    def _text(self, due: Due) -> None:
        self._crew.say(due.line, due.number, due.planned, due.now, due.measured)

    def _share(self, due: Due) -> None:
        crew, books = self._crew, self._crew.accounting
        books.asks()
        try:
            answer = crew.host.post(ASSETS, due.line.token, self._content(due.number))
            asset = understood(answer, Stored, f"POST {ASSETS}").asset_id
        except GiveUp as refusal:
            books.refused(refusal.cause)
            return
        now = clock()
        books.answered("media_upload", due.planned, due.now, now, due.measured)
        crew.files[asset] = File(due.number, due.measured)
        body = msgspec.json.encode({"kind": "media", "asset_id": asset})
        crew.bodies[due.number] = body.decode()
        crew.say(due.line, due.number, now, now, due.measured)

    def _saw_file(self, line: Line, asset: str, since: int) -> None:
        """A message with a file came to a device."""
        file = self._crew.files.get(asset)
        if file is None:
            self._crew.accounting.counts.asset_mismatch += 1
        else:
            self._crew.accounting.asks()
            self._crew.host.spawn(partial(self._download, line, asset, file, since))

    def _download(self, line: Line, asset: str, file: File, since: int) -> None:
        books, asked = self._crew.accounting, clock()
        try:
            content = self._crew.host.fetch(f"{ASSETS}/{asset}", line.token)
        except GiveUp as refusal:
            books.refused(refusal.cause)
            return
        books.answered("media_download", since, asked, clock(), file.measured)
        books.counts.asset_mismatch += content != self._content(file.number)

    def _content(self, number: int) -> bytes:
        """A file: no two are alike, so that no server can store them as one, or compress them."""
        name = f"{self._crew.plan.run}-{number} ".encode()
        return (name + self._filler)[: max(len(self._filler), len(name))]

    def _browse(self, due: Due) -> None:
        """Read the next page of the user's walk."""
        books, line = self._crew.accounting, due.line
        conversation = line.device.talk.conversation_id
        walk = self._walks.setdefault(line.seat.user, Walk(conversation))
        step = walk.step
        books.asks()
        try:
            answer = self._crew.host.get(step.path, line.token)
            page = understood(answer, Page, "GET of a history")
        except GiveUp as refusal:
            books.refused(refusal.cause)
            return
        books.answered("history_page", due.planned, due.now, clock(), due.measured)
        books.counts.verified += 1
        books.counts.history_mismatch += walk.take(step, page)
