"""What the verbs of messages, watermarks, conversations and their history take."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from .encryption import Algorithm
from .nodes import Node, Value


class Send(Node, frozen=True, kw_only=True):
    """Send a message. Saves ``{message_id, seq, created_at, duplicate, client_message_id, …}``."""

    to: Value
    """A conversation (``$chat``) or an id."""
    text: Value | UnsetType = UNSET
    """Short for ``body: {kind: text, text: …}``. Neither: a text of the engine's own."""
    length: Value | UnsetType = UNSET
    """The engine's own text, of exactly this many Unicode code points; the last one lies beyond the
    BMP, so that whoever counts bytes or UTF-16 units counts otherwise."""
    body: Value | UnsetType = UNSET
    encrypt: Algorithm | UnsetType = UNSET
    """Encrypt what is sent for the devices of all members, as ``encrypt`` does."""
    client_message_id: Value | UnsetType = UNSET
    """Default: a fresh one, derived from the seed."""
    relates_to: Value | UnsetType = UNSET
    """``{relation: reply, message_id: …}``. A delete or reaction has no body unless one is given."""
    expires_in_s: Value | UnsetType = UNSET
    """Seconds until it fails for whoever has not acknowledged it."""
    via: Literal["realtime", "http"] = "realtime"
    wait: bool = True
    """False: go on without waiting for the answer (messages in flight); see ``settle``."""


class Press(Node, frozen=True, kw_only=True):
    """Send until a message is refused as ``rate_limited``, wait as long as told, and send on.

    A target that refuses none of them makes the scenario not applicable. Saves
    ``{sent, refused, after_waiting}``.
    """

    to: Value
    """A conversation (``$chat``) or an id."""
    times: Annotated[int, Meta(ge=1, le=10_000)]
    """How many messages at most."""


class Settle(Node, frozen=True):
    """Wait for the answers of everything this device sent with ``wait: false``."""


class Watermark(Node, frozen=True):
    """Acknowledge everything of a conversation up to a seq, over the realtime connection."""

    conversation: Value = field(name="in")
    up_to: Value


class Typing(Node, frozen=True):
    """Tell the other members of a conversation that one is writing, or no more."""

    conversation: Value = field(name="in")
    active: Value = True


class Create(Node, frozen=True):
    """Create a conversation. Saves it, with ``created`` (false: it existed)."""

    direct: Value | UnsetType = UNSET
    """The other user: an actor (``$bob``) or a user id, alone or as a list."""
    group: Value | UnsetType = UNSET
    """The members beside the creator: a list of actors or user ids."""
    title: Value | UnsetType = UNSET
    encrypted: Value | UnsetType = UNSET
    idempotency_key: Value | UnsetType = UNSET


class SetMember(Node, frozen=True):
    """Add a member to a group, or change a member's role. Saves the conversation."""

    conversation: Value = field(name="in")
    user: Value
    role: Value | UnsetType = UNSET


class RemoveMember(Node, frozen=True):
    """Remove a member from a group, or leave it (oneself)."""

    conversation: Value = field(name="in")
    user: Value


class Rename(Node, frozen=True):
    """Set a group's title. Saves the conversation."""

    conversation: Value = field(name="in")
    title: Value


class Conversations(Node, frozen=True):
    """One page of one's own conversations. Saves ``{items, next_cursor}``."""

    limit: Value | UnsetType = UNSET
    cursor: Value | UnsetType = UNSET


class WalkConversations(Node, frozen=True):
    """All pages of one's own conversations. Saves ``{items, pages}``."""

    limit: Value | UnsetType = UNSET


class Page(Node, frozen=True):
    """One page of the history. Saves ``{items, before, after, has_older, has_newer}``."""

    conversation: Value = field(name="in")
    limit: Value | UnsetType = UNSET
    before: Value | UnsetType = UNSET
    after: Value | UnsetType = UNSET


class Walk(Node, frozen=True):
    """The whole history, page by page. Saves ``{items, pages, after}``.

    ``before`` walks from the latest page to the oldest, ``after`` from the oldest (or from ``start``,
    an earlier walk's ``after`` cursor) to the newest. The ``history`` checker judges every walk.
    """

    conversation: Value = field(name="in")
    direction: Literal["before", "after"]
    limit: Value | UnsetType = UNSET
    start: Value | UnsetType = UNSET
