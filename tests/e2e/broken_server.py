"""The reference server with one promise broken by hand: ``python -m tests.e2e.broken_server NAME -- …``.

A suite that passes a broken server is worse than none. Each defect here is a few lines put over the
server's internals in this process only; what follows ``--`` goes to the server as it is. Defects are
deterministic, at a place in a log and not at a moment, so that a scenario meets them at every run; and
far enough from a log's beginning that short scenarios do not meet them at all.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from sqlite3 import IntegrityError
from typing import Any

import msgspec
from msgspec.structs import replace

from reference_server import hub
from reference_server.cli import serve
from reference_server.core import envelopes, errors, keys, log, media, relations
from reference_server.core.receipts import Marks
from reference_server.events import MessageEvent, TypingEvent
from reference_server.hub import Item, Outbox, Outgoing
from reference_server.service import conversations, messages, receipts, showing, typing
from reference_server.service.to_device import ToDevice
from reference_server.storage.blobs import Incoming
from reference_server.storage.sqlite import SqliteCommands, SqliteStore
from reference_server.storage.sqlite_keys import KeyCommands
from reference_server.storage.sqlite_queries import SqliteQueries
from reference_server.transport import assets, conditional, session
from reference_server.transport.frames import SentFrame

PLACE = 12
"""The seq at which a log is mistreated."""


def _put(owner: object, name: str, defect: object) -> None:
    """Put `defect` in the place of what `owner` has under `name`."""
    setattr(owner, name, defect)


def _delivered(item: Item) -> tuple[str, int]:
    """The conversation and seq of a log entry that waits to be written; seq 0 for other frames."""
    if isinstance(item, Outgoing) and isinstance(item.frame, MessageEvent):
        return item.frame.message.conversation_id, item.frame.message.seq
    return "", 0


def _answered(item: Item) -> tuple[str, int]:
    """The same for the answer to a send, which stands in for its entry."""
    if isinstance(item, Outgoing) and isinstance(item.frame, SentFrame):
        return item.frame.conversation_id, item.frame.seq
    return "", 0


def swap_two_deliveries() -> None:
    """Each connection gets a conversation's twelfth entry after the thirteenth."""
    push = Outbox.push
    held: dict[tuple[Outbox, str], Item] = {}

    def swapped(outbox: Outbox, item: Item) -> None:
        conversation_id, seq = _delivered(item)
        if seq == PLACE:
            held[outbox, conversation_id] = item
            return
        push(outbox, item)
        for conversation_id, seq in (_delivered(item), _answered(item)):
            if seq == PLACE + 1 and (late := held.pop((outbox, conversation_id), None)):
                push(outbox, late)

    _put(Outbox, "push", swapped)


def skip_a_seq() -> None:
    """No conversation has a twelfth entry; the thirteenth follows the eleventh."""
    append = log.append

    def skipping(conversation: Any, *rest: Any) -> log.Change:
        if conversation.head_seq == PLACE - 1:
            conversation = replace(conversation, head_seq=PLACE)
        return append(conversation, *rest)

    _put(log, "append", skipping)


def deliver_a_duplicate() -> None:
    """Each connection gets a conversation's twelfth entry twice."""
    push = Outbox.push

    def doubled(outbox: Outbox, item: Item) -> None:
        push(outbox, item)
        if _delivered(item)[1] == PLACE:
            push(outbox, item)

    _put(Outbox, "push", doubled)


def lose_an_entry_at_a_page_edge() -> None:
    """A `before` cursor skips the entry that it stands on."""
    redeem = messages.Messages._redeem

    def careless(self: messages.Messages, direction: str, *rest: str) -> int:
        position = redeem(self, direction, *rest)
        return position - 1 if direction == "before" else position

    _put(messages.Messages, "_redeem", careless)


def let_a_status_fall() -> None:
    """A lower acknowledgement lowers the watermark, and rising again is nothing special."""
    add_rise = SqliteCommands.add_rise

    def lowered(marks: Marks, status: str, up_to_seq: int) -> Marks:
        return Marks(up_to_seq, up_to_seq if status == "read" else min(marks.read_seq, up_to_seq))

    def again(commands: SqliteCommands, *rise: Any) -> None:
        with suppress(IntegrityError):
            add_rise(commands, *rise)

    _put(Marks, "raised", lowered)
    _put(SqliteCommands, "add_rise", again)


def tell_a_stranger_403() -> None:
    """A non-member is told that a conversation exists and is not theirs."""

    def telling(look_up: Callable[..., Any]) -> Callable[..., Any]:
        def told(queries: Any, conversation_id: str, user_id: str) -> Any:
            try:
                return look_up(queries, conversation_id, user_id)
            except errors.UnknownConversation:
                if queries.conversation(conversation_id) is None:
                    raise
                raise errors.NotPermitted("This conversation is not yours.") from None

        return told

    for module in (conversations, messages, receipts, typing):
        for name in ("to_see", "to_change"):
            if name in vars(module):
                _put(module, name, telling(getattr(module, name)))


def give_other_bytes() -> None:
    """The last byte of an asset is zeroed on the way to its file."""
    write = Incoming.write

    def careless(self: Incoming, data: bytes) -> None:
        write(self, data)
        self._file.seek(-1, os.SEEK_END)
        self._file.write(b"\0")

    _put(Incoming, "write", careless)


def show_assets_to_newcomers() -> None:
    """Whoever is a member can read every asset of the conversation's past."""

    def careless(self: SqliteQueries, asset_id: str, user_id: str) -> bool:
        row = self._one(
            "SELECT 1 FROM carried c JOIN stays s USING (conversation_id)"
            " WHERE c.asset_id = ? AND s.user_id = ?",
            asset_id, user_id,
        )  # fmt: skip
        return row is not None

    _put(SqliteQueries, "sees_asset", careless)


def believe_every_type() -> None:
    """Bytes are whatever their type claims."""
    _put(media, "agrees", lambda _media_type, _head: True)


def end_ranges_early() -> None:
    """The last byte of a range is left out, as if its end were exclusive."""
    genuine = conditional.part_for

    def short(*request: Any) -> conditional.Part:
        part = genuine(*request)
        return replace(part, end=part.end - 1) if part.status == 206 and part.end > 1 else part

    _put(assets, "part_for", short)


def send_any_asset() -> None:
    """Nobody asks whether a sender can read what it sends."""
    _put(messages, "to_read_asset", lambda *_: None)


def write_a_time_in_seconds() -> None:
    """The server's own time, in `welcome` and `pong`, is a number of seconds in a string."""
    _put(session, "rfc3339", lambda milliseconds: str(milliseconds // 1000))


def round_times_in_messagepack() -> None:
    """In MessagePack, times are those of the last full second."""
    encode = msgspec.msgpack.encode

    def rounded(frame: Any) -> bytes:
        text = msgspec.json.encode(frame).decode()
        return encode(msgspec.json.decode(re.sub(r"\.\d{3}Z", ".000Z", text)))

    _put(hub, "_encode_msgpack", rounded)


def keep_typing_for_later() -> None:
    """Who is typing is told after the backlog to whoever connects later."""
    typed: dict[str, list[Outgoing]] = {}
    publish, go_live = hub.Hub.publish, hub.Subscriber.go_live

    def kept(self: hub.Hub, post: Any) -> None:
        publish(self, post)
        if isinstance(post.event, TypingEvent):
            for user_id in post.to:
                typed.setdefault(user_id, []).append(Outgoing(post.event))

    def told(self: hub.Subscriber) -> None:
        go_live(self)
        for item in typed.get(self.identity.user_id, ()):
            self.tell(item)

    _put(hub.Hub, "publish", kept)
    _put(hub.Subscriber, "go_live", told)


def tell_groups_who_is_online() -> None:
    """Presence goes to everybody with whom one shares any conversation."""

    def partners(self: SqliteQueries, user_id: str) -> list[str]:
        rows = self._all(
            "SELECT DISTINCT other.user_id FROM stays own JOIN stays other USING (conversation_id)"
            " WHERE own.user_id = ? AND other.user_id <> own.user_id",
            user_id,
        )
        return [row[0] for row in rows]

    _put(SqliteQueries, "direct_partners", partners)


def go_offline_with_any_device() -> None:
    """The end of a connection is the end of its user's presence, whatever else is connected."""
    detach = hub.Hub.detach

    def hasty(self: hub.Hub, subscriber: hub.Subscriber) -> bool:
        detach(self, subscriber)
        return True

    _put(hub.Hub, "detach", hasty)


def say_goodbye_with_1000() -> None:
    """A stopping server closes as if it would stay away."""
    close_all = hub.Hub.close_all
    _put(hub.Hub, "close_all", lambda self, _closing: close_all(self, hub.Closing(1000, "bye")))


def forget_the_rest_when_stopping() -> None:
    """Of each log, the twelfth entry and what follows are gone when the server has stopped."""
    close = SqliteStore.close

    def careless(self: SqliteStore) -> None:
        self._writer.executescript(
            f"""
            DELETE FROM entries WHERE seq >= {PLACE};
            UPDATE conversations SET head_seq = {PLACE - 1} WHERE head_seq >= {PLACE};
            """  # noqa: S608  a number of ours
        )
        close(self)

    _put(SqliteStore, "close", careless)


def give_the_last_key_again() -> None:
    """A device's last one-time key is handed out as often as somebody asks."""
    take = KeyCommands.take_one_time_key

    def generous(self: KeyCommands, user_id: str, device_id: str) -> Any:
        last = self.count_one_time_keys(user_id, device_id) == 1
        key = take(self, user_id, device_id)
        if last and key is not None:
            self._do(
                "INSERT INTO one_time_keys VALUES (?, ?, 1, ?, ?, ?)",
                user_id, device_id, key.key_id, key.key, key.signature,
            )  # fmt: skip
        return key

    _put(KeyCommands, "take_one_time_key", generous)


def take_plaintext_over_http() -> None:
    """Only the realtime channel asks whether a body is encrypted."""
    send, sealed = messages.Messages._send, envelopes.body
    over_http = False

    def noted(self: messages.Messages, me: Any, request: Any, origin: object, commands: Any) -> Any:
        nonlocal over_http
        over_http = origin is None
        return send(self, me, request, origin, commands)

    def believing(relation: Any, value: Any, limits: Any) -> Any:
        try:
            return sealed(relation, value, limits)
        except errors.PlaintextRejected:
            if over_http:
                return relations.body(relation, value, limits)
            raise

    _put(messages.Messages, "_send", noted)
    _put(envelopes, "body", believing)


def write_ciphertext_anew() -> None:
    """Ciphertexts are decoded, and encoded in the alphabet of URLs."""
    genuine = envelopes._base64
    _put(
        envelopes,
        "_base64",
        lambda value, place: genuine(value, place).translate(str.maketrans("+/", "-_")),
    )


def show_another_devices_ciphertext() -> None:
    """In the history a device is shown the first ciphertext for its user, whichever device's it is."""

    def careless(entry: Any, user_id: str, device_id: str | None) -> Any:
        sealed = entry.body
        if device_id is None or not envelopes.is_for_each_device(entry):
            return envelopes.for_device(entry, user_id, device_id)
        first = dict(list(sealed.ciphertexts.get(user_id, {}).items())[:1])
        return replace(entry, body=replace(sealed, ciphertexts={user_id: first} if first else {}))

    _put(showing, "for_device", careless)


def believe_every_signature() -> None:
    """Keys are taken whoever signed them."""
    _put(keys, "signed_by", lambda *_: True)


def lose_payloads_of_absent_devices() -> None:
    """A device that connects is told nothing of what was sent to it while it was away."""

    async def nothing(*_: Any) -> list[Any]:
        return []

    _put(ToDevice, "queued", nothing)


DEFECTS: dict[str, Callable[[], None]] = {
    "swap-two-deliveries": swap_two_deliveries,
    "skip-a-seq": skip_a_seq,
    "deliver-a-duplicate": deliver_a_duplicate,
    "lose-an-entry-at-a-page-edge": lose_an_entry_at_a_page_edge,
    "let-a-status-fall": let_a_status_fall,
    "tell-a-stranger-403": tell_a_stranger_403,
    "give-other-bytes": give_other_bytes,
    "show-assets-to-newcomers": show_assets_to_newcomers,
    "believe-every-type": believe_every_type,
    "end-ranges-early": end_ranges_early,
    "send-any-asset": send_any_asset,
    "write-a-time-in-seconds": write_a_time_in_seconds,
    "round-times-in-messagepack": round_times_in_messagepack,
    "keep-typing-for-later": keep_typing_for_later,
    "tell-groups-who-is-online": tell_groups_who_is_online,
    "go-offline-with-any-device": go_offline_with_any_device,
    "say-goodbye-with-1000": say_goodbye_with_1000,
    "forget-the-rest-when-stopping": forget_the_rest_when_stopping,
    "give-the-last-key-again": give_the_last_key_again,
    "take-plaintext-over-http": take_plaintext_over_http,
    "write-ciphertext-anew": write_ciphertext_anew,
    "show-another-devices-ciphertext": show_another_devices_ciphertext,
    "believe-every-signature": believe_every_signature,
    "lose-payloads-of-absent-devices": lose_payloads_of_absent_devices,
}


def main() -> None:
    """Put the named defect in, and serve."""
    name, separator, *arguments = sys.argv[1:]
    assert separator == "--", "python -m tests.e2e.broken_server NAME -- SERVER ARGUMENTS"
    DEFECTS[name]()
    serve(arguments, prog_name="broken server")


if __name__ == "__main__":
    main()
