"""End-to-end encryption under load: real keys, real sessions, real ciphertexts, made before they are needed.

Every device publishes its keys when it has logged in. When all are connected, each user's sending device
does what its client would do for its first message: it looks up the members' devices, verifies their keys,
claims a one-time key of each, and hands the key of its Megolm session to each inside Olm, over `to_device`.
The run begins when every device has every session key, so whatever comes can be read. Then all messages
of the plan are encrypted, because that work is a phone's, not the server's, and would be measured with it.
What the history has must in the end be what was sent, byte for byte; that it can be read follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import msgspec

from conformance.crypto import Address, Keyring, Peer, Rejected, verified_key, verified_peer

from .answers import Claimed, Devices, understood
from .client import ToDevice
from .crew import Crew, Line, Seat
from .host import GiveUp, clock
from .schedule import arrivals

ONE_TIME_KEYS: Final = 50
"""Published by each device; whoever claims one later gets the fallback key."""
AT_ONCE: Final = 50
"""Devices in one claim, and in one `to_device` frame, so that its size stays within every server's."""
LOOK: Final = 0.05
"""Seconds between two looks at whether all keys have come."""
A_WHILE: Final = 500
"""Messages that are encrypted before others may run again."""

Item = TypeVar("Item")


class Sealing:
    """The keys and ciphertexts of one process."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._rings: dict[Seat, Keyring] = {}
        self._peers: dict[str, dict[str, Peer]] = {}
        """Verified devices, by user and device."""
        self._awaited = 0
        """Session keys that are on their way."""
        if crew.plan.population.encrypted:
            crew.logged_in = self._publish
            crew.got_aside = self._learn

    def prepare(self) -> None:
        """Give everybody's session keys to everybody, and encrypt the whole plan. Raises `GiveUp`."""
        crew = self._crew
        if not crew.plan.population.encrypted:
            return
        try:
            self._exchange([line for line in crew.lines if crew.speaker(line.seat.user) is line])
        except Rejected as wrong:
            raise GiveUp("refused", f"keys that the target gave are not right: {wrong}") from None
        deadline = clock() + int(crew.plan.setup * 1e6)
        while self._awaited:
            if clock() > deadline:
                raise GiveUp("refused", f"{self._awaited} session keys did not come by `to_device`")
            crew.host.sleep(LOOK)
        self._encrypt()

    def _publish(self, seat: Seat, user_id: str, device_id: str, token: str) -> None:
        """A device makes its keys and tells their public halves."""
        ring = self._rings[seat] = Keyring(Address(user_id, device_id))
        fallback = ring.own.new_fallback_key()
        identity = {
            **ring.own.identity(),
            "fallback_key": {
                "key_id": fallback.key_id, "key": fallback.key, "signature": fallback.signature,
            },
        }  # fmt: skip
        keys = {
            key.key_id: {"key": key.key, "signature": key.signature}
            for key in ring.own.new_one_time_keys(ONE_TIME_KEYS)
        }
        self._crew.host.put("/v1.0/keys", token, identity)
        self._crew.host.post("/v1.0/keys/one-time", token, {"keys": keys})

    def _exchange(self, speakers: Sequence[Line]) -> None:
        for step in (self._look_up, self._share):
            for _ in self._crew.host.map(step, speakers):
                pass  # a failure comes out here

    def _look_up(self, line: Line) -> None:
        """A user's devices with their verified keys."""
        user_id = line.device.user_id
        answer = self._crew.host.get(f"/v1.0/users/{user_id}/devices", line.token)
        found = self._peers[user_id] = {}
        for each in understood(answer, Devices, "GET of a user's devices").devices:
            peer = verified_peer(Address(user_id, each["device_id"]), each)
            if peer is not None:
                found[each["device_id"]] = peer

    def _share(self, line: Line) -> None:
        """A sender gives its session key to all devices of its conversation."""
        talk, ring = line.device.talk, self._rings[line.seat]
        members = dict.fromkeys(device.user_id for device in talk.devices)
        peers = [peer for member in members for peer in self._peers[member].values()]
        others = [peer for peer in peers if peer != ring.own.peer]
        self._begin(line, ring, ring.strangers(others))
        ours = {other.own.address for other in self._rings.values()}
        due = list(ring.shares(others, talk.conversation_id))
        self._awaited += sum(peer.address in ours for peer, _ in due)
        for part, some in enumerate(_parts(due)):
            messages: dict[str, dict[str, object]] = {}
            for peer, payload in some:
                messages.setdefault(peer.address.user_id, {})[peer.address.device_id] = payload
            identity = f"{self._crew.plan.run}-keys-{part}"
            line.send(
                msgspec.json.encode({"type": "to_device", "id": identity, "messages": messages})
            )

    def _begin(self, line: Line, ring: Keyring, strangers: Sequence[Peer]) -> None:
        """Claim a one-time key of each, and begin an Olm session with it."""
        for some in _parts(strangers):
            wanted: dict[str, list[str]] = {}
            for peer in some:
                wanted.setdefault(peer.address.user_id, []).append(peer.address.device_id)
            answer = self._crew.host.post("/v1.0/keys/claim", line.token, {"devices": wanted})
            claimed = understood(answer, Claimed, "POST /v1.0/keys/claim").keys
            for peer in some:
                user_id, device_id = peer.address.user_id, peer.address.device_id
                key = claimed.get(user_id, {}).get(device_id)
                if key is None:
                    raise GiveUp("refused", f"no one-time key of {peer.address} could be claimed")
                ring.begin(peer, verified_key(peer, key))

    def _learn(self, line: Line, frame: ToDevice) -> None:
        """A session key came. Raises `GiveUp` if it is none, or not its sender's."""
        line.send(b'{"type":"to_device_ack","up_to":%d}' % frame.position)
        sender = self._peers.get(frame.sender_id, {}).get(frame.sender_device_id)
        if not self._awaited or sender is None:
            return
        try:
            self._rings[line.seat].learn(sender, frame.payload)
        except Rejected as wrong:
            raise GiveUp("refused", f"what came by `to_device` was not sent so: {wrong}") from None
        self._awaited -= 1

    def _encrypt(self) -> None:
        crew = self._crew
        plan = crew.plan
        for arrival in arrivals(plan.load, plan.population.users, plan.seed):
            line = crew.speaker(arrival.user)
            if line is not None and arrival.act == "text":
                body = {"kind": "text", "text": crew.text(arrival.number)}
                talk = line.device.talk.conversation_id
                sealed = self._rings[line.seat].seal_megolm(talk, body)
                crew.bodies[arrival.number] = msgspec.json.encode(sealed).decode()
                if len(crew.bodies) % A_WHILE == 0:
                    crew.host.sleep(0)


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """As many of them as go at once, and the next."""
    for first in range(0, len(items), AT_ONCE):
        yield items[first : first + AT_ONCE]
