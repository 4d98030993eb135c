"""What must be the case by now: the contract's state, as far as a plan's moves decide it.

Users, devices, conversations with their members and logs, and how each message stands. Only what is certain
is here: of messages that were sent at the same time it is known that they are in the log and not where
(`Message.placed`), and a watermark that may have been lost on its way is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct, field

from .plan import Beginning, Plan, user_of

Role = Literal["owner", "admin", "member"]
Standing = Literal["member", "former", "stranger"]
Relation = Literal["", "reply", "edit", "delete", "reaction"]


class Device(Struct):
    """A device: what it can do at the moment."""

    name: str
    exists: bool = True
    """Whether the server knows it; a device that was removed, it does not."""
    logged_in: bool = True
    connected: bool = False
    frozen: bool = False

    @property
    def user(self) -> str:
        """Whose it is."""
        return user_of(self.name)

    @property
    def speaks(self) -> bool:
        """Whether it has a connection over which answers come."""
        return self.connected and not self.frozen


class Message(Struct):
    """A log entry that a move made, and how it stands."""

    label: str
    chat: str
    sender: str
    text: str | None
    relation: Relation = ""
    target: str = ""
    placed: bool = True
    """Whether it is known to stand where the log has it."""
    sealed: bool = False
    asset: str | None = None
    edited: bool = False
    deleted: bool = False
    reactions: dict[str, set[str]] = field(default_factory=dict)
    first_text: str | None = None
    """What it said when it was sent; a repeat must say that."""

    def __post_init__(self) -> None:
        if self.first_text is None:
            self.first_text = self.text

    @property
    def is_message(self) -> bool:
        """Whether it says something of its own: no edit, no delete, no reaction."""
        return self.relation in ("", "reply")


class Member(Struct):
    """A membership of the present."""

    role: Role
    joined: int
    """The first seq that it sees."""
    read: int | None
    """The user's `read_seq`; None where it is not known."""


class Past(Struct):
    """What one who left still sees: the entries up to its leaving, as they stood then."""

    joined: int
    left: int
    messages: dict[str, Message]


class Chat(Struct):
    """A conversation and its log: `log[0]` is the label of the entry with seq 1, None a system entry."""

    name: str
    kind: Literal["direct", "group"]
    encrypted: bool
    members: dict[str, Member]
    log: list[str | None] = []
    title: str | None = None
    past: dict[str, Past] = {}

    @property
    def head(self) -> int:
        """The highest seq."""
        return len(self.log)

    def standing(self, user: str) -> Standing:
        """What the user is to it."""
        if user in self.members:
            return "member"
        return "former" if user in self.past else "stranger"


class World:
    """The state that the moves so far have led to."""

    def __init__(self, plan: Plan, capabilities: frozenset[str]) -> None:
        self.capabilities = capabilities
        self.users = list(plan.cast)
        self.devices = {
            f"{user}.{name}": Device(f"{user}.{name}")
            for user, names in plan.cast.items()
            for name in names
        }
        self.chats: dict[str, Chat] = {}
        self.messages: dict[str, Message] = {}
        self.blocks: set[tuple[str, str]] = set()
        self.cursors: dict[str, tuple[str, str, int]] = {}
        """By label: conversation, reader, and the seq that the `after` cursor stands behind."""
        self.assets: dict[str, str] = {}
        """Uploaders, by label."""
        self.payloads: dict[str, tuple[str, str]] = {}
        """Devices from and to which payloads went, by label."""
        self.unsettled = False
        """Whether acknowledgements may be under way still."""
        for name, beginning in plan.chats.items():
            self.begin(name, beginning)

    # ── conversations ─────────────────────────────────────────────────────────────────────────

    def begin(self, name: str, beginning: Beginning) -> Chat:
        """A conversation begins."""
        group = beginning.kind == "group"
        # Watermarks of initial members begin below the first entry, which is system in a group.
        members: dict[str, Member] = {
            user: Member("owner" if group and number == 0 else "member", joined=1, read=0)
            for number, user in enumerate(beginning.members)
        }
        chat = Chat(name, beginning.kind, beginning.encrypted, members)
        if group:
            chat.log.append(None)
        self.chats[name] = chat
        return chat

    def direct_of(self, one: str, other: str) -> Chat | None:
        """The direct conversation of two users."""
        pair = {one, other}
        return next(
            (c for c in self.chats.values() if c.kind == "direct" and c.members.keys() == pair),
            None,
        )

    def note(self, chat: Chat) -> None:
        """A system entry."""
        chat.log.append(None)

    def admit(self, chat: Chat, user: str, role: Role) -> None:
        """One joins: the entry of it is the first that they see."""
        self.note(chat)
        chat.past.pop(user, None)
        chat.members[user] = Member(role, joined=chat.head, read=chat.head - 1)

    def dismiss(self, chat: Chat, user: str) -> None:
        """One leaves or is removed, and goes on seeing what was, as it stood."""
        self.note(chat)
        member = chat.members.pop(user)
        seen = {each.label: _copy(each) for each in self.entries(chat, member.joined)}
        chat.past[user] = Past(member.joined, chat.head, seen)

    def blocked(self, chat: Chat) -> bool:
        """Whether messages in it fail with `blocked`."""
        return chat.kind == "direct" and any(
            (one, other) in self.blocks for one in chat.members for other in chat.members
        )

    # ── entries ───────────────────────────────────────────────────────────────────────────────

    def append(self, message: Message) -> None:
        """A message is stored."""
        self.messages[message.label] = message
        self.chats[message.chat].log.append(message.label)

    def entries(self, chat: Chat, first: int = 1) -> Iterator[Message]:
        """The messages of a log from a seq on."""
        for label in chat.log[first - 1 :]:
            if label is not None:
                yield self.messages[label]

    def seq(self, message: Message) -> int:
        """Where it stands; meaningful where it is `placed`."""
        return self.chats[message.chat].log.index(message.label) + 1

    def sees(self, user: str, message: Message) -> bool:
        """Whether the user can see the entry now."""
        chat = self.chats[message.chat]
        if user in chat.members:
            return self.seq(message) >= chat.members[user].joined
        return user in chat.past and message.label in chat.past[user].messages

    def as_seen(self, user: str, message: Message) -> Message:
        """How it stands for one who sees it."""
        chat = self.chats[message.chat]
        return message if user in chat.members else chat.past[user].messages[message.label]

    def unread(self, chat: Chat, user: str) -> int | None:
        """The user's `unread_count`; None where it is not known."""
        member = chat.members[user]
        if member.read is None:
            return None
        first = max(member.read + 1, member.joined)
        return sum(
            each.is_message and not each.deleted and each.sender != user
            for each in self.entries(chat, first)
        )

    # ── devices ───────────────────────────────────────────────────────────────────────────────

    def devices_of(self, user: str) -> list[Device]:
        """All devices of a user."""
        return [each for each in self.devices.values() if each.user == user]

    def speaking(self, users: Iterable[str]) -> list[Device]:
        """The devices of these users on whose connections something would be seen."""
        wanted = set(users)
        return [each for each in self.devices.values() if each.user in wanted and each.speaks]

    def line_ends(self, device: Device) -> None:
        """A connection is gone; what its user acknowledged last may not have arrived."""
        device.connected = device.frozen = False
        if self.unsettled:
            for chat in self.chats.values():
                if device.user in chat.members:
                    chat.members[device.user].read = None


def _copy(message: Message) -> Message:
    fields = {name: getattr(message, name) for name in message.__struct_fields__}
    fields["reactions"] = {key: set(users) for key, users in message.reactions.items()}
    return Message(**fields)
