"""Encryption under load: keys travel by way of the server, and what is sent can be read by the others."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest

from conformance.crypto import Address, Keyring
from conformance.crypto.reading import Shown
from loadgen.client import ToDevice
from loadgen.crew import Crew
from loadgen.host import GiveUp
from loadgen.schedule import Load
from loadgen.sealing import Sealing

from .crews import Answers, Written, pair

LOAD = Load(rate=5, warmup=0, duration=2)


class Keys(Answers):
    """A server's directory of keys, which hands each one-time key out once."""

    def __init__(self) -> None:
        super().__init__()
        self.identities: dict[str, Any] = {}
        self.one_time: dict[str, Any] = {}

    def put(self, path: str, token: str, content: Any) -> Any:
        """Identity keys; the token is the user's id."""
        assert path == "/v1.0/keys"
        self.identities[token] = content
        return {}

    def post(self, path: str, token: str, content: Any) -> Any:
        """One-time keys, or a claim of one."""
        if path == "/v1.0/keys/one-time":
            self.one_time[token] = content["keys"]
            return {"count": len(content["keys"])}
        keys: dict[str, Any] = {}
        for user_id, devices in content["devices"].items():
            for device_id in devices:
                key_id, key = self.one_time[user_id].popitem()
                keys.setdefault(user_id, {})[device_id] = {"key_id": key_id, **key}
        return {"keys": keys, "missing": {}}

    def get(self, path: str, token: str) -> Any:
        """A user's only device."""
        user_id = path.split("/")[3]
        return {"devices": [{"device_id": "d", **self.identities[user_id]}]}


@pytest.fixture
def scene() -> tuple[Crew, Written, Written, Sealing, Keys]:
    """Alice and Bob, whose frames for each other's devices go straight there."""
    crew, alice, bob = pair(LOAD, encrypted=True)
    crew.host = keys = Keys()
    sealing = Sealing(crew)
    lines = {line.device.user_id: line for line in (alice, bob)}
    for line in lines.values():
        crew.logged_in(line.seat, line.device.user_id, "d", line.device.user_id)

    def carry(sender: Written, frame: Any) -> None:
        for user_id, devices in frame.get("messages", {}).items():
            aside = ToDevice(1, sender.device.user_id, "d", devices["d"])
            crew.got_aside(lines[user_id], aside)

    for line in lines.values():
        line.carry = partial(carry, line)
    return crew, alice, bob, sealing, keys


def ring(sealing: Sealing, line: Written) -> Keyring:
    """All that a device knows."""
    return sealing._rings[line.seat]


def test_every_message_of_the_plan_is_encrypted_before_the_run_and_can_be_read(
    scene: tuple[Crew, Written, Written, Sealing, Keys],
) -> None:
    """By the other one, with the session key that came over `to_device`."""
    crew, alice, bob, sealing, _ = scene
    sealing.prepare()
    assert crew.bodies
    for line in (alice, bob):
        assert [frame["type"] for frame in line.frames].count("to_device_ack") == 1
    read = 0
    for number, body in crew.bodies.items():
        sealed = msgspec.json.decode(body)
        assert crew.text(number) not in body
        for sender, reader in ((alice, bob), (bob, alice)):
            writer = ring(sealing, sender).own.peer
            if sealed["sender_key"] == writer.curve25519:
                shown = Shown(
                    message_id=f"m{number}", conversation_id="c", seq=number + 1, sender=writer,
                    body=sealed,
                )  # fmt: skip
                said = ring(sealing, reader).read(shown)
                assert said == {"kind": "text", "text": crew.text(number)}
                read += 1
    assert read == len(crew.bodies)


def test_a_key_that_the_server_slips_in_ends_the_run(
    scene: tuple[Crew, Written, Written, Sealing, Keys],
) -> None:
    """Nothing is encrypted for it."""
    crew, _, _, sealing, keys = scene
    stranger = Keyring(Address("u0", "d")).own.identity()
    keys.identities["u0"] |= {"curve25519": stranger["curve25519"]}
    with pytest.raises(GiveUp, match="not to be trusted"):
        sealing.prepare()
    assert not crew.bodies


def test_the_history_must_have_the_same_ciphertext(
    scene: tuple[Crew, Written, Written, Sealing, Keys],
) -> None:
    """Byte for byte."""
    crew, _, _, sealing, _ = scene
    sealing.prepare()
    number, body = next(iter(crew.bodies.items()))
    sealed = msgspec.json.decode(body)
    assert crew.is_body(number, sealed)
    other = sealed["ciphertext"].swapcase()
    assert not crew.is_body(number, sealed | {"ciphertext": other})
