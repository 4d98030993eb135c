"""Devices that talk to each other without a server: what one seals is shown to the other by hand."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from conformance.crypto import Address, Keyring, Shown

CHAT = "chat"


def device(user_id: str, device_id: str = "phone") -> Keyring:
    """A device with keys of its own."""
    return Keyring(Address(user_id, device_id))


def acquaint(sender: Keyring, *others: Keyring) -> None:
    """Let `sender` begin a session with each of the others, as after a claim."""
    for other in others:
        (key,) = other.own.new_one_time_keys(1)
        sender.begin(other.own.peer, key)


def olm(sender: Keyring, text: str, *receivers: Keyring, **more: Any) -> dict[str, Any]:
    """A body of ``olm.v1`` for these devices."""
    peers = [receiver.own.peer for receiver in receivers]
    return sender.seal_olm(peers, CHAT, {"kind": "text", "text": text}, **more)


def megolm(sender: Keyring, text: str, *receivers: Keyring, **more: Any) -> dict[str, Any]:
    """A body of ``megolm.v1``, its key shared with these devices."""
    acquaint(sender, *[each for each in receivers if sender.strangers([each.own.peer])])
    keyrings = {receiver.own.address: receiver for receiver in receivers}
    for peer, payload in sender.shares([each.own.peer for each in receivers], CHAT):
        keyrings[peer.address].learn(sender.own.peer, payload)
    return sender.seal_megolm(CHAT, {"kind": "text", "text": text}, **more)


def shown(seq: int, body: Any, sender: Keyring, **changes: Any) -> Shown:
    """A body as the server shows it, at a seq of the chat."""
    entry = Shown(
        message_id=f"m{seq}", conversation_id=CHAT, seq=seq, sender=sender.own.peer, body=body
    )
    return replace(entry, **changes)


def text_of(reader: Keyring, entry: Shown) -> str:
    """The text that a device reads in an entry."""
    text: str = reader.read(entry)["text"]
    return text
