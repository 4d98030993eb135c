"""Everybody at once: what must happen once happens once, and everybody is told the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import pytest
import trio

from reference_server.core.errors import ApiError, UnknownUser
from reference_server.service import Service
from reference_server.service.accounts import RegisterRequest
from reference_server.service.conversations import CreateRequest
from reference_server.service.messages import SendRequest, Sent

from ..people import PASSWORD, Person, acknowledge, direct, group, login, say


async def at_once(*deeds: Callable[[], Awaitable[Any]]) -> list[Any]:
    """The results of deeds that run together; a refusal is a result by its code."""
    results: list[Any] = []

    async def run(deed: Callable[[], Awaitable[Any]]) -> None:
        try:
            results.append(await deed())
        except ApiError as refusal:
            results.append(refusal.code)

    async with trio.open_nursery() as nursery:
        for deed in deeds:
            nursery.start_soon(run, deed)
    return results


async def test_a_pair_that_is_created_from_both_sides_is_one(
    service: Service, alice: Person, bob: Person
) -> None:
    """CONV-1."""
    deeds = [partial(direct, service, *pair) for pair in ((alice, bob), (bob, alice)) * 5]
    assert len(set(await at_once(*deeds))) == 1


async def test_a_user_id_is_given_to_one(service: Service) -> None:
    """The others are told `user_exists`."""
    register = partial(service.accounts.register, RegisterRequest("zoe", PASSWORD))
    results = await at_once(*[register] * 5)
    assert results.count("user_exists") == 4


async def test_the_same_send_on_many_connections_is_stored_once(
    service: Service, alice: Person, bob: Person
) -> None:
    """DLV-4: one is the first, all others are its duplicates."""
    chat = await direct(service, alice, bob)
    body = {"kind": "text", "text": "hello"}
    request = SendRequest(conversation_id=chat, client_message_id="m", body=body)
    results = await at_once(*[partial(service.messages.send, alice.identity, request)] * 10)
    assert all(isinstance(each, Sent) for each in results)
    assert Counter(each.duplicate for each in results) == {False: 1, True: 9}
    assert len({each.message.message_id for each in results}) == 1


async def test_concurrent_senders_leave_no_gap(
    service: Service, alice: Person, bob: Person
) -> None:
    """ORD-1, ORD-6: whoever comes first, seqs are dense and times do not fall."""
    chat = await direct(service, alice, bob)
    deeds = [
        partial(
            service.messages.send,
            who.identity,
            SendRequest(
                conversation_id=chat,
                client_message_id=f"m{number}",
                body={"kind": "text", "text": f"{number}"},
            ),
        )
        for number in range(20)
        for who in (alice, bob)
    ]
    sent = sorted((each.message for each in await at_once(*deeds)), key=lambda each: each.seq)
    assert [each.seq for each in sent] == list(range(1, 41))
    times = [each.created_at for each in sent]
    assert times == sorted(times)


async def test_a_group_with_a_key_is_created_once(service: Service, alice: Person) -> None:
    """The same Idempotency-Key on many requests."""
    request = CreateRequest("group", [], "Friends")
    create = partial(service.conversations.create, alice.identity, request, "k", {"a": 1})
    results = await at_once(*[create] * 5)
    assert Counter(each.created for each in results) == {True: 1, False: 4}
    assert len({each.conversation.conversation_id for each in results}) == 1


async def test_an_acknowledgement_that_outlives_its_device_keeps_nobody_out(
    service: Service, alice: Person, bob: Person
) -> None:
    """It was read before the removal was told; the device of that name begins anew, at the heads."""
    chat = await direct(service, alice, bob)
    await say(service, alice, chat, "one")
    await service.accounts.remove_device(bob.identity, "phone")
    await acknowledge(service, bob, chat, "delivered", 1)
    await say(service, alice, chat, "two")
    again = await login(service, "bob", "phone")
    assert (await service.messages.waiting(again.identity)).backlog == []


async def test_a_name_that_is_repeated_costs_the_writer_nothing(
    service: Service, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body full of one member's name, or of too many names, holds up nobody: few are looked up."""
    commands, asked = service.kernel.store.commands, list[str]()
    genuine = commands.unknown_users

    def unknown_users(user_ids: Sequence[str]) -> list[str]:
        asked.extend(user_ids)
        return genuine(user_ids)

    monkeypatch.setattr(commands, "unknown_users", unknown_users)
    create = partial(service.conversations.create, alice.identity, key=None, content=None)
    repeated = await create(CreateRequest("group", ["bob"] * 20_000))
    assert repeated.conversation.member_count == 2
    with pytest.raises(UnknownUser):
        await create(CreateRequest("group", [f"nobody{n}" for n in range(20_000)]))
    assert len(asked) < 2_000


async def test_two_owners_who_leave_at_once_leave_an_owner(
    service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """Whoever goes last hands over."""
    chat = await group(service, alice, bob, carol)
    await service.conversations.set_member(alice.identity, chat, "bob", "owner")
    await at_once(
        *(
            partial(service.conversations.remove_member, who.identity, chat, who.user_id)
            for who in (alice, bob)
        )
    )
    (member,) = (await service.conversations.get(carol.identity, chat)).members or ()
    assert (member.user_id, member.role) == ("carol", "owner")
