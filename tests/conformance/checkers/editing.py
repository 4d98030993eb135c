"""Editing histories: the tools of `mutations`.

Positions must not move, because events refer to each other by them: a loss leaves a raw event in its
place, and what is added takes the place of the raw event in front of another.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from conformance.history import Entry, Event, History, PageRead, Received, Wire

E = TypeVar("E", bound=Event)
T = TypeVar("T")
Events = list[Event]


def rebuild(events: Events) -> History:
    """A history of these events."""
    history = History(clock=lambda: 0.0)
    for event in events:
        history.add(event)
    return history


def only(kind: type[E], events: Sequence[Event]) -> list[E]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def lost_event(event: Event) -> Wire:
    """What stands where an event was lost."""
    label = f"lost: {type(event).__name__}"
    return Wire(n=event.n, lane="-", direction="in", kind="frame", label=label)


def changed(events: Events, *edited: Event) -> Events:
    """The events with others in the places that these name."""
    result = list(events)
    for event in edited:
        result[event.n] = event
    return result


def runs(events: Events) -> list[list[Received]]:
    """What each connection received of each conversation, as messages."""
    found: dict[tuple[int, str], list[Received]] = defaultdict(list)
    for event in only(Received, events):
        found[event.conn, event.entry.conversation_id].append(event)
    return list(found.values())


def pick(dice: random.Random, places: Sequence[T]) -> T | None:
    """One of these places, if there is any."""
    return dice.choice(places) if places else None


def shown_otherwise(events: Events, change: Callable[[Entry], Entry]) -> Events:
    """Change entries wherever they are shown."""
    edited: Events = []
    for event in events:
        if isinstance(event, Received):
            event = replace(event, entry=change(event.entry))
        elif isinstance(event, PageRead):
            event = replace(event, entries=tuple(map(change, event.entries)))
        edited.append(event)
    return edited
