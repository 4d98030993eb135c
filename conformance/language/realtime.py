"""What the verbs of the realtime connection take: opened, closed, cut, stalled."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from .nodes import Node, Value


class Connect(Node, frozen=True):
    """Open the realtime connection of this device and wait until it is ready to use.

    Saves ``{welcome, replayed: [entry…], count}``; everything received is in the inbox too.
    """

    auth: Literal["header", "subprotocol"] = "header"
    """How the token travels: the ``Authorization`` header, or a browser's subprotocols."""
    token: Value | UnsetType = UNSET
    """The token to present. Default: the device's own. ``$bob.phone.token``, presented by
    ``bob.again``, makes a second connection of the device ``bob.phone``."""
    encoding: Literal["text", "msgpack"] = "text"
    """How frames are written: JSON in text messages, or MessagePack in binary ones. A scenario sees
    the same frames either way."""
    wait: Literal["ready", "welcome"] = "ready"
    """``ready``: through the backlog up to ``replay_complete``; ``welcome``: its first frame."""


class Disconnect(Node, frozen=True):
    """Close the connection politely, and wait until it is closed."""


class Drop(Node, frozen=True):
    """Cut the connection without a word (TCP reset). What was under way is indeterminate."""


class Reconnect(Node, frozen=True):
    """Cut the connection, if there still is one, and connect again."""

    encoding: Literal["text", "msgpack"] = "text"

    wait: Literal["ready", "welcome"] = "ready"


class Freeze(Node, frozen=True):
    """Stop reading from the socket, as a stalled phone does. ``thaw`` reads on.

    ``$target.overrun`` tells how many texts of ``max_text_length`` surely pass what the target keeps
    for a stalled reader: ``max_connection_buffer_bytes`` and 6 MiB for the kernels in between.
    """


class Thaw(Node, frozen=True):
    """Read again from a frozen connection, until it is empty or closed."""
