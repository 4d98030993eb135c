"""Appending to a conversation's log: who may do what, and the entries that follow.

Every function takes the conversation as it stands and answers a :class:`Change`: the conversation as it
will stand, and the entries to append. Nothing is changed in place, so a change that is not committed
never happened. The seq of an entry is decided here and nowhere else: head + 1 (ORD-1), with a
`created_at` that never falls behind the entry before (ORD-6).

Who may change a group (§3)::

                       owner   admin   member
    add a member         x       x
    remove a member      x       x               (remove an owner or admin: owner)
    grant, take a role   x
    rename               x       x
    leave                x       x       x
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from . import errors
from .limits import Limits
from .model import (
    Body,
    Conversation,
    Member,
    Message,
    RelatesTo,
    Role,
    SystemBody,
    message_id_of,
)
from .times import rfc3339

MANAGERS: frozenset[Role] = frozenset(("owner", "admin"))
SUCCESSION: tuple[Role, ...] = ("admin", "member")
"""Who becomes owner when the last one leaves: the longest-standing of the first role that is held."""


class Author(Struct, frozen=True):
    """Who appends: a user and the device; both None for the server's own succession."""

    user_id: str | None
    device_id: str | None = None


SERVER = Author(None)


class Change(Struct, frozen=True):
    """A conversation as it will stand and what is appended to its log to get there."""

    conversation: Conversation
    entries: tuple[Message, ...]


def append(
    conversation: Conversation,
    author: Author,
    body: Body | None,
    now: int,
    client_message_id: str | None = None,
    relates_to: RelatesTo | None = None,
    lifetime_s: int | None = None,
) -> Change:
    """One entry at the head of the log; `now` in milliseconds."""
    seq = conversation.head_seq + 1
    at = now if now > conversation.last_at else conversation.last_at
    by_itself = relates_to is None or relates_to.relation == "reply"
    entry = Message(
        message_id=message_id_of(conversation.conversation_id, seq),
        conversation_id=conversation.conversation_id,
        seq=seq,
        sender_id=author.user_id,
        sender_device_id=author.device_id,
        client_message_id=client_message_id,
        created_at=rfc3339(at),
        body=body,
        relates_to=relates_to,
        expires_at=None if lifetime_s is None else rfc3339(at + lifetime_s * 1000),
    )
    newest = seq if by_itself else conversation.last_message_seq
    after = replace(conversation, head_seq=seq, last_at=at, last_message_seq=newest)
    return Change(after, (entry,))


def new_direct(
    conversation_id: str, pair: tuple[str, str], now: int, *, encrypted: bool = False
) -> Conversation:
    """An empty direct conversation: both are members from the start, the log starts empty."""
    return Conversation(
        conversation_id=conversation_id,
        kind="direct",
        title=None,
        encrypted=encrypted,
        created_at=now,
        head_seq=0,
        last_at=now,
        members={user_id: Member("member", 1) for user_id in pair},
    )


def new_group(
    conversation_id: str,
    owner: Author,
    others: Iterable[str],
    title: str | None,
    now: int,
    limits: Limits,
    *,
    encrypted: bool = False,
) -> Change:
    """A group whose log begins with the `created` entry; the creator is its owner."""
    assert owner.user_id is not None
    members = {owner.user_id: Member("owner", 1)}
    members |= {user_id: Member("member", 1) for user_id in others if user_id != owner.user_id}
    _check_size(len(members), limits)
    empty = Conversation(
        conversation_id=conversation_id,
        kind="group",
        title=title,
        encrypted=encrypted,
        created_at=now,
        head_seq=0,
        last_at=now,
        members=members,
    )
    return append(empty, owner, SystemBody(event="created", user_ids=tuple(members)), now)


def set_member(
    conversation: Conversation,
    author: Author,
    user_id: str,
    role: Role | None,
    now: int,
    limits: Limits,
) -> Change:
    """Add `user_id` (as `role`, default member), or change the role that it has."""
    mine = _my_role(conversation, author)
    _must_be_group(conversation)
    present = conversation.members.get(user_id)
    if present is not None:
        if role is None or role == present.role:
            return Change(conversation, ())
        return _change_role(conversation, author, user_id, present, role, now)
    if mine not in MANAGERS or (role not in (None, "member") and mine != "owner"):
        raise errors.NotPermitted("Owners and admins add members; only owners grant roles.")
    _check_size(len(conversation.members) + 1, limits)
    body = SystemBody(event="joined", user_id=user_id, role=role or "member")
    change = append(conversation, author, body, now)
    joined = Member(role or "member", change.conversation.head_seq)
    return _with_members(change, conversation.members | {user_id: joined})


def remove_member(conversation: Conversation, author: Author, user_id: str, now: int) -> Change:
    """Remove `user_id`, or leave. When the last owner leaves, a successor's entry follows."""
    mine = _my_role(conversation, author)
    _must_be_group(conversation)
    leaving = user_id == author.user_id
    target = conversation.members.get(user_id)
    if not leaving:
        if mine not in MANAGERS:
            raise errors.NotPermitted("Only owners and admins remove members.")
        if target is None:
            raise errors.UnknownUser("This user is not a member.")
        if target.role != "member" and mine != "owner":
            raise errors.NotPermitted("Only owners remove owners and admins.")
    body = SystemBody(event="left" if leaving else "removed", user_id=user_id)
    change = append(conversation, author, body, now)
    rest = {other: member for other, member in conversation.members.items() if other != user_id}
    change = _with_members(change, rest)
    if rest and not any(member.role == "owner" for member in rest.values()):
        change = _succeed(change, now)
    return change


def rename(conversation: Conversation, author: Author, title: str, now: int) -> Change:
    """Set a group's title. The title that it has is a no-op, like a role that one has."""
    mine = _my_role(conversation, author)
    _must_be_group(conversation)
    if mine not in MANAGERS:
        raise errors.NotPermitted("Only owners and admins rename a group.")
    if title == conversation.title:
        return Change(conversation, ())
    assert author.user_id is not None
    body = SystemBody(event="title", user_id=author.user_id, title=title)
    change = append(conversation, author, body, now)
    return Change(replace(change.conversation, title=title), change.entries)


def _change_role(
    conversation: Conversation,
    author: Author,
    user_id: str,
    present: Member,
    role: Role,
    now: int,
) -> Change:
    if _my_role(conversation, author) != "owner":
        raise errors.NotPermitted("Only owners grant or take roles.")
    owners = [other for other, member in conversation.members.items() if member.role == "owner"]
    if owners == [user_id]:
        raise errors.NotPermitted("The last owner cannot be demoted.")
    body = SystemBody(event="role", user_id=user_id, role=role)
    change = append(conversation, author, body, now)
    members = conversation.members | {user_id: Member(role, present.joined_seq)}
    return _with_members(change, members)


def _succeed(change: Change, now: int) -> Change:
    conversation = change.conversation
    for role in SUCCESSION:
        standing = [
            (member.joined_seq, user_id)
            for user_id, member in conversation.members.items()
            if member.role == role
        ]
        if standing:
            joined_seq, heir = min(standing)
            body = SystemBody(event="role", user_id=heir, role="owner")
            after = append(conversation, SERVER, body, now)
            members = conversation.members | {heir: Member("owner", joined_seq)}
            return Change(
                replace(after.conversation, members=members), change.entries + after.entries
            )
    return change


def _with_members(change: Change, members: dict[str, Member]) -> Change:
    return Change(replace(change.conversation, members=members), change.entries)


def _my_role(conversation: Conversation, author: Author) -> Role:
    """The author's role; that it is a member was found out when the conversation was looked up."""
    assert author.user_id is not None
    return conversation.members[author.user_id].role


def _must_be_group(conversation: Conversation) -> None:
    if conversation.kind == "direct":
        raise errors.NotPermitted("A direct conversation cannot be changed.")


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.max_group_members:
        raise errors.TooManyMembers(f"A group has at most {limits.max_group_members} members.")
