"""A server that carries secrets knows none, changes none, and shows each to whom it is for.

    ENC-1   the ciphertext that is shown is the one that was sent, character for character
    ENC-2   nothing that can be read stands in an encrypted conversation
    ENC-3   a one-time key is handed out once
    ENC-5   of a message of ``olm.v1`` a device is shown its own ciphertext alone
    ENC-9   no planted secret is in anything that the server wrote, whoever it was for

The last one reads raw events, hidden ones too: every answer and frame as a text. What a message says is
compared with the sends that can have stored it; an edited entry shows the body of one of its edits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ..history import (
    Accepted,
    ConversationSeen,
    Entry,
    Event,
    HandedOut,
    History,
    Opened,
    PageRead,
    Planted,
    Received,
    Refused,
    RemovingDevice,
    Sending,
    Shown,
    Wire,
)
from .base import Violation
from .findings import Findings
from .needles import Needles

Address = tuple[str, str]
"""A device: its user's id and its own."""

_READABLE = ("text", "media")
_CARRIED = {
    "olm.v1": ("sender_key",),
    "megolm.v1": ("sender_key", "session_id", "ciphertext"),
}
"""Members of an encrypted body, by algorithm, that are the same for everybody."""


def check(history: History) -> list[Violation]:
    """Judge what the server did with secrets."""
    findings = Findings()
    _Carried(history, findings).judge()
    _judge_claims(history, findings)
    _judge_words(history, findings)
    return findings.violations()


# ── ENC-9 ─────────────────────────────────────────────────────────────────────────────────────


def _judge_words(history: History, findings: Findings) -> None:
    needles = Needles(event for event in history if isinstance(event, Planted))
    written = [event for event in history if isinstance(event, Wire) and event.direction == "in"]
    encode = msgspec.json.Encoder().encode
    texts = [encode(event.content) for event in written]
    ends: list[int] = []
    end = 0
    for text in texts:
        end += len(text) + 1
        ends.append(end)
    # One search of everything is much faster than one of each: usually there is nothing to find.
    for find in needles.found(b"\n".join(texts)):
        event = written[bisect_right(ends, find.place)]
        findings.add(
            "ENC-9",
            f"The server wrote to {event.lane} ({event.label}) what it can have no business with: "
            f"{find.secret.what}, {find.encoding}.",
            find.secret,
            event,
            scope=find.secret.secret,
        )


# ── ENC-3 ─────────────────────────────────────────────────────────────────────────────────────


def _judge_claims(history: History, findings: Findings) -> None:
    handed: dict[str, HandedOut] = {}
    for event in history:
        if not isinstance(event, HandedOut) or event.fallback:
            continue
        first = handed.setdefault(event.key, event)
        if first is not event:
            findings.add(
                "ENC-3",
                f"The one-time key {event.key_id} of {event.user_id}/{event.device_id} was handed out "
                f"to {first.asker} and once more to {event.asker}.",
                first,
                event,
                scope=(event.user_id, event.device_id),
            )


# ── ENC-1, ENC-2, ENC-5 ───────────────────────────────────────────────────────────────────────


class _Carried:
    """What was sent, and what became of it before anybody's eyes."""

    def __init__(self, history: History, findings: Findings) -> None:
        self._findings = findings
        self._sends: dict[tuple[str, str, str], list[Sending]] = {}
        """By sender, conversation and idempotency key; refused ones are not among them."""
        self._edits: dict[str, list[Sending]] = {}
        """By the message that they edit."""
        self._encrypted: set[str] = set()
        self._removed: set[Address] = set()
        self._lines: dict[int, Address] = {}
        self._names: dict[Address, str] = {}
        self._showings: list[tuple[Address, Entry, Event]] = []
        refused = {event.op for event in history if isinstance(event, Refused)}
        self._accepted = {event.op: event for event in history if isinstance(event, Accepted)}
        handlers: dict[type[Event], Callable[[Any], None]] = {
            Sending: lambda e: self._sending(e) if e.op not in refused else None,
            ConversationSeen: self._seen,
            RemovingDevice: lambda e: self._removed.add((e.user_id, e.device_id)),
            Opened: self._opened,
            Received: self._received,
            PageRead: self._page,
            Shown: lambda e: self._showings.append(((e.user_id, e.device_id), e.entry, e)),
        }
        for event in history:
            if handler := handlers.get(type(event)):
                handler(event)

    def _sending(self, event: Sending) -> None:
        key = (event.user_id, event.conversation_id, event.client_message_id)
        self._sends.setdefault(key, []).append(event)
        relation = event.relates_to
        if isinstance(relation, dict) and relation.get("relation") == "edit":
            self._edits.setdefault(str(relation.get("message_id")), []).append(event)

    def _seen(self, event: ConversationSeen) -> None:
        if event.encrypted:
            self._encrypted.add(event.conversation_id)

    def _opened(self, event: Opened) -> None:
        self._lines[event.conn] = (event.user_id, event.device_id)
        self._names[event.user_id, event.device_id] = event.lane

    def _received(self, event: Received) -> None:
        if event.conn in self._lines:
            self._showings.append((self._lines[event.conn], event.entry, event))

    def _page(self, event: PageRead) -> None:
        reader = (event.user_id, event.device_id)
        self._showings += [(reader, entry, event) for entry in event.entries]

    # ── judging ───────────────────────────────────────────────────────────────────────────────

    def judge(self) -> None:
        """Look at every plaintext that was taken, and at everything that was shown."""
        self._judge_accepted()
        for reader, entry, event in self._showings:
            body = entry.body
            kind = body.get("kind") if isinstance(body, dict) else None
            if kind in _READABLE and entry.conversation_id in self._encrypted:
                self._add(
                    "ENC-2",
                    entry,
                    event,
                    f"Seq {entry.seq} of an encrypted conversation is shown to {self._name(reader)} "
                    f"with a body of kind {kind}, which anybody can read.",
                )
            elif kind == "encrypted":
                self._judge_ciphertext(reader, entry, event)

    def _judge_accepted(self) -> None:
        for sends in self._sends.values():
            for sending in sends:
                accepted = self._accepted.get(sending.op)
                body = sending.body
                if (
                    accepted is not None
                    and sending.conversation_id in self._encrypted
                    and isinstance(body, dict)
                    and body.get("kind") in _READABLE
                ):
                    self._findings.add(
                        "ENC-2",
                        f"A body of kind {body['kind']} was taken as seq {accepted.seq} of an "
                        "encrypted conversation.",
                        sending,
                        accepted,
                        scope=sending.conversation_id,
                        conversation_id=sending.conversation_id,
                    )

    def _judge_ciphertext(self, reader: Address, entry: Entry, event: Event) -> None:
        sent = list(self._sent(entry))
        if not sent:
            return
        complaints = [list(self._complaints(reader, entry.body, each.body)) for each in sent]
        best = min(complaints, key=len)
        for requirement, message in best:
            told = f"Seq {entry.seq} as it is shown to {self._name(reader)} {message}."
            self._add(requirement, entry, event, told, sent[complaints.index(best)])

    def _sent(self, entry: Entry) -> Iterator[Sending]:
        """The sends whose body an entry may show."""
        if entry.sender_id is None or entry.client_message_id is None:
            return
        key = (entry.sender_id, entry.conversation_id, entry.client_message_id)
        sends = list(self._sends.get(key, ()))
        if entry.edited_at is not None:
            sends += self._edits.get(entry.message_id, ())
        yield from (each for each in sends if isinstance(each.body, dict))

    def _complaints(
        self, reader: Address, shown: dict[str, Any], sent: dict[str, Any]
    ) -> Iterator[tuple[str, str]]:
        algorithm = sent.get("algorithm")
        for member in ("algorithm", *_CARRIED.get(str(algorithm), ())):
            if shown.get(member) != sent.get(member):
                yield "ENC-1", f"has another `{member}` than was sent"
        if (shown.get("asset_ids") or []) != (sent.get("asset_ids") or []):
            yield "ENC-1", "names other `asset_ids` than were sent"
        if algorithm == "olm.v1":
            yield from self._judge_shares(reader, _by_device(shown), _by_device(sent))

    def _judge_shares(
        self, reader: Address, shown: dict[Address, Any], sent: dict[Address, Any]
    ) -> Iterator[tuple[str, str]]:
        """Hold the ciphertexts by device that a reader sees against those that were sent."""
        for address, ciphertext in shown.items():
            if address != reader:
                yield "ENC-5", f"holds the ciphertext for {self._name(address)}"
            elif _same(ciphertext, sent.get(address)):
                continue
            elif any(_same(ciphertext, each) for each in sent.values()):
                yield "ENC-5", "holds another device's ciphertext under its name"
            else:
                yield "ENC-1", "has another ciphertext than was sent for it"
        if reader in sent and not shown and reader not in self._removed:
            yield "ENC-1", "lacks the ciphertext that was sent for it"

    def _add(
        self, requirement: str, entry: Entry, event: Event, message: str, cause: Event | None = None
    ) -> None:
        self._findings.add(
            requirement,
            message,
            cause,
            event,
            scope=entry.conversation_id,
            conversation_id=entry.conversation_id,
        )

    def _name(self, address: Address) -> str:
        return self._names.get(address) or "/".join(address)


def _by_device(body: dict[str, Any]) -> dict[Address, Any]:
    """The ciphertexts of a body of Olm, by device."""
    users = body.get("ciphertexts")
    return {
        (user_id, device_id): ciphertext
        for user_id, devices in (users.items() if isinstance(users, dict) else ())
        for device_id, ciphertext in (devices.items() if isinstance(devices, dict) else ())
    }


def _same(one: Any, other: Any) -> bool:
    """Whether two ciphertexts are the same, whatever members of its own a server added."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    return one.get("type") == other.get("type") and one.get("body") == other.get("body")
