"""Faults in telling apart: what is nearly the same is taken for the same, and what is the same for another."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec

from ..core import errors, inputs
from ..core.limits import Limits
from ..core.model import TextBody
from ..hub import Closing, Hub, Subscriber
from ..service.receipts import Receipts
from ..storage.base import Commands
from ..storage.sqlite import SqliteCommands
from ..storage.sqlite_queries import SqliteQueries
from ..storage.sqlite_standings import StandingCommands, StandingQueries
from .seams import Genuine, Seams, fault


@fault("DLV-4")
def ids_ignore_case(seams: Seams) -> None:
    """Two messages of a sender whose ids differ in upper and lower case alone: the second one is lost."""

    @seams.instead(SqliteQueries, "earlier_send")
    def look_up(genuine: Genuine, queries: SqliteQueries, chat: str, user: str, name: str) -> Any:
        row = queries._one(
            "SELECT client_message_id FROM entries WHERE conversation_id = ? AND sender_id = ?"
            " AND lower(client_message_id) = lower(?)",
            chat, user, name,
        )  # fmt: skip
        return genuine(queries, chat, user, row[0] if row else name)


@fault("DLV-4")
def repeats_must_be_spelled_alike(seams: Seams) -> None:
    """A message that is sent again with its members in another order counts as another one."""

    @seams.instead(inputs, "fingerprint")
    def fingerprint(genuine: Genuine, **parts: Any) -> Any:
        return genuine(spelled=msgspec.json.encode(parts).decode())


@fault("REL-2")
def reactions_that_look_alike_are_one(seams: Seams) -> None:
    """Reactions that differ in case, accents or skin tone alone are one: who reacts in both counts once."""

    def bare(key: str) -> str:
        parts = unicodedata.normalize("NFKD", key).casefold()
        return "".join(
            each
            for each in parts
            if not unicodedata.combining(each) and not 0x1F3FB <= ord(each) <= 0x1F3FF
        )

    def same(owner: type, name: str) -> None:
        @seams.instead(owner, name)
        def compare(genuine: Genuine, store: Any, chat: str, seq: int, key: str, user: str) -> Any:
            return genuine(store, chat, seq, bare(key), user)

    same(StandingQueries, "reacted")
    same(StandingCommands, "add_reaction")
    same(StandingCommands, "remove_reaction")


@fault("DLV-1", "ORD-7")
def texts_are_composed(seams: Seams) -> None:
    """A text is stored in Unicode's composed form and without what cannot be seen, not as it was sent."""

    @seams.instead(inputs, "message_body")
    def message_body(genuine: Genuine, value: Any, limits: Limits) -> Any:
        body = genuine(value, limits)
        if not isinstance(body, TextBody):
            return body
        seen = "".join(each for each in body.text if unicodedata.category(each) != "Cf")
        return TextBody(unicodedata.normalize("NFC", seen))


@fault("SEC-4")
def texts_are_measured_in_bytes(seams: Seams) -> None:
    """A text of letters that are no ASCII may only be half as long, or a quarter."""

    @seams.instead(inputs, "message_body")
    def message_body(genuine: Genuine, value: Any, limits: Limits) -> Any:
        body = genuine(value, limits)
        if isinstance(body, TextBody) and len(body.text.encode()) > limits.max_text_length:
            raise errors.pointed(errors.InvalidBody, "/body/text", "The text is too long.")
        return body


@fault("SEC-4")
def names_are_measured_in_bytes(seams: Seams) -> None:
    """A title or a name of letters that are no ASCII may only be half as long, or a quarter."""

    @seams.instead(inputs, "check_name")
    def check_name(genuine: Genuine, value: str, pointer: str) -> Any:
        return genuine(value if len(value.encode()) <= 128 else "", pointer) and value


@fault("STA-8", "STA-3")
def numbers_have_32_bits(seams: Seams) -> None:
    """An acknowledgement of a message far beyond the end is taken for one of its lowest 32 bits."""

    @seams.instead(Receipts, "acknowledge_soon")
    def acknowledge(
        genuine: Genuine, use: Receipts, me: Any, chat: str, status: Any, seqs: Sequence[int],
        origin: object, done: Any,
    ) -> None:  # fmt: skip
        wrapped = [seq & 0xFFFFFFFF for seq in seqs]

        def answer(result: int | errors.ApiError) -> None:
            done(result if wrapped == seqs or not isinstance(result, int) else max(seqs))

        genuine(use, me, chat, status, wrapped, origin, answer)


@fault("SEC-2", "RT-4")
def connections_go_by_their_device_alone(seams: Seams) -> None:
    """A device that connects closes the connection of somebody else's device that has the same id."""

    @seams.instead(Hub, "attach")
    def attach(genuine: Genuine, hub: Hub, subscriber: Subscriber) -> Any:
        for other in hub:
            if other.identity.device_id == subscriber.identity.device_id:
                other.outbox.close(Closing(4409, "replaced by a newer connection"))
        return genuine(hub, subscriber)


@fault("DLV-2", "SEC-2")
def watermarks_go_by_their_device_alone(seams: Seams) -> None:
    """What one member has acknowledged is not replayed to another whose device has the same id."""

    @seams.instead(SqliteCommands, "raise_device_mark")
    def raise_mark(
        genuine: Genuine, commands: Commands, _user: str, device: str, chat: str, up_to: int
    ) -> None:
        for stay in commands.current_stays(chat):
            if commands.has_device(stay.user_id, device):
                genuine(commands, stay.user_id, device, chat, up_to)
