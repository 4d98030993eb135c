"""Kinds of connections, each with a bounded number of places.

A connection has a place in exactly one crowd from when it is accepted until its socket is closed, so
all of them together never need more descriptors than there are (`descriptors`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial

from ..core.errors import Unavailable
from ..logs import Seldom
from .eager import EagerStream

log = logging.getLogger(__name__)


class Crowd:
    """Connections of a kind."""

    def __init__(self, kind: str, places: int) -> None:
        self._kind = kind
        self._places = places
        self._connections: dict[EagerStream, None] = {}  # in the order of their coming
        self._warning = Seldom()

    def has_room(self) -> bool:
        """Whether there is a place for one more; that there is none is told to the operator."""
        room = len(self._connections) < self._places
        if not room and self._warning.is_due():
            log.warning("all %d places for %s connections are taken", self._places, self._kind)
        return room

    def cut_oldest(self) -> None:
        """Close the connection that has been here longest."""
        oldest = next(iter(self._connections))
        self.remove(oldest)
        oldest.cut()

    def cut_all(self) -> None:
        """Close every connection, whatever it is in the middle of."""
        for connection in self._connections:
            connection.cut()

    def add(self, connection: EagerStream) -> None:
        """Give it a place."""
        self._connections[connection] = None

    def remove(self, connection: EagerStream) -> None:
        """It has no place here any more; it need not have had one."""
        self._connections.pop(connection, None)


class Place:
    """Where a connection counts."""

    def __init__(self, connection: EagerStream) -> None:
        self._connection = connection
        self._crowd: Crowd | None = None

    def among(self, crowd: Crowd) -> None:
        """Move to another crowd; if that is full, its oldest has to go."""
        if not crowd.has_room():
            crowd.cut_oldest()
        self._move(crowd)

    def among_if_room(self, crowd: Crowd) -> bool:
        """Move to another crowd if that is not full; whether it was not."""
        room = crowd.has_room()
        if room:
            self._move(crowd)
        return room

    def _move(self, crowd: Crowd) -> None:
        self.give_up()
        crowd.add(self._connection)
        self._crowd = crowd

    def give_up(self) -> None:
        """Leave."""
        if self._crowd is not None:
            self._crowd.remove(self._connection)
            self._crowd = None


_join_chat: ContextVar[Callable[[], bool]] = ContextVar("join_chat", default=lambda: True)


def offer_chat(place: Place, crowd: Crowd) -> None:
    """What this task serves may move to the realtime channels' `crowd`, should it become one of them."""
    _join_chat.set(partial(place.among_if_room, crowd))


def join_chat() -> None:
    """Move there the connection that this task serves. Raises `Unavailable` if there is no room."""
    if not _join_chat.get()():
        raise Unavailable("All realtime connections are taken.")
