"""How entries stand now: what later edits, deletes, reactions and deadlines make of them (REL-2).

The log is never rewritten. Beside it, each entry that something was done to has a *standing*, which is
replaced with every relation that changes it. An entry that nothing was done to has none, and costs
nothing. A member who left sees the standings of its last entry, so a standing is a version with the seq
of the relation that made it.

What is shown for a body, the first that applies::

    deleted       the message, or for an edit its target, was deleted
    expired       it expired for this reader before any of its devices had it
    edited        the body of the last edit
    its own
"""

from __future__ import annotations

from msgspec import UNSET, Struct
from msgspec.structs import replace

from .model import Body, DeletedBody, ExpiredBody, Message

_DELETED = DeletedBody()
_EXPIRED = ExpiredBody()


class Standing(Struct, frozen=True, kw_only=True):
    """What has become of a message; as it was sent while `seq` is 0.

    `seq` is the relation that made it so, `body` that of the last edit, `reactions` users by key.
    """

    seq: int = 0
    body: Body | None = None
    edited_at: str | None = None
    deleted: bool = False
    reactions: dict[str, int] = {}


AS_SENT = Standing()


def after(standing: Standing, relation: Message, *, reacted: bool) -> Standing:
    """The standing after an edit, delete or reaction; `reacted` if its sender had this reaction.

    The same standing when nothing changes: a reply, a reaction that is there, the removal of none.
    """
    relates_to = relation.relates_to
    assert relates_to is not None
    if relates_to.relation == "edit":
        return replace(
            standing, seq=relation.seq, body=relation.body, edited_at=relation.created_at
        )
    if relates_to.relation == "delete":
        return replace(standing, seq=relation.seq, deleted=True)
    if relates_to.relation == "reply" or reacted is not relates_to.remove:
        return standing
    assert relates_to.key is not UNSET
    counts = dict(standing.reactions)
    counts[relates_to.key] = counts.get(relates_to.key, 0) + (-1 if relates_to.remove else 1)
    if counts[relates_to.key] == 0:
        del counts[relates_to.key]
    return replace(standing, seq=relation.seq, reactions=counts)


def as_it_stands(
    entry: Message, standing: Standing, *, target_deleted: bool, expired: bool
) -> Message:
    """The entry as a reader is shown it; `target_deleted` and `expired` count for edits too."""
    body = entry.body if standing.body is None else standing.body
    if standing.deleted or target_deleted:
        body = _DELETED
    elif expired:
        body = _EXPIRED
    return replace(entry, body=body, edited_at=standing.edited_at, reactions=standing.reactions)
