"""Putting things into a store, as the service would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from reference_server.core import log
from reference_server.core.limits import Limits
from reference_server.core.log import Author
from reference_server.core.model import Conversation, TextBody, User
from reference_server.core.times import rfc3339
from reference_server.storage.base import Commands, Store

NOW = 1_763_000_000_000
ALICE = Author("alice", "phone")
BOB = Author("bob", "phone")


@contextmanager
def committed(store: Store) -> Iterator[Commands]:
    """A transaction that is kept."""
    store.begin()
    yield store.commands
    store.commit()


def people(commands: Commands, *user_ids: str) -> None:
    """Users without devices."""
    for user_id in user_ids:
        commands.add_user(User(user_id, user_id.title(), rfc3339(NOW)), b"hash", NOW)


def pair(commands: Commands, conversation_id: str = "c1") -> Conversation:
    """Alice and Bob's direct conversation."""
    conversation = log.new_direct(conversation_id, ("alice", "bob"), NOW)
    commands.add_conversation(conversation, ("alice", "bob"))
    return conversation


def group(commands: Commands, conversation_id: str, *others: str) -> Conversation:
    """Alice's group with its `created` entry."""
    change = log.new_group(conversation_id, ALICE, others, "Friends", NOW, Limits())
    commands.add_conversation(change.conversation, None)
    commands.append(change.conversation, change.entries[0], None)
    return change.conversation


def say(
    commands: Commands, conversation: Conversation, author: Author, *texts: str
) -> Conversation:
    """Append texts, each under itself as client_message_id and fingerprint."""
    for text in texts:
        change = log.append(conversation, author, TextBody(text), NOW, text)
        conversation = change.conversation
        commands.append(conversation, change.entries[0], text.encode())
    return conversation


def join(commands: Commands, conversation: Conversation, user_id: str) -> Conversation:
    """Alice adds someone."""
    change = log.set_member(conversation, ALICE, user_id, None, NOW, Limits())
    commands.append(change.conversation, change.entries[0], None)
    commands.begin_stay(
        conversation.conversation_id, user_id, "member", change.conversation.head_seq
    )
    return change.conversation


def remove(commands: Commands, conversation: Conversation, user_id: str) -> Conversation:
    """Alice removes someone."""
    change = log.remove_member(conversation, ALICE, user_id, NOW)
    commands.append(change.conversation, change.entries[0], None)
    joined_seq = conversation.members[user_id].joined_seq
    commands.end_stay(change.conversation, user_id, change.conversation.head_seq, joined_seq)
    return change.conversation
