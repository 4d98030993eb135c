"""The `secrecy` checker: silent about a server that only carries, right about one that looks or meddles."""

from __future__ import annotations

import base64
import copy
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from conformance.checkers import secrecy
from conformance.checkers.needles import Needles
from conformance.history import (
    Accepted,
    ConversationSeen,
    Entry,
    HandedOut,
    History,
    Opened,
    PageRead,
    Planted,
    Received,
    RemovingDevice,
    Sending,
    Shown,
    Wire,
)

from .editing import Events, changed, only, pick, rebuild, shown_otherwise

CHAT = "c1"
DEVICES = [("alice", "phone"), ("alice", "tablet"), ("bob", "phone"), ("bob", "laptop")]
SENDERS = DEVICES[:3]
AT = "2026-11-22T10:00:00.000Z"
KEY = "AgAAAADq+/session/key+of/alice"


def olm(number: int, sender: tuple[str, str]) -> dict[str, Any]:
    """A body with a ciphertext for each device but the sending one."""
    ciphertexts: dict[str, dict[str, Any]] = {}
    for user, device in DEVICES:
        if (user, device) != sender:
            sealed = {"type": number % 2, "body": f"{number}/{user}/{device}"}
            ciphertexts.setdefault(user, {})[device] = sealed
    return {
        "kind": "encrypted",
        "algorithm": "olm.v1",
        "sender_key": "K",
        "ciphertexts": ciphertexts,
    }


def megolm(number: int) -> dict[str, Any]:
    """A body with one ciphertext for all."""
    return {
        "kind": "encrypted",
        "algorithm": "megolm.v1",
        "sender_key": "K",
        "session_id": "S",
        "ciphertext": f"{number}/all",
        "asset_ids": ["a1"] if number % 3 == 0 else [],
    }


def seen_by(body: dict[str, Any], reader: tuple[str, str]) -> dict[str, Any]:
    """A body as one device is shown it; empty members may be left out."""
    shown = {name: value for name, value in copy.deepcopy(body).items() if value != []}
    if body["algorithm"] == "olm.v1":
        user, device = reader
        own = body["ciphertexts"].get(user, {}).get(device)
        shown["ciphertexts"] = {user: {device: {**own, "novelty": 1}}} if own else {}
    return shown


class Carrier:
    """A server that carries, and the history of its run."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a story, no secret
        self.history = History(clock=lambda: 0.0)
        self.log: list[Entry] = []
        self.conns = {device: conn for conn, device in enumerate(DEVICES, start=1)}
        for (user, device), conn in self.conns.items():
            self.history.add(
                Opened(conn=conn, user_id=user, device_id=device, lane=f"{user}.{device}")
            )
        seen = ConversationSeen(
            user_id="alice", conn=None, conversation_id=CHAT, kind="direct", head_seq=0, members=None,
            asked=0, encrypted=True,
        )  # fmt: skip
        self.history.add(seen)
        self.history.add(Planted(secret=KEY, what="a session key of alice.phone"))

    def message(self, number: int) -> None:
        """Something is encrypted, sent and shown to everybody."""
        sender = self.dice.choice(SENDERS)
        body = olm(number, sender) if self.dice.random() < 0.6 else megolm(number)
        self.history.add(Planted(secret=f"canary{number:04}xyz", what="a plaintext"))
        op, key = self.history.next_op(), f"k{number}"
        self.history.add(
            Sending(
                op=op,
                conn=self.conns[sender],
                user_id=sender[0],
                device_id=sender[1],
                conversation_id=CHAT,
                client_message_id=key,
                body=body,
            )
        )
        seq = len(self.log) + 1
        entry = Entry(
            conversation_id=CHAT, seq=seq, message_id=f"m{seq}", sender_id=sender[0],
            sender_device_id=sender[1], client_message_id=key, created_at=AT, body=body,
        )  # fmt: skip
        self.log.append(entry)
        if self.dice.random() < 0.9:
            self.history.add(
                Accepted(
                    op=op,
                    conversation_id=CHAT,
                    message_id=entry.message_id,
                    seq=seq,
                    created_at=AT,
                    duplicate=False,
                )
            )
        for device, conn in self.conns.items():
            if device == sender:
                continue
            shown = replace(entry, body=seen_by(body, device))
            frame = {"type": "message", "message": shown.body}
            raw = self.wrote(f"{device[0]}.{device[1]}", frame)
            self.history.add(Received(conn=conn, entry=shown, raw=raw))

    def wrote(self, lane: str, content: Any) -> int:
        """The server writes something."""
        return self.history.add(
            Wire(lane=lane, direction="in", kind="frame", label="frame", content=content)
        )

    def read(self) -> None:
        """Somebody reads a page and a message."""
        user, device = self.dice.choice(DEVICES)
        entries = tuple(replace(e, body=seen_by(e.body, (user, device))) for e in self.log)
        self.history.add(
            PageRead(
                user_id=user,
                device_id=device,
                conversation_id=CHAT,
                direction=None,
                start=True,
                limit=50,
                entries=entries,
                has_older=False,
                has_newer=False,
                walk=None,
                asked=0,
            )
        )
        if entries:
            shown = self.dice.choice(entries)
            self.history.add(Shown(user_id=user, device_id=device, entry=shown))

    def claim(self, number: int) -> None:
        """A key is handed out: a fresh one, or the fallback key once more."""
        spent = self.dice.random() < 0.3
        self.history.add(
            HandedOut(
                asker="alice.phone",
                user_id="bob",
                device_id="phone",
                key_id="fallback" if spent else f"id{number}",
                key="fallback" if spent else f"key{number}",
                fallback=spent,
            )
        )


def carried(seed: int, actions: int = 30) -> History:
    """The history of a correct server."""
    carrier = Carrier(seed)
    for number in range(actions):
        carrier.dice.choice([carrier.message, carrier.message, carrier.claim])(number)
        if carrier.dice.random() < 0.2:
            carrier.read()
    carrier.read()
    return carrier.history


@given(seed=st.integers(0, 2**32), actions=st.integers(0, 40))
@settings(max_examples=80)
def test_a_server_that_only_carries_is_never_accused(seed: int, actions: int) -> None:
    """Whatever is sent, shown, claimed and left out because it is empty."""
    assert secrecy.check(carried(seed, actions)) == []


# ── what a broken one does ────────────────────────────────────────────────────────────────────

Mutate = Callable[[Events, random.Random], Events | None]
MUTATIONS: dict[str, tuple[str, Mutate]] = {}


def breaks(requirement: str) -> Callable[[Mutate], Mutate]:
    """Enter a mutation into the table."""

    def enter(mutate: Mutate) -> Mutate:
        MUTATIONS[mutate.__name__.removeprefix("_").replace("_", " ")] = (requirement, mutate)
        return mutate

    return enter


def _showing(
    events: Events,
    dice: random.Random,
    wanted: Callable[[Entry], bool],
    change: Callable[[Any], Any],
) -> Events | None:
    """Change the body of one entry that somebody is shown."""
    place = pick(dice, [e for e in only(Received, events) if wanted(e.entry)])
    if place is None:
        return None
    body = change(copy.deepcopy(place.entry.body))
    return changed(events, replace(place, entry=replace(place.entry, body=body)))


def _with_share(entry: Entry) -> bool:
    return bool(entry.body.get("ciphertexts"))


@breaks("ENC-1")
def _an_own_ciphertext_changed(events: Events, dice: random.Random) -> Events | None:
    def change(body: Any) -> Any:
        ((user, devices),) = body["ciphertexts"].items()
        ((device, sealed),) = devices.items()
        return {**body, "ciphertexts": {user: {device: {**sealed, "body": sealed["body"] + "="}}}}

    return _showing(events, dice, _with_share, change)


@breaks("ENC-1")
def _the_type_of_a_ciphertext_changed(events: Events, dice: random.Random) -> Events | None:
    def change(body: Any) -> Any:
        ((user, devices),) = body["ciphertexts"].items()
        ((device, sealed),) = devices.items()
        changed_one = {**sealed, "type": 1 - sealed["type"]}
        return {**body, "ciphertexts": {user: {device: changed_one}}}

    return _showing(events, dice, _with_share, change)


@breaks("ENC-1")
def _an_own_ciphertext_withheld(events: Events, dice: random.Random) -> Events | None:
    return _showing(events, dice, _with_share, lambda body: {**body, "ciphertexts": {}})


@breaks("ENC-1")
def _a_ciphertext_for_all_changed(events: Events, dice: random.Random) -> Events | None:
    return _showing(
        events,
        dice,
        lambda entry: "ciphertext" in entry.body,
        lambda body: {**body, "ciphertext": body["ciphertext"].upper()},
    )


@breaks("ENC-1")
def _a_session_exchanged(events: Events, dice: random.Random) -> Events | None:
    return _showing(
        events,
        dice,
        lambda entry: "session_id" in entry.body,
        lambda body: {**body, "session_id": "T"},
    )


@breaks("ENC-1")
def _a_sender_exchanged(events: Events, dice: random.Random) -> Events | None:
    return _showing(events, dice, lambda _: True, lambda body: {**body, "sender_key": "L"})


@breaks("ENC-1")
def _assets_forgotten(events: Events, dice: random.Random) -> Events | None:
    return _showing(
        events,
        dice,
        lambda entry: bool(entry.body.get("asset_ids")),
        lambda body: {**body, "asset_ids": []},
    )


@breaks("ENC-5")
def _another_devices_ciphertext_beside_ones_own(
    events: Events, dice: random.Random
) -> Events | None:
    def change(body: Any) -> Any:
        body["ciphertexts"].setdefault("carol", {})["watch"] = {"type": 0, "body": "x"}
        return body

    return _showing(events, dice, _with_share, change)


@breaks("ENC-5")
def _the_whole_map_in_a_page(events: Events, dice: random.Random) -> Events | None:
    bodies = {e.client_message_id: e.body for e in only(Sending, events)}
    page = pick(dice, [e for e in only(PageRead, events) if any(map(_with_share, e.entries))])
    if page is None:
        return None
    whole = [replace(each, body=bodies[each.client_message_id or ""]) for each in page.entries]
    return changed(events, replace(page, entries=tuple(whole)))


@breaks("ENC-5")
def _another_devices_ciphertext_under_ones_own_name(
    events: Events, dice: random.Random
) -> Events | None:
    bodies = {e.client_message_id: e.body for e in only(Sending, events)}
    received = [e for e in only(Received, events) if _with_share(e.entry)]
    place = pick(dice, received)
    if place is None:
        return None
    ((user, devices),) = place.entry.body["ciphertexts"].items()
    (device,) = devices
    sent = bodies[place.entry.client_message_id or ""]["ciphertexts"]
    others = [s for u, ds in sent.items() for d, s in ds.items() if (u, d) != (user, device)]
    body = {**place.entry.body, "ciphertexts": {user: {device: dice.choice(others)}}}
    return changed(events, replace(place, entry=replace(place.entry, body=body)))


@breaks("ENC-2")
def _plaintext_shown(events: Events, dice: random.Random) -> Events | None:
    return _showing(events, dice, lambda _: True, lambda _: {"kind": "text", "text": "hello"})


@breaks("ENC-2")
def _plaintext_taken(events: Events, dice: random.Random) -> Events | None:
    taken = {e.op for e in only(Accepted, events)}
    place = pick(dice, [e for e in only(Sending, events) if e.op in taken])
    if place is None:
        return None
    plain = {"kind": "media", "asset_id": "a1"}

    def unshown(entry: Entry) -> Entry:
        own = entry.client_message_id == place.client_message_id
        return replace(entry, body={"kind": "deleted"}) if own else entry

    return shown_otherwise(
        [
            replace(e, entry=unshown(e.entry)) if isinstance(e, Shown) else e
            for e in changed(events, replace(place, body=plain))
        ],
        unshown,
    )


@breaks("ENC-3")
def _a_key_handed_out_again(events: Events, dice: random.Random) -> Events | None:
    keys = [e for e in only(HandedOut, events) if not e.fallback]
    if len(keys) < 2:
        return None
    one, other = dice.sample(keys, 2)
    return changed(events, replace(other, key=one.key, key_id=one.key_id, asker="eve.phone"))


def _said(events: Events, dice: random.Random, say: Callable[[str], Any]) -> Events | None:
    place = pick(dice, only(Wire, events))
    secret = pick(dice, only(Planted, events))
    if place is None or secret is None:
        return None
    return changed(events, replace(place, content={"detail": say(secret.secret)}))


@breaks("ENC-9")
def _a_secret_repeated(events: Events, dice: random.Random) -> Events | None:
    return _said(events, dice, lambda secret: f"cannot read {secret}, sorry")


@breaks("ENC-9")
def _a_secret_repeated_in_base64(events: Events, dice: random.Random) -> Events | None:
    before = "x" * dice.randrange(5)
    return _said(events, dice, lambda s: base64.b64encode(f"{before}{s}yz".encode()).decode())


@breaks("ENC-9")
def _a_secret_repeated_in_hexadecimal(events: Events, dice: random.Random) -> Events | None:
    return _said(events, dice, lambda secret: [{secret.encode().hex(): secret.encode().hex()}])


@breaks("ENC-9")
def _a_secret_told_to_a_hidden_user(events: Events, dice: random.Random) -> Events | None:
    told = _said(events, dice, lambda secret: secret)
    return told and [replace(e, hidden=True) if isinstance(e, Wire) else e for e in told]


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_server_is_accused_of_what_it_broke(name: str) -> None:
    """And of nothing else."""
    requirement, mutate = MUTATIONS[name]
    broken = 0
    for seed in range(20):
        events = mutate(list(carried(seed)), random.Random(seed))  # noqa: S311 - a choice of places
        if events is None:
            continue
        broken += 1
        found = secrecy.check(rebuild(events))
        assert {violation.requirement for violation in found} == {requirement}, f"seed {seed}"
        assert all(violation.events for violation in found)
    assert broken >= 3, "the history gives this defect no place"


# ── what is no offence ────────────────────────────────────────────────────────────────────────


def edited_history(*, shown: dict[str, Any]) -> History:
    """A message, its edit, and the message as Bob is shown it afterwards."""
    carrier = Carrier(1)
    for number, relation in ((1, None), (2, {"relation": "edit", "message_id": "m1"})):
        carrier.history.add(
            Sending(
                op=carrier.history.next_op(),
                conn=1,
                user_id="alice",
                device_id="phone",
                conversation_id=CHAT,
                client_message_id=f"k{number}",
                body=megolm(number),
                relates_to=relation,
            )
        )
    entry = Entry(
        conversation_id=CHAT, seq=1, message_id="m1", sender_id="alice", client_message_id="k1",
        body=shown, edited_at=AT,
    )  # fmt: skip
    carrier.history.add(Received(conn=3, entry=entry))
    return carrier.history


def test_an_edited_entry_shows_the_ciphertext_of_its_edit() -> None:
    """That one, or in a race still its own, but nothing else."""
    for number in (1, 2):
        assert secrecy.check(edited_history(shown=megolm(number))) == []
    (violation,) = secrecy.check(edited_history(shown=megolm(4)))
    assert violation.requirement == "ENC-1"


def test_a_removed_device_of_the_same_name_need_not_see_what_was_for_the_old_one() -> None:
    """It is another device."""
    carrier = Carrier(3)
    carrier.history.add(RemovingDevice(user_id="bob", device_id="laptop"))
    carrier.message(1)
    events = [
        replace(e, entry=replace(e.entry, body={**e.entry.body, "ciphertexts": {}}))
        if isinstance(e, Received) and e.conn == 4 and "ciphertexts" in e.entry.body
        else e
        for e in carrier.history
    ]
    assert secrecy.check(rebuild(events)) == []


def test_what_clients_write_is_nobodys_fault() -> None:
    """Only what the server writes is searched."""
    carrier = Carrier(1)
    content = {"text": KEY}
    carrier.history.add(
        Wire(lane="alice", direction="out", kind="frame", label="send", content=content)
    )
    assert secrecy.check(carrier.history) == []


def test_a_leak_is_told_with_who_got_it_and_how_it_was_written() -> None:
    """The plant and the frame are its evidence."""
    carrier = Carrier(1)
    guilty = carrier.wrote("bob.phone", {"type": "error", "detail": KEY.encode().hex()})
    (violation,) = secrecy.check(carrier.history)
    assert "bob.phone" in violation.message
    assert "a session key of alice.phone, in hexadecimal" in violation.message
    assert violation.events[-1] == guilty


# ── needles ───────────────────────────────────────────────────────────────────────────────────


@given(
    before=st.binary(max_size=30),
    behind=st.binary(max_size=30),
    secrets=st.sampled_from(
        [
            ("canary99zz", "AgAAAAother+key", "canary12ab"),
            ("canary99zz", "AgAAAAother+key", "short/"),
            ("canary-that-is-long-enough", "A/second+one-that-is+long", "exactly-twenty-3-bytes."),
        ]
    ),
)
def test_a_secret_is_found_wherever_it_stands(
    before: bytes, behind: bytes, secrets: tuple[str, ...]
) -> None:
    """Beside others, long or short, as it is or encoded together with what is around it."""
    needles = Needles(Planted(secret=each, what="") for each in secrets)
    secret = secrets[-1]
    around = before + secret.encode() + behind
    for data in (around, base64.b64encode(around), around.hex().encode()):
        assert secret in {find.secret.secret for find in needles.found(data)}


def test_a_beginning_alone_is_no_secret() -> None:
    """What only looks like a canary is somebody else's word."""
    needles = Needles([Planted(secret="canary12ab", what="")])
    assert list(needles.found(b"canary canary12a Canary12ab CANARY12AB canary13ab")) == []
    needles = Needles([Planted(secret="canary-that-is-long-enough", what="")])
    assert list(needles.found(b"canary-that-is-long-enougH " * 16)) == []
