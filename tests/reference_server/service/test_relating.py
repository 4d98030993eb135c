"""Relations through the service: what recipients are told, and what a sender is answered."""

from __future__ import annotations

from typing import Any

import pytest

from reference_server.core.errors import ApiError, InvalidRequest
from reference_server.core.model import DeletedBody, Message, TextBody
from reference_server.core.relations import MAX_REACTION_KEYS
from reference_server.service import Service
from reference_server.service.messages import SendRequest, Sent

from ..people import Person, direct, group, say


async def relate(
    service: Service,
    who: Person,
    target: Message,
    relation: str,
    text: str | None = None,
    **more: Any,
) -> Sent:
    """Send a relation, each under its own content as client_message_id."""
    request = SendRequest(
        conversation_id=target.conversation_id,
        client_message_id=f"{relation}-{target.seq}-{text or ''.join(map(str, more.values()))}",
        body=None if text is None else {"kind": "text", "text": text},
        relates_to={"relation": relation, "message_id": target.message_id, **more},
    )
    return await service.messages.send(who.identity, request)


async def repeat(service: Service, who: Person, message: Message) -> Sent:
    """Send once more what `say` has sent."""
    assert isinstance(message.body, TextBody)
    request = SendRequest(
        conversation_id=message.conversation_id,
        client_message_id=str(message.client_message_id),
        body={"kind": "text", "text": message.body.text},
    )
    return await service.messages.send(who.identity, request)


async def test_a_repeat_shows_the_entry_as_its_sender_may_see_it(
    service: Service, alice: Person, bob: Person
) -> None:
    """As it stands for a member, as it stood for one who left, also when that one is back."""
    club = await group(service, alice, bob)
    message = await say(service, bob, club, "hello")
    await relate(service, bob, message, "edit", "hello!")
    assert (await repeat(service, bob, message)).message.body == TextBody("hello!")
    await service.conversations.remove_member(bob.identity, club, "bob")
    await relate(service, alice, message, "delete")
    assert (await repeat(service, bob, message)).message.body == TextBody("hello!")
    await service.conversations.set_member(alice.identity, club, "bob", None)
    again = await repeat(service, bob, message)
    assert (again.duplicate, again.message.body) == (True, TextBody("hello!"))
    seen = await service.messages.message(alice.identity, message.message_id)
    assert seen.body == DeletedBody()


async def test_reactions_to_one_message_are_bounded(
    service: Service, alice: Person, bob: Person
) -> None:
    """A message with all of them, and the longest text, fits into a frame."""
    chat = await direct(service, alice, bob)
    message = await say(service, alice, chat, "hello")
    for number in range(MAX_REACTION_KEYS):
        await relate(service, bob, message, "reaction", key=str(number))
    with pytest.raises(InvalidRequest):
        await relate(service, bob, message, "reaction", key="one more")
    await relate(service, bob, message, "reaction", key="0", remove=True)
    await relate(service, bob, message, "reaction", key="one more")
    seen = await service.messages.message(alice.identity, message.message_id)
    assert len(seen.reactions) == MAX_REACTION_KEYS


async def test_a_refused_relation_changes_nothing(
    service: Service, alice: Person, bob: Person
) -> None:
    """No seq, no standing, and blocks come after everything that is wrong with the send itself."""
    chat = await direct(service, alice, bob)
    message = await say(service, alice, chat, "hello")
    await service.blocks.block(alice.identity, "bob")
    for relation, text, code in (
        ("edit", "mine now", "not_permitted"),
        ("delete", None, "not_permitted"),
        ("reaction", "x", "invalid_request"),
        ("reply", "hi", "blocked"),
    ):
        with pytest.raises(ApiError) as refusal:
            await relate(service, bob, message, relation, text)
        assert refusal.value.code == code
    view = await service.conversations.get(alice.identity, chat)
    assert (view.head_seq, view.last_message) == (1, message)
