"""Conversations to decide about."""

from __future__ import annotations

from reference_server.core.limits import Limits
from reference_server.core.log import Author
from reference_server.core.model import Conversation, Member, Role

LIMITS = Limits(max_group_members=6)
NOW = 1_763_000_000_000


def group(**roles: Role) -> Conversation:
    """A group of people with these roles, who all were there from the start."""
    return Conversation(
        conversation_id="c1",
        kind="group",
        title="Friends",
        encrypted=False,
        created_at=NOW,
        head_seq=1,
        last_at=NOW,
        members={user_id: Member(role, 1) for user_id, role in roles.items()},
    )


def by(user_id: str) -> Author:
    """Someone on a phone."""
    return Author(user_id, "phone")
