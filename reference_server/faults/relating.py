"""Faults in replies, edits, deletes and reactions (REL)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ..core import errors, relations, standing
from ..core.model import Conversation, Message, RelatesTo, place_of
from ..core.standing import Standing
from ..service import showing
from ..service.messages import Messages
from ..storage import sqlite
from ..storage.base import Backlog, Queries
from ..storage.sqlite_standings import StandingCommands, StandingQueries
from .seams import Genuine, Seams, fault


@fault("REL-1")
def everybody_edits_everything(seams: Seams) -> None:
    """A member can put other words into somebody else's mouth."""

    @seams.instead(relations, "check_target")
    def check(genuine: Genuine, chat: Any, user_id: str, relation: RelatesTo, *rest: Any) -> None:
        target, stands = rest
        if relation.relation == "edit":
            target = replace(target, sender_id=user_id)
        genuine(chat, user_id, relation, target, stands)


@fault("REL-1")
def everybody_deletes_everything(seams: Seams) -> None:
    """A plain member can delete what others wrote."""
    seams.value(relations, "MANAGERS", frozenset(("owner", "admin", "member")))


@fault("REL-1")
def admins_cannot_delete(seams: Seams) -> None:
    """An admin of a group can delete nothing but their own messages."""
    seams.value(relations, "MANAGERS", frozenset(("owner",)))


@fault("REL-1")
def targets_may_be_elsewhere(seams: Seams) -> None:
    """A reaction to a message of another conversation is taken, and counted where it does not belong."""

    @seams.instead(relations, "target_place")
    def place(genuine: Genuine, chat: Conversation, user_id: str, relation: RelatesTo) -> int:
        named = place_of(relation.message_id)
        if named is None or named[0] == chat.conversation_id or named[1] > chat.head_seq:
            return int(genuine(chat, user_id, relation))
        return named[1]


@fault("REL-1", "CONV-4")
def targets_may_be_out_of_sight(seams: Seams) -> None:
    """Who joined later can react to what was said before, of which they must not know."""

    @seams.instead(relations, "target_place")
    def place(genuine: Genuine, chat: Conversation, user_id: str, relation: RelatesTo) -> int:
        member = replace(chat.members[user_id], joined_seq=1)
        everybody = chat.members | {user_id: member}
        return int(genuine(replace(chat, members=everybody), user_id, relation))


@fault("REL-1")
def the_deleted_can_be_answered(seams: Seams) -> None:
    """A deleted message can still be edited and reacted to."""

    @seams.instead(relations, "check_target")
    def check(genuine: Genuine, *what: Any) -> None:
        *rest, stands = what
        genuine(*rest, replace(stands, deleted=False))


@fault("REL-1")
def reactions_to_reactions(seams: Seams) -> None:
    """Edits, deletes and reactions can themselves be reacted to."""

    @seams.instead(relations, "changes_its_target")
    def changes(_genuine: Genuine, _entry: Message) -> bool:
        return False


@fault("REL-1")
def deletes_may_say_something(seams: Seams) -> None:
    """A delete or a reaction that comes with a body is taken."""

    @seams.instead(relations, "body")
    def body(genuine: Genuine, relation: RelatesTo | None, value: Any, limits: Any) -> Any:
        if relation is not None and relation.relation in relations.BODILESS:
            value = None
        return genuine(relation, value, limits)


@fault("REL-2")
def reactions_are_counted_again(seams: Seams) -> None:
    """Who reacts twice in the same way is counted twice."""

    @seams.instead(StandingQueries, "reacted")
    def reacted(_genuine: Genuine, *_which: Any) -> bool:
        return False

    @seams.instead(StandingCommands, "add_reaction")
    def add(_genuine: Genuine, *_reaction: Any) -> None: ...


@fault("REL-2")
def reactions_stay(seams: Seams) -> None:
    """A reaction that was taken back is still counted."""

    @seams.instead(standing, "after")
    def after(genuine: Genuine, stands: Standing, relation: Message, **how: Any) -> Any:
        relates_to = relation.relates_to
        if relates_to is not None and relates_to.relation == "reaction" and relates_to.remove:
            return stands
        return genuine(stands, relation, **how)


@fault("REL-2", "ORD-7")
def the_replay_shows_what_was_sent(seams: Seams) -> None:
    """Who was away sees an edited message as it was first sent, and a deleted one in full."""

    @seams.instead(Messages, "_replay")
    def replay(_genuine: Genuine, _me: Any, part: Backlog, limit: int, queries: Queries) -> Any:
        return queries.entries_after(part.conversation_id, part.after, part.up_to, limit)


@fault("REL-2")
def edits_outlive_the_deleted(seams: Seams) -> None:
    """A message is deleted, but its edits still say what it said."""

    @seams.instead(StandingQueries, "tombstones")
    def tombstones(_genuine: Genuine, *_which: Any) -> set[int]:
        return set()


@fault("REL-2")
def edits_leave_no_trace(seams: Seams) -> None:
    """A message that was edited does not say that it was."""

    @seams.instead(standing, "after")
    def after(genuine: Genuine, stands: Standing, relation: Message, **how: Any) -> Any:
        result = genuine(stands, relation, **how)
        return replace(result, edited_at=None) if _is_edit(relation) else result


@fault("REL-2")
def the_first_edit_wins(seams: Seams) -> None:
    """A message that was edited twice shows what it was edited to first."""

    @seams.instead(standing, "after")
    def after(genuine: Genuine, stands: Standing, relation: Message, **how: Any) -> Any:
        result = genuine(stands, relation, **how)
        again = _is_edit(relation) and stands.body is not None
        return replace(result, body=stands.body) if again else result


@fault("REL-2", "CONV-4")
def who_left_sees_later_edits(seams: Seams) -> None:
    """Who left a group sees what the messages there were changed to afterwards."""

    @seams.instead(StandingQueries, "standings")
    def standings(genuine: Genuine, queries: Queries, *rest: Any) -> Any:
        return genuine(queries, *rest[:-1], None)


@fault("REL-1")
def reactions_are_short(seams: Seams) -> None:
    """A reaction of more than eight characters is refused."""
    seams.value(relations, "_KEY_LENGTH", range(1, 9))


@fault("REL-1", "ORD-7")
def replies_forget_what_they_answer(seams: Seams) -> None:
    """In the history, a reply does not say what it answers."""

    @seams.instead(sqlite, "encode_content")
    def encode(genuine: Genuine, entry: Message) -> Any:
        is_reply = entry.relates_to is not None and entry.relates_to.relation == "reply"
        return genuine(replace(entry, relates_to=None) if is_reply else entry)


def _is_edit(entry: Message) -> bool:
    return entry.relates_to is not None and entry.relates_to.relation == "edit"


@fault("REL-2")
def edits_take_reactions_away(seams: Seams) -> None:
    """A message that is edited loses its reactions."""

    @seams.instead(standing, "after")
    def after(genuine: Genuine, stands: Standing, relation: Message, **how: Any) -> Any:
        result = genuine(stands, relation, **how)
        return replace(result, reactions={}) if _is_edit(relation) else result


@fault("REL-2", "REL-1")
def edits_take_the_question_away(seams: Seams) -> None:
    """A reply that was edited does not say any more what it answers."""

    @seams.instead(showing, "as_it_stands")
    def shown(genuine: Genuine, entry: Message, stands: Standing, **how: Any) -> Any:
        result = genuine(entry, stands, **how)
        return result if stands.edited_at is None else replace(result, relates_to=None)


@fault("REL-1")
def edits_need_the_same_device(seams: Seams) -> None:
    """What one wrote on the phone cannot be edited on one's laptop."""

    @seams.instead(Messages, "_send")
    def send(genuine: Genuine, use: Messages, me: Any, request: Any, *rest: Any) -> Any:
        relation = request.relates_to
        if isinstance(relation, dict) and relation.get("relation") == "edit":
            place = place_of(str(relation.get("message_id")))
            target = place and rest[-1].entry(*place)
            if target and target.sender_device_id != me.device_id:
                raise errors.NotPermitted("Only the device that sent a message edits it.")
        return genuine(use, me, request, *rest)
