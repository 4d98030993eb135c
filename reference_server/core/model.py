"""The things the server is about, as frozen structs in the shape they have on the wire.

`Message` is a log entry as clients see it (§4); `Conversation` is the state from which the next entry
is decided; `Membership` is one stay of a user in a conversation, because who joins again sees only from
the new joining on. Times on the wire are RFC 3339 texts, inside they are integer milliseconds.
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

Kind = Literal["direct", "group"]
Role = Literal["owner", "admin", "member"]
Relation = Literal["reply", "edit", "delete", "reaction"]


class TextBody(Struct, frozen=True, tag_field="kind", tag="text"):
    """``{"kind": "text", "text": …}``; at most `max_text_length` code points."""

    text: str


class MediaBody(Struct, frozen=True, tag_field="kind", tag="media", omit_defaults=True):
    """``{"kind": "media", "asset_id": …, "caption": …}``; a caption has at most 1,024 characters."""

    asset_id: str
    caption: str | None = None


class SystemBody(Struct, frozen=True, tag_field="kind", tag="system", kw_only=True):
    """A change of membership, role or title, as an entry of the log (§3); from the server only."""

    event: Literal["created", "joined", "left", "removed", "role", "title"]
    user_id: str | UnsetType = UNSET
    user_ids: tuple[str, ...] | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    title: str | UnsetType = UNSET


class DeletedBody(Struct, frozen=True, tag_field="kind", tag="deleted"):
    """What the body of a deleted message, and of each of its edits, has become (§4)."""


class ExpiredBody(Struct, frozen=True, tag_field="kind", tag="expired"):
    """What a recipient sees of a message that expired before any of its devices had it (§5)."""


class OlmCiphertext(Struct, frozen=True):
    """What one device can decrypt: `type` 0 begins an Olm session, 1 continues one."""

    type: Literal[0, 1]
    body: str


class EncryptedBody(
    Struct, frozen=True, tag_field="kind", tag="encrypted", kw_only=True, omit_defaults=True
):
    """A body that only members' devices can read (§8).

    `ciphertexts`, by user and device, come with `olm.v1`; `session_id` and `ciphertext` with `megolm.v1`.
    """

    algorithm: Literal["olm.v1", "megolm.v1"]
    sender_key: str
    ciphertexts: dict[str, dict[str, OlmCiphertext]] | UnsetType = UNSET
    session_id: str | UnsetType = UNSET
    ciphertext: str | UnsetType = UNSET
    asset_ids: tuple[str, ...] = ()


Body = TextBody | MediaBody | EncryptedBody | SystemBody | DeletedBody | ExpiredBody


def assets_of(body: Body | None) -> tuple[str, ...]:
    """The assets that a body carries: who can see the entry can read them (AST-2)."""
    if isinstance(body, MediaBody):
        return (body.asset_id,)
    return body.asset_ids if isinstance(body, EncryptedBody) else ()


class RelatesTo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an entry is to an earlier one, its target; `key` and `remove` belong to reactions."""

    relation: Relation
    message_id: str
    key: str | UnsetType = UNSET
    remove: bool = False


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of a conversation's log. A delete and a reaction have no body."""

    message_id: str
    conversation_id: str
    seq: int
    sender_id: str | None
    sender_device_id: str | None = None
    client_message_id: str | None = None
    created_at: str
    body: Body | None = None
    relates_to: RelatesTo | None = None
    edited_at: str | None = None
    expires_at: str | None = None
    reactions: dict[str, int] = {}


class Asset(Struct, frozen=True, kw_only=True):
    """An uploaded file: what it is called, whose it is, and what bytes it has."""

    asset_id: str
    owner_id: str
    media_type: str
    size: int
    sha256: bytes
    created_at: int


class Upload(Struct, frozen=True, kw_only=True):
    """A resumable upload; `asset_id` is what it has become when it is complete."""

    upload_id: str
    owner_id: str
    media_type: str
    metadata: str | None
    """`Upload-Metadata` as its client wrote it."""
    size: int
    expires_at: int
    asset_id: str | None


class User(Struct, frozen=True):
    """A profile."""

    user_id: str
    display_name: str
    created_at: str


class Device(Struct, frozen=True, omit_defaults=True):
    """One of a user's devices."""

    device_id: str
    name: str | None
    created_at: str
    last_seen_at: str | None


class Identity(Struct, frozen=True):
    """Who speaks: the user and device behind a valid token, and until when (milliseconds)."""

    user_id: str
    device_id: str
    expires_at: int


class Member(Struct, frozen=True):
    """A current member of a conversation."""

    role: Role
    joined_seq: int


class Conversation(Struct, frozen=True, kw_only=True):
    """What deciding the next entry needs: the head of the log and who is in."""

    conversation_id: str
    kind: Kind
    title: str | None
    encrypted: bool
    created_at: int
    head_seq: int
    last_at: int
    """`created_at` of the newest entry in milliseconds: the next one is not earlier (ORD-6)."""
    last_message_seq: int = 0
    """The newest entry that is no edit, delete or reaction; 0 when there is none."""
    members: dict[str, Member]


class Membership(Struct, frozen=True, kw_only=True):
    """One stay of a user in a conversation; `left_seq` is the entry that ended it."""

    user_id: str
    role: Role
    joined_seq: int
    left_seq: int | None
    delivered_seq: int
    read_seq: int

    def sees(self, seq: int) -> bool:
        """Whether the entry `seq` is visible from this stay (CONV-4)."""
        return self.joined_seq <= seq and (self.left_seq is None or seq <= self.left_seq)

    def visible_head(self, head_seq: int) -> int:
        """The highest visible seq, given the conversation's."""
        return head_seq if self.left_seq is None else self.left_seq


class MemberView(Struct, frozen=True):
    """A member as a conversation shows it."""

    user_id: str
    role: Role
    joined_seq: int
    delivered_seq: int
    read_seq: int


class ConversationView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conversation as one member is shown it (§3). `left` is there for former members only."""

    conversation_id: str
    kind: Kind
    title: str | None
    encrypted: bool
    created_at: str
    head_seq: int
    member_count: int
    members: tuple[MemberView, ...] | UnsetType
    last_message: Message | None
    unread_count: int
    left: bool = False


def message_id_of(conversation_id: str, seq: int) -> str:
    """A message's id. It says where the entry is, so no index is needed to find it again."""
    return f"{conversation_id}.{seq}"


def place_of(message_id: str) -> tuple[str, int] | None:
    """The conversation and seq behind a message id; None for one that we never gave."""
    conversation_id, dot, seq = message_id.rpartition(".")
    if not dot or not seq.isascii() or not seq.isdigit() or len(seq) > 15 or seq[0] == "0":
        return None
    return conversation_id, int(seq)
