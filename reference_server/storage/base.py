"""The store's interface: queries on a snapshot, commands in a transaction.

A store gives two things. :class:`Queries` read one consistent snapshot and may run in any thread, one
caller at a time. :class:`Commands` are queries that also see and make the changes of the transaction
they belong to; they exist only inside the writer (see `writer`), so there is one order of changes.

The commands decide nothing: they keep what `core` decided. Every implementation passes the same
contract tests (`tests/reference_server/storage/test_contract.py`). Times are integer milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from ..core.keys import DeviceKeys, IdentityKeys, SignedKey
from ..core.model import (
    Asset,
    Conversation,
    Device,
    Identity,
    Membership,
    Message,
    Role,
    Upload,
    User,
)
from ..core.parcels import Parcel, Queue, Queued
from ..core.receipts import Acknowledged, Marks
from ..core.standing import Standing

if TYPE_CHECKING:
    from .blobs import Blobs
    from .partials import Partials


class StoreTrouble(Exception):
    """The store cannot do its work now (disk full, file gone); nothing of the transaction was kept."""


class StoreUnusable(Exception):
    """The store cannot be opened. The text is one paragraph for the operator."""


class EarlierSend(Struct, frozen=True):
    """What a `client_message_id` was used for."""

    message: Message
    fingerprint: bytes


class EarlierKey(Struct, frozen=True):
    """What an `Idempotency-Key` was used for."""

    fingerprint: bytes
    conversation_id: str
    created_at: int


class EarlierToDevice(Struct, frozen=True):
    """What a `to_device` frame said, by its fingerprint, and which devices it was told are unknown."""

    fingerprint: bytes
    unknown: list[tuple[str, str]]
    created_at: int


class Backlog(Struct, frozen=True):
    """What a device has not acknowledged of a conversation: the seqs ``after < seq <= up_to``."""

    conversation_id: str
    after: int
    up_to: int


class Chat(Struct, frozen=True):
    """A conversation's place in its member's list of chats."""

    conversation_id: str
    activity: int


class Departure(Struct, frozen=True):
    """How a conversation stood when a member left it."""

    title: str | None
    member_count: int


class Deadline(Struct, frozen=True):
    """The moment (milliseconds) at which an entry expires for who has not acknowledged it."""

    expires_at: int
    conversation_id: str
    seq: int


class Queries(Protocol):
    """Reading. Everything answered is a value of its own, safe to keep."""

    def secret(self) -> bytes:
        """The secret behind page cursors; made with the store and kept in it."""

    def user(self, user_id: str) -> User | None: ...
    def unknown_users(self, user_ids: Sequence[str]) -> list[str]:
        """Those of `user_ids` that do not exist, in their order."""

    def password_hash(self, user_id: str) -> bytes | None: ...
    def identity(self, token_hash: bytes) -> Identity | None: ...
    def is_current(self, identity: Identity) -> bool:
        """Whether the session behind an identity is still the one of its device."""

    def devices(self, user_id: str) -> list[Device]: ...
    def conversation(self, conversation_id: str) -> Conversation | None: ...
    def direct_conversation(self, pair: tuple[str, str]) -> str | None: ...
    def direct_partners(self, user_id: str) -> list[str]:
        """The others of the user's direct conversations."""

    def idempotency_key(self, user_id: str, key: str) -> EarlierKey | None: ...
    def stay(self, conversation_id: str, user_id: str) -> Membership | None:
        """The latest stay of a user, present or past."""

    def stays(self, conversation_id: str) -> list[Membership]:
        """All stays of everybody."""

    def current_stays(self, conversation_id: str) -> list[Membership]: ...
    def departure(self, conversation_id: str, user_id: str) -> Departure | None: ...
    def entry(self, conversation_id: str, seq: int) -> Message | None:
        """An entry as it was sent; how it stands now, the standings tell."""

    def entries_after(
        self, conversation_id: str, after: int, up_to: int, limit: int
    ) -> list[Message]:
        """At most `limit` entries with ``after < seq <= up_to``, the lowest ones, ascending."""

    def entries_before(
        self, conversation_id: str, before: int, down_to: int, limit: int
    ) -> list[Message]:
        """At most `limit` entries with ``down_to <= seq < before``, the highest ones, ascending."""

    def earlier_send(
        self, conversation_id: str, sender_id: str, client_message_id: str
    ) -> EarlierSend | None: ...
    def unread(self, conversation_id: str, user_id: str, above: int, up_to: int) -> int:
        """Messages of others with ``above < seq <= up_to``, as things stood at `up_to`.

        No system entries, edits, deletes, reactions, nor what is deleted or expired for the user.
        """

    def senders_between(self, conversation_id: str, after: int, up_to: int) -> list[str]:
        """Who sent a message (no system entry) with ``after < seq <= up_to``."""

    def risen_at(
        self, conversation_id: str, user_id: str, status: Acknowledged, seq: int
    ) -> int | None:
        """When the user's watermark came to cover `seq`."""

    def chats(self, user_id: str, before_activity: int | None, limit: int) -> list[Chat]:
        """The latest active conversations of a user, below `before_activity`, descending."""

    def backlog(self, user_id: str, device_id: str) -> list[Backlog]:
        """What there is to replay to a device, by conversation."""

    def asset(self, asset_id: str) -> Asset | None: ...
    def sees_asset(self, asset_id: str, user_id: str) -> bool:
        """Whether an entry that carries the asset is visible to the user (in the latest stay)."""

    def upload(self, upload_id: str) -> Upload | None: ...
    def keeps_blob(self, sha256: bytes) -> bool:
        """Whether an asset has these bytes."""

    # what became of entries

    def standings(
        self, conversation_id: str, first: int, last: int, as_of: int | None
    ) -> dict[int, Standing]:
        """By seq: how the entries ``first <= seq <= last`` stand, or stood at `as_of`.

        Those that nothing was done to are left out.
        """

    def tombstones(
        self, conversation_id: str, seqs: Collection[int], as_of: int | None
    ) -> set[int]:
        """Those of `seqs` that are deleted, or were at `as_of`."""

    def reacted(self, conversation_id: str, target_seq: int, key: str, user_id: str) -> bool: ...
    def expired(self, conversation_id: str, user_id: str, seqs: Collection[int]) -> set[int]:
        """Those of `seqs` that have expired for the user."""

    def failures(self, conversation_id: str, seq: int) -> dict[str, int]:
        """For whom the entry has expired, with the moment."""

    def next_deadline(self) -> int | None: ...
    def deadlines(self, up_to: int, limit: int) -> list[Deadline]:
        """The earliest deadlines that are not after `up_to`."""

    def deadlines_in(self, conversation_id: str, up_to: int) -> list[Deadline]:
        """The deadlines of a conversation that are not after `up_to`."""

    def blocked(self, one: str, other: str) -> bool:
        """Whether either has blocked the other."""

    # keys and queues

    def has_device(self, user_id: str, device_id: str) -> bool: ...
    def shares_conversation(self, one: str, other: str) -> bool:
        """Whether both are members of a conversation."""

    def encrypted_partners(self, user_id: str) -> list[str]:
        """The other members of the user's encrypted conversations."""

    def identity_keys(self, user_id: str, device_id: str) -> IdentityKeys | None: ...
    def fallback_key(self, user_id: str, device_id: str) -> SignedKey | None: ...
    def device_keys(self, user_id: str) -> list[DeviceKeys]:
        """All devices of the user."""

    def devices_with_keys(self, conversation_id: str) -> list[tuple[str, str]]:
        """The members' devices that have published keys, by user and device."""

    def count_one_time_keys(self, user_id: str, device_id: str) -> int: ...
    def used_key_ids(self, user_id: str, device_id: str, key_ids: Collection[str]) -> set[str]:
        """Those of `key_ids` that a one-time key of the device ever had."""

    def queue(self, user_id: str, device_id: str) -> Queue: ...
    def queued(self, user_id: str, device_id: str, after: int, limit: int) -> list[Queued]:
        """At most `limit` payloads that wait for the device behind `after`, in their order."""

    def earlier_to_device(
        self, user_id: str, device_id: str, frame_id: str
    ) -> EarlierToDevice | None: ...


class Commands(Queries, Protocol):
    """Changing, inside the writer's transaction."""

    def add_user(self, user: User, password_hash: bytes, now: int) -> None: ...
    def set_display_name(self, user_id: str, display_name: str) -> None: ...
    def add_device(self, user_id: str, device_id: str, name: str | None, now: int) -> None:
        """A new device; its watermarks begin at the heads of this moment."""

    def set_device_name(self, user_id: str, device_id: str, name: str) -> None: ...
    def touch_device(self, user_id: str, device_id: str, now: int) -> None: ...
    def remove_device(self, user_id: str, device_id: str) -> None:
        """The device with its session, its watermarks, its keys and its queue."""

    def set_session(self, token_hash: bytes, identity: Identity) -> None:
        """The device's session from now on; the one before is gone."""

    def end_session(self, user_id: str, device_id: str) -> None: ...
    def add_conversation(self, conversation: Conversation, pair: tuple[str, str] | None) -> None:
        """The conversation and a stay for each of its members; their watermarks begin at 0."""

    def append(self, conversation: Conversation, entry: Message, fingerprint: bytes | None) -> None:
        """An entry with the assets that it carries, and the conversation's head as it then stands."""

    def set_standing(self, conversation_id: str, target_seq: int, standing: Standing) -> None:
        """How the entry stands from `standing.seq` on.

        Of the versions before, those are kept that a former member sees.
        """

    def add_reaction(
        self, conversation_id: str, target_seq: int, key: str, user_id: str
    ) -> None: ...
    def remove_reaction(
        self, conversation_id: str, target_seq: int, key: str, user_id: str
    ) -> None: ...
    def add_deadline(self, deadline: Deadline) -> None: ...
    def remove_deadline(self, deadline: Deadline) -> None: ...
    def add_failure(self, conversation_id: str, seq: int, user_id: str, now: int) -> None: ...
    def add_block(self, blocker: str, blocked: str) -> None: ...
    def remove_block(self, blocker: str, blocked: str) -> None: ...
    def set_title(self, conversation_id: str, title: str) -> None: ...
    def begin_stay(
        self, conversation_id: str, user_id: str, role: Role, joined_seq: int
    ) -> None: ...
    def end_stay(
        self, conversation: Conversation, user_id: str, left_seq: int, joined_seq: int
    ) -> None:
        """End a stay; `conversation` as it stands after its `left` or `removed` entry."""

    def set_role(self, conversation_id: str, user_id: str, joined_seq: int, role: Role) -> None: ...
    def set_marks(self, conversation_id: str, stay: Membership, marks: Marks) -> None: ...
    def raise_device_mark(
        self, user_id: str, device_id: str, conversation_id: str, up_to_seq: int
    ) -> None: ...
    def add_rise(
        self, conversation_id: str, user_id: str, status: Acknowledged, up_to_seq: int, now: int
    ) -> None: ...
    def set_idempotency_key(
        self, user_id: str, key: str, fingerprint: bytes, conversation_id: str, now: int
    ) -> None: ...
    def set_identity_keys(self, user_id: str, device_id: str, keys: IdentityKeys) -> None:
        """The device's identity keys from now on; its other keys stay."""

    def set_fallback_key(self, user_id: str, device_id: str, key: SignedKey | None) -> None: ...
    def add_one_time_key(self, user_id: str, device_id: str, key: SignedKey) -> None:
        """One more, behind those that there are; its id is remembered for as long as the device is."""

    def take_one_time_key(self, user_id: str, device_id: str) -> SignedKey | None:
        """The oldest one, which is gone then."""

    def drop_one_time_keys(self, user_id: str, device_id: str) -> None: ...
    def enqueue(self, parcel: Parcel, queued: Queued) -> None:
        """Put a payload into the queue of its device, at its head."""

    def dequeue(self, user_id: str, device_id: str, up_to: int) -> None:
        """Drop what the device has acknowledged."""

    def add_to_device(
        self, user_id: str, device_id: str, frame_id: str, sent: EarlierToDevice
    ) -> None: ...
    def forget_to_device(self, created_before: int, limit: int) -> int:
        """Drop the fingerprints of at most `limit` older frames; how many they were."""

    def add_asset(self, asset: Asset) -> None: ...
    def add_upload(self, upload: Upload) -> None: ...
    def finish_upload(self, upload_id: str, asset_id: str) -> None: ...
    def remove_upload(self, upload_id: str) -> None: ...
    def remove_uploads(self, expired_before: int, limit: int) -> int:
        """Drop at most `limit` of what expired up to then; how many they were."""

    def remove_orphans(self, created_before: int, limit: int) -> int:
        """Drop at most `limit` older assets that no entry ever carried; how many they were."""


class Store(Protocol):
    """A store: snapshots for readers, one transaction at a time for the writer, files beside them."""

    @property
    def blobs(self) -> Blobs:
        """The bytes of assets; placed before the row that speaks of them is committed."""

    @property
    def partials(self) -> Partials:
        """What has arrived of resumable uploads."""

    def reading(self) -> AbstractContextManager[Queries]:
        """A snapshot, for one caller. Raises `StoreTrouble`."""

    @property
    def commands(self) -> Commands:
        """The writer's own; valid between `begin` and `commit` or `rollback`."""

    def begin(self) -> None: ...
    def commit(self) -> None:
        """Make the transaction durable (fsync). Raises `StoreTrouble`; then it is rolled back."""

    def rollback(self) -> None: ...
    def close(self) -> None: ...
