"""Encrypted conversations over every lane: to each device its own, and no plaintext (ENC-2, ENC-5, ENC-6)."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from reference_server.core.errors import ApiError
from reference_server.core.model import Message
from reference_server.service import Service
from reference_server.service.messages import SendRequest, Sent

from ..chests import Chest, encrypted_direct, encrypted_group, equip, megolm, olm, own_part
from ..people import Person, direct, login
from .peers import Frame, Lane, hears, live, online, rest, send


def sealed(conversation_id: str, body: dict[str, Any], name: str = "m", **others: Any) -> Frame:
    """A `send` of an encrypted body."""
    return send(conversation_id, name, body=body, **others)


def body_of(message: Message) -> Any:
    """A body as JSON."""
    return msgspec.to_builtins(message.body)


async def say_sealed(
    service: Service, who: Person, conversation_id: str, body: Any, name: str = "m", **others: Any
) -> Sent:
    """Send as HTTP does."""
    request = SendRequest(
        conversation_id=conversation_id, client_message_id=name, body=body, **others
    )
    return await service.messages.send(who.identity, request)


async def test_each_device_receives_its_own_ciphertext(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """Live, in the history, alone, and in the list of chats; the sender's other devices have theirs."""
    laptop, tablet = await login(service, "bob", "laptop"), await login(service, "alice", "tablet")
    phones = [await equip(service, each) for each in (alice, bob, laptop, tablet)]
    chat = await encrypted_direct(service, alice, bob)
    body = olm(phones[0], "hello", *phones[1:])
    async with AsyncExitStack() as stack:
        alices, *others = await live(lane, stack, alice, bob, laptop, tablet)
        await alices.says(sealed(chat, body))
        sent = await hears(alices, "sent")
        for peer, chest in zip(others, phones[1:], strict=True):
            heard = (await hears(peer, "message"))["message"]
            assert heard["message_id"] == sent["message_id"]
            assert heard["body"] == own_part(body, chest)
    for person, chest in zip((alice, bob, laptop, tablet), phones, strict=True):
        me = person.identity
        page = await service.messages.page(me, chat, limit=None, before=None, after=None)
        alone = await service.messages.message(me, sent["message_id"])
        listed = (await service.conversations.list(me, limit=None, cursor=None)).items[0]
        assert listed.last_message is not None
        for message in (page.items[0], alone, listed.last_message):
            assert body_of(message) == own_part(body, chest)


async def test_a_replay_shows_a_device_its_own(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """Letter for letter; a device that was not there sees that there was something."""
    phones = [await equip(service, each) for each in (alice, bob)]
    chat = await encrypted_direct(service, alice, bob)
    body = olm(phones[0], "hello", phones[1])
    await say_sealed(service, alice, chat, body)
    async with lane.connect(bob) as bobs:
        (message,) = await online(bobs)
        assert message["body"] == own_part(body, phones[1])
    late = await login(service, "bob", "late")
    await equip(service, late)
    page = await service.messages.page(late.identity, chat, limit=None, before=None, after=None)
    assert body_of(page.items[0])["ciphertexts"] == {}


async def test_both_encodings_carry_the_same_ciphertext(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """RT-7."""
    laptop = await login(service, "bob", "laptop")
    phones = [await equip(service, each) for each in (alice, bob, laptop)]
    chat = await encrypted_direct(service, alice, bob)
    body = olm(phones[0], "hello", *phones[1:])
    async with lane.connect(bob, "msgpack") as packed, lane.connect(laptop) as texts:
        await online(packed)
        await online(texts)
        await say_sealed(service, alice, chat, body)
        assert (await hears(packed, "message"))["message"]["body"] == own_part(body, phones[1])
        assert (await hears(texts, "message"))["message"]["body"] == own_part(body, phones[2])


async def test_one_ciphertext_for_all_reaches_all(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """`megolm.v1`; also those whose devices have no keys."""
    team = await encrypted_group(service, alice, bob, carol)
    body = megolm(await equip(service, alice), "hello all")
    async with AsyncExitStack() as stack:
        alices, bobs, carols = await live(lane, stack, alice, bob, carol)
        await alices.says(sealed(team, body))
        await hears(alices, "sent")
        for peer in (bobs, carols):
            assert (await hears(peer, "message"))["message"]["body"] == body


async def test_an_answer_over_http_has_the_senders_part_alone(
    service: Service, alice: Person, bob: Person
) -> None:
    """The sending device has none; for its repeat, and for its user's other device, it is the same."""
    tablet = await login(service, "alice", "tablet")
    phones = [await equip(service, each) for each in (alice, bob, tablet)]
    chat = await encrypted_direct(service, alice, bob)
    body = olm(phones[0], "hello", *phones[1:])
    for duplicate in (False, True):
        sent = await say_sealed(service, alice, chat, body)
        assert sent.duplicate is duplicate
        assert body_of(sent.message) == own_part(body, phones[0])
    repeated = await say_sealed(service, tablet, chat, body)
    assert body_of(repeated.message) == own_part(body, phones[2])


async def test_an_edit_is_encrypted_too(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """The target then shows the new ciphertext, to each device its own."""
    phones = [await equip(service, each) for each in (alice, bob)]
    chat = await encrypted_direct(service, alice, bob)
    first = (await say_sealed(service, alice, chat, olm(phones[0], "helo", phones[1]))).message
    edit = {"relation": "edit", "message_id": first.message_id}
    body = olm(phones[0], "hello", phones[1])
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        await alices.says(
            sealed(chat, {"kind": "text", "text": "hello"}, "plain", relates_to=edit),
            sealed(chat, body, "edit", relates_to=edit),
        )
        assert (await hears(alices, "failed"))["error"]["code"] == "plaintext_rejected"
        await hears(alices, "sent")
        heard = (await hears(bobs, "message"))["message"]
        assert heard["body"] == own_part(body, phones[1])
    shown = await service.messages.message(bob.identity, first.message_id)
    assert body_of(shown) == own_part(body, phones[1])
    assert shown.edited_at is not None


@pytest.mark.parametrize(
    "content",
    [
        {"body": {"kind": "text", "text": "canary"}},
        {"body": {"kind": "media", "asset_id": "a", "caption": "canary"}},
        {"body": None},
        {"body": {"kind": "canary"}},
        {"body": "canary"},
        {"relates_to": {"relation": "reaction", "message_id": "TARGET", "key": "👍"}, "body": None},
        {
            "relates_to": {"relation": "reply", "message_id": "TARGET"},
            "body": {"kind": "text", "text": "canary"},
        },
        {
            "relates_to": {"relation": "edit", "message_id": "TARGET"},
            "body": {"kind": "text", "text": "canary"},
        },
    ],
)
async def test_plaintext_is_rejected_and_uses_nothing(
    lane: Lane, service: Service, alice: Person, bob: Person, content: Any
) -> None:
    """Over both ways of sending; then the same id carries a ciphertext, at the next seq (DLV-7)."""
    phones = [await equip(service, each) for each in (alice, bob)]
    chat = await encrypted_direct(service, alice, bob)
    body = olm(phones[0], "hello", phones[1])
    target = (await say_sealed(service, alice, chat, body, "target")).message
    if "relates_to" in content:
        relation = content["relates_to"] | {"message_id": target.message_id}
        content = content | {"relates_to": relation}
    with pytest.raises(ApiError) as refused:
        await say_sealed(service, alice, chat, **content)
    assert refused.value.code == "plaintext_rejected"
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        await alices.says(send(chat, "m") | content, sealed(chat, body))
        failed = await hears(alices, "failed")
        assert (failed["error"]["code"], failed["error"]["retryable"]) == (
            "plaintext_rejected",
            False,
        )
        assert (await hears(alices, "sent"))["seq"] == target.seq + 1
        (heard,) = (await rest(service, alices, bobs))[1]
        assert heard["message"]["body"] == own_part(body, phones[1])


async def test_a_delete_says_nothing_and_is_taken(
    service: Service, alice: Person, bob: Person
) -> None:
    """The ciphertexts become a tombstone."""
    phones = [await equip(service, each) for each in (alice, bob)]
    chat = await encrypted_direct(service, alice, bob)
    body = olm(phones[0], "hello", phones[1])
    target = (await say_sealed(service, alice, chat, body)).message
    delete = {"relation": "delete", "message_id": target.message_id}
    await say_sealed(service, alice, chat, None, "d", relates_to=delete)
    shown = await service.messages.message(bob.identity, target.message_id)
    assert body_of(shown) == {"kind": "deleted"}


async def test_outside_an_encrypted_conversation_it_is_no_body(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """`invalid_body`."""
    chest = await equip(service, alice)
    chat = await direct(service, alice, bob)
    async with lane.connect(alice) as alices:
        await online(alices)
        await alices.says(sealed(chat, megolm(chest, "hello")))
        failed = await hears(alices, "failed")
        assert failed["error"]["code"] == "invalid_body"


async def test_a_stale_device_list_is_refused_with_what_is_wrong(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """A device too few, one that has gone, a stranger's, the sender's own; then the right ones."""
    phones = [await equip(service, each) for each in (alice, bob)]
    chat = await encrypted_direct(service, alice, bob)
    stranger = await equip(service, carol)
    laptop = await equip(service, await login(service, "bob", "laptop"))
    await login(service, "bob", "without-keys")
    gone = Chest("bob", "gone")
    wrong = [
        ([phones[1]], [["bob", "laptop"]], []),
        ([phones[1], laptop, gone], [], [["bob", "gone"]]),
        ([phones[1], laptop, stranger], [], [["carol", "phone"]]),
        ([phones[1], laptop, phones[0]], [], [["alice", "phone"]]),
        ([gone], [["bob", "laptop"], ["bob", "phone"]], [["bob", "gone"]]),
    ]
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        for devices, missing, extra in wrong:
            body = olm(phones[0], "hello", *devices)
            await alices.says(sealed(chat, body))
            error = (await hears(alices, "failed"))["error"]
            assert (error["code"], error["missing"], error["extra"]) == (
                "device_list_stale",
                missing,
                extra,
            )
        await alices.says(sealed(chat, olm(phones[0], "hello", phones[1], laptop)))
        assert (await hears(alices, "sent"))["seq"] == 1
        assert len((await rest(service, alices, bobs))[1]) == 1


async def test_a_removed_member_gets_nothing_more(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """Its devices are extra from then on."""
    phones = [await equip(service, each) for each in (alice, bob, carol)]
    team = await encrypted_group(service, alice, bob, carol)
    await service.conversations.remove_member(alice.identity, team, "carol")
    with pytest.raises(ApiError) as refused:
        await say_sealed(service, alice, team, olm(phones[0], "hello", *phones[1:]))
    assert refused.value.extra == {"missing": [], "extra": [("carol", "phone")]}
    async with lane.connect(carol) as carols:
        await online(carols)
        await say_sealed(service, alice, team, olm(phones[0], "hello", phones[1]))
        assert await rest(service, carols) == [[]]


async def test_a_body_is_signed_with_the_senders_published_key(
    service: Service, alice: Person, bob: Person
) -> None:
    """Another device's, an older one, or one that was never published is refused."""
    chat = await encrypted_direct(service, alice, bob)
    with pytest.raises(ApiError) as refused:
        await say_sealed(service, alice, chat, megolm(Chest("alice", "phone"), "hello"))
    assert refused.value.code == "invalid_body"
    old = await equip(service, alice)
    tablet = await equip(service, await login(service, "alice", "tablet"))
    new = await equip(service, alice, seed="new")
    for chest in (old, tablet):
        with pytest.raises(ApiError) as refused:
            await say_sealed(service, alice, chat, megolm(chest, "hello"))
        assert refused.value.code == "invalid_body"
        assert [each.pointer for each in refused.value.errors] == ["/body/sender_key"]
    assert (await say_sealed(service, alice, chat, megolm(new, "hello"))).message.seq == 1


async def test_a_message_that_expires_hides_its_edits_from_whom_it_failed_for(
    service: Service, alice: Person, bob: Person
) -> None:
    """An expiring message has a deadline like any other; its recipient has its own part until then."""
    phones = [await equip(service, each) for each in (alice, bob)]
    chat = await encrypted_direct(service, alice, bob)
    body = olm(phones[0], "hello", phones[1])
    sent = await say_sealed(service, alice, chat, body, expires_in_s=60)
    shown = await service.messages.message(bob.identity, sent.message.message_id)
    assert shown.expires_at == sent.message.expires_at
    assert body_of(shown) == own_part(body, phones[1])
