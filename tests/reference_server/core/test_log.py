"""Who may change a conversation, and what the log says afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import UNSET

from reference_server.core import errors, log
from reference_server.core.limits import Limits
from reference_server.core.model import (
    Conversation,
    Member,
    Message,
    Role,
    SystemBody,
    TextBody,
)
from reference_server.core.times import rfc3339

from .groups import LIMITS, NOW, by, group

ROLES: tuple[Role, ...] = ("owner", "admin", "member")
PEOPLE = ("alice", "bob", "carol", "dave", "erin", "frank", "grace")


def events(change: log.Change) -> list[SystemBody]:
    """The system entries of a change."""
    return [entry.body for entry in change.entries if isinstance(entry.body, SystemBody)]


# Who may do what: §3, row by row.

DEEDS: dict[str, Callable[[Conversation], log.Change]] = {
    "add": lambda c: log.set_member(c, by("me"), "new", None, NOW, LIMITS),
    "add a member": lambda c: log.set_member(c, by("me"), "new", "member", NOW, LIMITS),
    "add an admin": lambda c: log.set_member(c, by("me"), "new", "admin", NOW, LIMITS),
    "add an owner": lambda c: log.set_member(c, by("me"), "new", "owner", NOW, LIMITS),
    "rename": lambda c: log.rename(c, by("me"), "Foes", NOW),
    "leave": lambda c: log.remove_member(c, by("me"), "me", NOW),
    "remove an owner": lambda c: log.remove_member(c, by("me"), "an-owner", NOW),
    "remove an admin": lambda c: log.remove_member(c, by("me"), "an-admin", NOW),
    "remove a member": lambda c: log.remove_member(c, by("me"), "a-member", NOW),
    "make an owner": lambda c: log.set_member(c, by("me"), "a-member", "owner", NOW, LIMITS),
    "make an admin": lambda c: log.set_member(c, by("me"), "a-member", "admin", NOW, LIMITS),
    "demote an owner": lambda c: log.set_member(c, by("me"), "an-owner", "member", NOW, LIMITS),
    "demote an admin": lambda c: log.set_member(c, by("me"), "an-admin", "member", NOW, LIMITS),
    "promote oneself": lambda c: log.set_member(c, by("me"), "me", "owner", NOW, LIMITS),
    "demote oneself": lambda c: log.set_member(c, by("me"), "me", "member", NOW, LIMITS),
}
PERMITTED: dict[Role, frozenset[str]] = {
    "owner": frozenset(DEEDS),
    "admin": frozenset({"add", "add a member", "remove a member", "rename", "leave"}),
    "member": frozenset({"leave"}),
}
# Setting the role that one has is a no-op, whoever does it.
NO_OPS = {("owner", "promote oneself"), ("member", "demote oneself")}


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("role", ROLES)
def test_roles_permit_exactly_what_the_contract_says(role: Role, deed: str) -> None:
    """CONV-3: every deed by every role is either in the log afterwards or `not_permitted`."""
    conversation = group(
        **{"me": role, "an-owner": "owner", "an-admin": "admin", "a-member": "member"}
    )
    if (role, deed) in NO_OPS:
        assert DEEDS[deed](conversation) == log.Change(conversation, ())
    elif deed in PERMITTED[role]:
        change = DEEDS[deed](conversation)
        assert len(events(change)) == 1
        assert change.conversation.head_seq == conversation.head_seq + 1
    else:
        with pytest.raises(errors.NotPermitted):
            DEEDS[deed](conversation)


@pytest.mark.parametrize("deed", DEEDS)
def test_a_direct_conversation_cannot_be_changed(deed: str) -> None:
    """Membership and title of a pair are fixed."""
    pair = log.new_direct("c1", ("me", "other"), NOW)
    with pytest.raises(errors.NotPermitted):
        DEEDS[deed](pair)


def test_a_direct_conversation_starts_empty_with_both_as_members() -> None:
    """No system entry announces it."""
    pair = log.new_direct("c1", ("alice", "bob"), NOW)
    assert (pair.head_seq, pair.kind, pair.title) == (0, "direct", None)
    assert {(user_id, m.role, m.joined_seq) for user_id, m in pair.members.items()} == {
        ("alice", "member", 1),
        ("bob", "member", 1),
    }


def test_a_group_begins_with_its_created_entry() -> None:
    """Seq 1 names all initial members, each once, and the creator is the owner."""
    change = log.new_group("c1", by("alice"), ["bob", "alice", "bob"], "Friends", NOW, LIMITS)
    (entry,) = change.entries
    assert (entry.seq, entry.sender_id, entry.sender_device_id) == (1, "alice", "phone")
    assert entry.body == SystemBody(event="created", user_ids=("alice", "bob"))
    roles = {user_id: member.role for user_id, member in change.conversation.members.items()}
    assert roles == {"alice": "owner", "bob": "member"}


def test_what_is_said_about_a_change_names_the_one_concerned_and_who_did_it() -> None:
    """The `user_id` is whom it concerns; the `sender_id` is who did it."""
    conversation = group(alice="owner", bob="member")
    (joined,) = log.set_member(conversation, by("alice"), "carol", None, NOW, LIMITS).entries
    assert joined.sender_id == "alice"
    assert joined.body == SystemBody(event="joined", user_id="carol", role="member")
    (title,) = log.rename(conversation, by("alice"), "Foes", NOW).entries
    assert title.body == SystemBody(event="title", user_id="alice", title="Foes")
    (role,) = log.set_member(conversation, by("alice"), "bob", "admin", NOW, LIMITS).entries
    assert role.body == SystemBody(event="role", user_id="bob", role="admin")
    (removed,) = log.remove_member(conversation, by("alice"), "bob", NOW).entries
    assert (removed.sender_id, removed.body) == (
        "alice",
        SystemBody(event="removed", user_id="bob"),
    )


def test_a_new_member_joins_at_the_seq_of_its_entry() -> None:
    """Nothing older is for it (CONV-4)."""
    change = log.set_member(group(alice="owner"), by("alice"), "bob", None, NOW, LIMITS)
    assert change.conversation.members["bob"].joined_seq == change.entries[0].seq == 2


def test_a_role_change_keeps_the_joining() -> None:
    """Seniority counts from the joining, not from the promotion."""
    conversation = group(alice="owner", bob="member")
    change = log.set_member(conversation, by("alice"), "bob", "admin", NOW, LIMITS)
    assert change.conversation.members["bob"].joined_seq == 1


def test_the_last_owner_cannot_be_demoted() -> None:
    """Not even by itself, while another owner can be."""
    alone = group(alice="owner", bob="admin")
    with pytest.raises(errors.NotPermitted):
        log.set_member(alone, by("alice"), "alice", "admin", NOW, LIMITS)
    two = group(alice="owner", bob="owner")
    change = log.set_member(two, by("alice"), "alice", "admin", NOW, LIMITS)
    assert change.conversation.members["alice"].role == "admin"


@pytest.mark.parametrize(
    ("members", "heir"),
    [
        ([("bob", "member", 2), ("carol", "admin", 9), ("dave", "admin", 5)], "dave"),
        ([("bob", "member", 7), ("carol", "member", 3)], "carol"),
    ],
    ids=["the longest-standing admin", "else the longest-standing member"],
)
def test_when_the_last_owner_leaves_the_right_one_succeeds(
    members: Sequence[tuple[str, Role, int]], heir: str
) -> None:
    """The succession is an entry of the server's own, behind the `left` entry."""
    conversation = group(alice="owner")
    conversation.members.update({name: Member(role, at) for name, role, at in members})
    change = log.remove_member(conversation, by("alice"), "alice", NOW)
    left, succession = change.entries
    assert left.body == SystemBody(event="left", user_id="alice")
    assert succession.seq == left.seq + 1
    assert (succession.sender_id, succession.sender_device_id) == (None, None)
    assert succession.body == SystemBody(event="role", user_id=heir, role="owner")
    assert change.conversation.members[heir].role == "owner"


def test_there_is_no_succession_while_an_owner_is_left() -> None:
    """Two owners, one goes: one entry."""
    conversation = group(alice="owner", bob="owner", carol="admin")
    change = log.remove_member(conversation, by("alice"), "alice", NOW)
    assert [body.event for body in events(change)] == ["left"]


def test_the_last_one_can_leave_and_nobody_succeeds() -> None:
    """An empty group is possible; its log ends with the farewell."""
    change = log.remove_member(group(alice="owner"), by("alice"), "alice", NOW)
    assert [body.event for body in events(change)] == ["left"]
    assert change.conversation.members == {}


def test_removing_a_stranger_is_told_only_to_those_who_may_remove() -> None:
    """`unknown_user` for managers, `not_permitted` for plain members."""
    conversation = group(alice="owner", bob="member")
    with pytest.raises(errors.UnknownUser):
        log.remove_member(conversation, by("alice"), "mallory", NOW)
    with pytest.raises(errors.NotPermitted):
        log.remove_member(conversation, by("bob"), "mallory", NOW)


def test_the_title_that_a_group_has_is_a_no_op() -> None:
    """As with roles, nothing is logged."""
    conversation = group(alice="owner")
    assert log.rename(conversation, by("alice"), "Friends", NOW) == log.Change(conversation, ())


def test_a_group_grows_up_to_its_limit_and_no_further() -> None:
    """The creator counts; the limit itself is allowed."""
    limits = Limits(max_group_members=3)
    full = log.new_group("c1", by("alice"), ["bob", "carol"], None, NOW, limits).conversation
    assert len(full.members) == 3
    with pytest.raises(errors.TooManyMembers):
        log.set_member(full, by("alice"), "dave", None, NOW, limits)
    with pytest.raises(errors.TooManyMembers):
        log.new_group("c2", by("alice"), ["bob", "carol", "dave"], None, NOW, limits)


def folded(entries: Sequence[Message]) -> dict[str, tuple[Role, int]]:
    """Who is a member with which role since when, read off a log alone."""
    members: dict[str, tuple[Role, int]] = {}
    for entry in entries:
        body = entry.body
        if not isinstance(body, SystemBody):
            continue
        if body.event == "created":
            assert body.user_ids is not UNSET
            members = dict.fromkeys(body.user_ids, ("member", 1))
            assert entry.sender_id is not None
            members[entry.sender_id] = ("owner", 1)
        elif body.event != "title":
            assert isinstance(body.user_id, str)
            if body.event in ("left", "removed"):
                del members[body.user_id]
            else:
                assert body.role is not UNSET
                since = entry.seq if body.event == "joined" else members[body.user_id][1]
                members[body.user_id] = (body.role, since)
    return members


class Life(RuleBasedStateMachine):
    """A group's life under any clock, with everybody trying everything.

    What is refused changes nothing, because changes are values; what is granted is checked against
    the log alone.
    """

    @initialize(
        others=st.lists(st.sampled_from(PEOPLE[1:]), max_size=3), now=st.integers(0, 2 * NOW)
    )
    def create(self, others: list[str], now: int) -> None:
        change = log.new_group("c1", by("alice"), others, None, now, LIMITS)
        self.conversation = change.conversation
        self.entries = list(change.entries)

    def take(self, change: log.Change) -> None:
        self.conversation = change.conversation
        self.entries += change.entries

    def author(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.conversation.members)), "author")

    @precondition(lambda self: self.conversation.members)
    @rule(data=st.data(), now=st.integers(0, 2 * NOW))
    def says(self, data: st.DataObject, now: int) -> None:
        self.take(log.append(self.conversation, by(self.author(data)), TextBody("x"), now, "m"))

    @precondition(lambda self: self.conversation.members)
    @rule(
        data=st.data(),
        user_id=st.sampled_from(PEOPLE),
        role=st.sampled_from((None, *ROLES)),
        now=st.integers(0, 2 * NOW),
    )
    def sets_member(self, data: st.DataObject, user_id: str, role: Role | None, now: int) -> None:
        author = by(self.author(data))
        try:
            self.take(log.set_member(self.conversation, author, user_id, role, now, LIMITS))
        except (errors.NotPermitted, errors.TooManyMembers):
            return
        now_has = self.conversation.members[user_id].role
        assert role is None or now_has == role

    @precondition(lambda self: self.conversation.members)
    @rule(data=st.data(), user_id=st.sampled_from(PEOPLE), now=st.integers(0, 2 * NOW))
    def removes(self, data: st.DataObject, user_id: str, now: int) -> None:
        author = by(self.author(data))
        try:
            self.take(log.remove_member(self.conversation, author, user_id, now))
        except (errors.NotPermitted, errors.UnknownUser):
            return
        assert user_id not in self.conversation.members

    @precondition(lambda self: self.conversation.members)
    @rule(data=st.data(), title=st.sampled_from("AB"), now=st.integers(0, 2 * NOW))
    def renames(self, data: st.DataObject, title: str, now: int) -> None:
        author = by(self.author(data))
        try:
            self.take(log.rename(self.conversation, author, title, now))
        except errors.NotPermitted:
            return
        assert self.conversation.title == title

    @precondition(lambda self: not self.conversation.members)
    @rule()
    def is_over(self) -> None:
        """Everybody has left, and nobody is there to do anything more."""

    @invariant()
    def seqs_are_dense(self) -> None:
        assert [entry.seq for entry in self.entries] == list(range(1, len(self.entries) + 1))
        assert self.conversation.head_seq == len(self.entries)

    @invariant()
    def times_never_fall(self) -> None:
        times = [entry.created_at for entry in self.entries]
        assert times == sorted(times)
        assert times[-1] == rfc3339(self.conversation.last_at)

    @invariant()
    def the_log_tells_who_is_in(self) -> None:
        told = {
            user_id: (member.role, member.joined_seq)
            for user_id, member in self.conversation.members.items()
        }
        assert told == folded(self.entries)

    @invariant()
    def somebody_owns_it_and_it_is_not_too_large(self) -> None:
        roles = [member.role for member in self.conversation.members.values()]
        assert len(roles) <= LIMITS.max_group_members
        assert not roles or "owner" in roles


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
test_a_groups_life = Life.TestCase
