"""What became of sends: DLV-4, DLV-5, DLV-7, and that the log holds what was sent (DLV-1).

A send is known by its key: sender, conversation, `client_message_id`. All calls of one key are one
message at most: at most one answer says that it stored it, all others are marked as duplicates of it,
and the log has it at most once, whether or not the sender ever heard of it.
"""

from __future__ import annotations

from typing import Any

from ..history import Accepted, Entry, Refused, Sending
from .content import is_system, same_body
from .evidence import Call, Key, Log
from .findings import Findings
from .index import Index


def judge_sends(index: Index, findings: Findings) -> None:
    """Judge every idempotency key of a history, and every user's entry that no call explains."""
    for key, calls in index.keys.items():
        _repeats(key, calls, findings)
        if all(isinstance(call.outcome, Refused) for call in calls):
            _refused(index, key, calls, findings)
    for key, places in index.sightings.items():
        if len({known.message_id for known in places}) > 1:
            seqs = " and ".join(str(known.seq) for known in places)
            findings.add(
                "DLV-4",
                f"One message of {index.person(key[0])} (client_message_id {key[2]}) is in the log more "
                f"than once, at seqs {seqs}.",
                *(known.existed for known in places[:4]),
                scope=key,
                conversation_id=key[1],
            )
    for log in index.logs.values():
        _faithful(index, log, findings)
        _explained(index, log, findings)


def _repeats(key: Key, calls: list[Call], findings: Findings) -> None:
    """The answers of one key agree, and at most one of them says that it stored the message."""
    answers = [(call, call.outcome) for call in calls if isinstance(call.outcome, Accepted)]
    if len(answers) < 2:
        return
    first_call, first = next((pair for pair in answers if not pair[1].duplicate), answers[0])
    for call, answer in answers:
        if call is first_call:
            continue
        requirement = "DLV-4"
        one, other = first_call.sending, call.sending
        if _content(one) != _content(other):
            requirement = "DLV-5"
            wrong = "was accepted again with another content"
        elif (first.seq, first.message_id) != (answer.seq, answer.message_id):
            wrong = (
                f"was answered with seq {first.seq} ({first.message_id}) and then with seq "
                f"{answer.seq} ({answer.message_id})"
            )
        elif not first.duplicate and not answer.duplicate:
            wrong = "was sent twice, and neither answer was marked as a duplicate"
        else:
            continue
        findings.add(
            requirement,
            f"The client_message_id {key[2]} {wrong}.",
            one,
            first,
            other,
            answer,
            scope=key,
            conversation_id=key[1],
        )


def _refused(index: Index, key: Key, calls: list[Call], findings: Findings) -> None:
    for known in index.sightings.get(key, ()):
        if _carried_otherwise(index, key[2], calls):
            return
        findings.add(
            "DLV-7",
            f"The server refused the message with client_message_id {key[2]}, and yet it is in the log "
            f"at seq {known.seq}.",
            calls[0].sending,
            calls[0].outcome,
            known.existed,
            scope=key,
            conversation_id=key[1],
        )


def _faithful(index: Index, log: Log, findings: Findings) -> None:
    """The log's entry is what the accepted call carried."""
    for call in log.calls:
        answer = call.outcome
        if not isinstance(answer, Accepted):
            continue
        accepted = (c.sending for c in index.keys[call.key] if isinstance(c.outcome, Accepted))
        if any(other.body != call.sending.body for other in accepted):
            continue  # that both were accepted is what is wrong: DLV-5
        known = log.known.get(answer.seq)
        if known is None or known.entry is None or known.message_id != answer.message_id:
            continue
        wrong = _unlike(call, known.entry)
        if wrong:
            findings.add(
                "DLV-1",
                f"Seq {answer.seq} does not reach others as it was accepted: {wrong}.",
                call.sending,
                answer,
                known.existed,
                scope=log.conversation_id,
                conversation_id=log.conversation_id,
            )


def _content(sending: Sending) -> tuple[Any, ...]:
    """What a repeat must have in common with the first (§4)."""
    return sending.body, sending.relates_to, sending.expires_in_s


def _unlike(call: Call, entry: Entry) -> str | None:
    sending = call.sending
    if entry.sender_id is not None and entry.sender_id != sending.user_id:
        return f"its sender is {entry.sender_id}, not {sending.user_id}"
    told = entry.client_message_id
    if told is not None and told != sending.client_message_id:
        return f"its client_message_id is {told}, not {sending.client_message_id}"
    relates_to = sending.relates_to
    relation = relates_to.get("relation") if isinstance(relates_to, dict) else relates_to
    as_sent = relation in (None, "reply") and entry.edited_at is None
    return "its body is another" if as_sent and not same_body(sending.body, entry.body) else None


def _explained(index: Index, log: Log, findings: Findings) -> None:
    """Every entry of one of our users was sent by a call (or by a frame that a scenario wrote itself)."""
    users = {user_id for user_id, _ in index.devices}
    for known in log.known.values():
        entry = known.entry
        if entry is None or known.call is not None or entry.sender_id not in users:
            continue
        if is_system(entry) or entry.client_message_id is None:
            continue
        key = (entry.sender_id, log.conversation_id, entry.client_message_id)
        if key in index.keys or _carried_otherwise(index, key[2], []):
            continue
        findings.add(
            "DLV-1",
            f"Seq {known.seq} is a message of {index.person(entry.sender_id)} that was never sent "
            f"(client_message_id {key[2]}).",
            known.existed,
            scope=(log.conversation_id, "phantom"),
            conversation_id=log.conversation_id,
        )


def _carried_otherwise(index: Index, client_message_id: str, calls: list[Call]) -> bool:
    """Whether more left for the server under this id than these calls.

    A scenario's raw requests and frames may be on the wire without being calls.
    """
    needle = client_message_id.encode()
    return sum(needle in content for content in index.written) > len(calls)
