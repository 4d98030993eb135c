"""Entries as a reader is shown them: every way to an entry goes through here (REL-2, STA-9, ENC-5).

History, replay, single messages, answers to repeated sends and `last_message` all read the log as it
was written, and then ask what became of it: for a page, one range of standings, and two look-ups more
if there are edits or deadlines on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ..core.envelopes import for_device
from ..core.model import Identity, Message
from ..core.relations import edited_place
from ..core.standing import AS_SENT, as_it_stands
from ..storage.base import Queries


class Reader(Struct, frozen=True):
    """Who is shown entries: a member, or a former one who left at `left_seq`.

    `device_id` is None where all devices of the user are shown the same, which has no ciphertexts then.
    """

    user_id: str
    device_id: str | None
    left_seq: int | None = None


def as_shown(queries: Queries, entries: Sequence[Message], reader: Reader) -> list[Message]:
    """`entries` of one conversation, ascending, as they stand for a reader."""
    if not entries:
        return []
    user_id, left_seq = reader.user_id, reader.left_seq
    conversation_id = entries[0].conversation_id
    standings = queries.standings(conversation_id, entries[0].seq, entries[-1].seq, left_seq)
    edited = {entry.seq: place for entry in entries if (place := edited_place(entry)) is not None}
    mortal = {entry.seq for entry in entries if entry.expires_at is not None}
    mortal.update(edited.values())
    tombstones: set[int] = set()
    expired: set[int] = set()
    if edited:
        tombstones = queries.tombstones(conversation_id, edited.values(), left_seq)
    if mortal:
        expired = queries.expired(conversation_id, user_id, mortal)
    shown = entries
    if standings or tombstones or expired:
        shown = [
            as_it_stands(
                entry,
                standings.get(entry.seq, AS_SENT),
                target_deleted=edited.get(entry.seq) in tombstones,
                expired=edited.get(entry.seq, entry.seq) in expired,
            )
            for entry in entries
        ]
    return [for_device(entry, user_id, reader.device_id) for entry in shown]


def shown_to_sender(queries: Queries, entry: Message, sender: Identity) -> Message:
    """An entry as its sender is shown it, though it may be no member any more, or once again one."""
    stay = queries.stay(entry.conversation_id, sender.user_id)
    if stay is None or not stay.sees(entry.seq):
        (stay,) = (
            earlier
            for earlier in queries.stays(entry.conversation_id)
            if earlier.user_id == sender.user_id and earlier.sees(entry.seq)
        )
    (shown,) = as_shown(queries, [entry], Reader(sender.user_id, sender.device_id, stay.left_seq))
    return shown
