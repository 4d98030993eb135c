"""What judging costs: every checker over a history of 100,000 events.

    python -m tests.benchmarks.checkers [EVENTS]

The history is that of 20 pairs and 10 groups of ten, a third of them encrypted, everybody connected and
acknowledging, with a page walk now and then; of what is encrypted, the raw frames are there too.
The aim is under a second of CPU time for each checker.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from conformance.checkers import CHECKERS
from conformance.history import (
    CANARY,
    Accepted,
    Acknowledging,
    ConversationSeen,
    Drained,
    Entry,
    History,
    LoggedIn,
    Opened,
    PageRead,
    Planted,
    Received,
    ReplayDone,
    Sending,
    StatusTold,
    WalkDone,
    Watermarks,
    Wire,
)

_PAIRS, _GROUPS, _GROUP_SIZE = 20, 10, 10


def busy_history(events: int) -> History:
    """At least so many events of a correct server at work."""
    history = History(clock=lambda: 0.0)
    rooms = [[f"p{n}a", f"p{n}b"] for n in range(_PAIRS)]
    rooms += [[f"g{n}-{m}" for m in range(_GROUP_SIZE)] for n in range(_GROUPS)]
    conns = {user: conn for conn, user in enumerate((u for room in rooms for u in room), start=1)}
    for user, conn in conns.items():
        history.add(LoggedIn(user_id=user, device_id="d"))
        history.add(Opened(conn=conn, user_id=user, device_id="d", lane=user, asked=len(history)))
        history.add(ReplayDone(conn=conn, count=0))
    talks = [
        _talk(history, f"room-{n}", room, conns, _sealed if n % 3 == 0 else _text)
        for n, room in enumerate(rooms)
    ]
    while len(history) < events:
        for talk in talks:
            next(talk)
    since = len(history)
    for conn in conns.values():
        history.add(Drained(conn=conn, since=since))
    return history


def _text(room: str, turn: int, _others: list[str]) -> dict[str, Any]:
    return {"kind": "text", "text": f"turn {turn} in {room}"}


def _sealed(room: str, turn: int, others: list[str]) -> dict[str, Any]:
    """A body with a ciphertext of 400 characters for each of the others."""
    ciphertexts = {
        user: {"d": {"type": 1, "body": f"{room}/{turn}/{user}".replace("-", "/").ljust(400, "x")}}
        for user in others
    }
    return {
        "kind": "encrypted",
        "algorithm": "olm.v1",
        "sender_key": "K" * 43,
        "ciphertexts": ciphertexts,
    }


def _shown_to(user: str, entry: Entry) -> Entry:
    """The entry with the ciphertext for one user alone."""
    if not isinstance(entry.body, dict) or "ciphertexts" not in entry.body:
        return entry
    own = {name: each for name, each in entry.body["ciphertexts"].items() if name == user}
    return replace(entry, body={**entry.body, "ciphertexts": own})


def _talk(
    history: History,
    room: str,
    users: list[str],
    conns: dict[str, int],
    body_of: Callable[[str, int, list[str]], dict[str, Any]],
) -> Iterator[None]:
    """One conversation: each turn is one message, delivered to and acknowledged by all others."""
    log: list[Entry] = []
    direct = len(users) == 2

    def append(sender: str, device: str | None, key: str | None, body: object) -> Entry:
        seq = len(log) + 1
        entry = Entry(
            conversation_id=room,
            seq=seq,
            message_id=f"{room}.{seq}",
            sender_id=sender,
            sender_device_id=device,
            client_message_id=key,
            created_at=f"2026-11-22T{seq // 3600 % 24:02}:{seq // 60 % 60:02}:{seq % 60:02}.000Z",
            body=body,
        )
        log.append(entry)
        return entry

    if not direct:
        entry = append(
            users[0], None, None, {"kind": "system", "event": "created", "user_ids": users}
        )
        for user in users:
            history.add(Received(conn=conns[user], entry=entry))
    marks = {
        user: Watermarks(role="member", joined_seq=1, delivered_seq=0, read_seq=0) for user in users
    }
    history.add(
        ConversationSeen(
            user_id=users[0],
            conn=None,
            conversation_id=room,
            kind="direct" if direct else "group",
            head_seq=len(log),
            members=marks,
            asked=len(history),
            encrypted=body_of is _sealed,
        )
    )
    for turn in range(1_000_000):
        sender = users[turn % len(users)]
        op, conn = history.next_op(), conns[sender]
        body = body_of(room, turn, [user for user in users if user != sender])
        if body_of is _sealed:
            secret = f"{CANARY}{room.replace('-', 'n')}t{turn:08}"
            history.add(Planted(secret=secret, what="a plaintext"))
        history.add(
            Sending(
                op=op,
                conn=conn,
                user_id=sender,
                device_id="d",
                conversation_id=room,
                client_message_id=f"{room}-{turn}",
                body=body,
            )
        )
        entry = append(sender, "d", f"{room}-{turn}", body)
        history.add(
            Accepted(
                op=op,
                conversation_id=room,
                message_id=entry.message_id,
                seq=entry.seq,
                created_at=entry.created_at,
                duplicate=False,
            )
        )
        for user in users:
            if user == sender:
                continue
            shown = _shown_to(user, entry)
            if body_of is _sealed:
                frame = {"type": "message", "message": msgspec.to_builtins(shown)}
                history.add(
                    Wire(lane=user, direction="in", kind="frame", label="frame", content=frame)
                )
            history.add(Received(conn=conns[user], entry=shown))
            history.add(
                Acknowledging(
                    conn=conns[user],
                    user_id=user,
                    device_id="d",
                    conversation_id=room,
                    status="delivered",
                    up_to_seq=entry.seq,
                )
            )
            history.add(
                StatusTold(
                    conn=conn,
                    conversation_id=room,
                    user_id=user,
                    status="delivered",
                    up_to_seq=entry.seq,
                )
            )
        if turn % 100 == 99:
            _walk(history, room, users[0], log)
        yield


def _walk(history: History, room: str, user: str, log: list[Entry]) -> None:
    walk, first = history.next_op(), len(history)
    for low in range(0, len(log), 50):
        history.add(
            PageRead(
                user_id=user,
                device_id="d",
                conversation_id=room,
                direction="after",
                start=low == 0,
                limit=50,
                entries=tuple(_shown_to(user, each) for each in log[low : low + 50]),
                has_older=low > 0,
                has_newer=low + 50 < len(log),
                walk=walk,
                asked=len(history),
            )
        )
    history.add(
        WalkDone(
            walk=walk,
            user_id=user,
            device_id="d",
            conversation_id=room,
            direction="after",
            whole=True,
            asked=first,
        )
    )


def measure(events: int) -> dict[str, float]:
    """Seconds of CPU time of each checker; all must find nothing."""
    history = busy_history(events)
    seconds = {}
    for name, check in CHECKERS.items():
        start = time.process_time()
        found = list(check(history))
        seconds[name] = time.process_time() - start
        if found:
            raise AssertionError(f"{name} accuses a correct server: {found[0]}")
    return seconds


def main(arguments: list[str]) -> None:
    """Print a line for each checker."""
    events = int(arguments[0]) if arguments else 100_000
    for name, seconds in measure(events).items():
        print(f"{name:<10} {seconds:6.3f} s of CPU for {events:,} events")


if __name__ == "__main__":
    main(sys.argv[1:])
