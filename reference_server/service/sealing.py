"""Sending what is encrypted: for whom it is, and who is shown which part (§8, ENC-5, ENC-6)."""

from __future__ import annotations

from collections.abc import Collection

from ..core import envelopes
from ..core.model import Body, Conversation, EncryptedBody, Identity, Message
from ..events import MessageEvent, Post, SealedPost
from ..storage.base import Commands


def check_sealed(
    commands: Commands, conversation: Conversation, me: Identity, body: Body | None
) -> None:
    """Whether the body is of this device's keys, and for the members' devices as they are now.

    Raises `InvalidBody` and `DeviceListStale`. A delete has no body, so there is nothing to check.
    """
    if not isinstance(body, EncryptedBody):
        return
    envelopes.check_sender_key(body, commands.identity_keys(me.user_id, me.device_id))
    sending = me.user_id, me.device_id
    devices = commands.devices_with_keys(conversation.conversation_id)
    envelopes.check_devices(body, (device for device in devices if device != sending))


def announced(entry: Message, to: Collection[str], but: object) -> Post | SealedPost:
    """The post of an entry, to the connections of `to` except `but`."""
    if envelopes.is_for_each_device(entry):
        return SealedPost(entry, to, but)
    return Post(MessageEvent(entry), to, but)
