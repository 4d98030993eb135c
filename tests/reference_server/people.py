"""People and what they do, through the service: what a test needs before it comes to its point."""

from __future__ import annotations

from typing import NamedTuple
from uuid import uuid4

import trio

from reference_server.core.errors import ApiError
from reference_server.core.model import Identity, Message
from reference_server.core.receipts import Acknowledged
from reference_server.service import Service
from reference_server.service.accounts import LoginDevice, LoginRequest, RegisterRequest
from reference_server.service.conversations import CreateRequest
from reference_server.service.kernel import Outcome
from reference_server.service.messages import SendRequest

PASSWORD = "correct horse"


class Person(NamedTuple):
    """A user on one device."""

    token: str
    identity: Identity

    @property
    def user_id(self) -> str:
        """Who."""
        return self.identity.user_id

    @property
    def authorization(self) -> dict[str, str]:
        """The header of a request by this person."""
        return {"Authorization": f"Bearer {self.token}"}


async def newcomer(service: Service, user_id: str, device_id: str = "phone") -> Person:
    """Register and log in."""
    await service.accounts.register(RegisterRequest(user_id, PASSWORD))
    return await login(service, user_id, device_id)


async def login(service: Service, user_id: str, device_id: str) -> Person:
    """Log in on a device, a new one or one that there is."""
    request = LoginRequest(user_id, PASSWORD, LoginDevice(device_id))
    session = await service.accounts.login(request)
    return Person(session.token, await service.accounts.identify(session.token))


async def direct(service: Service, one: Person, other: Person) -> str:
    """The id of a direct conversation."""
    request = CreateRequest("direct", [other.user_id])
    created = await service.conversations.create(one.identity, request, None, None)
    return created.conversation.conversation_id


async def group(service: Service, owner: Person, *others: Person, title: str | None = None) -> str:
    """The id of a new group."""
    request = CreateRequest("group", [other.user_id for other in others], title)
    created = await service.conversations.create(owner.identity, request, None, None)
    return created.conversation.conversation_id


async def say(service: Service, who: Person, conversation_id: str, text: str) -> Message:
    """Send a text as HTTP does, over no connection."""
    sent = await service.messages.send(
        who.identity,
        SendRequest(
            conversation_id=conversation_id,
            client_message_id=uuid4().hex,
            body={"kind": "text", "text": text},
        ),
    )
    return sent.message


async def acknowledge(
    service: Service, who: Person, conversation_id: str, status: Acknowledged, up_to_seq: int
) -> None:
    """Acknowledge and wait until it is durable. Raises the refusal."""
    results: list[int | ApiError] = []
    settled = trio.Event()

    def done(result: int | ApiError) -> None:
        results.append(result)
        settled.set()

    service.receipts.acknowledge_soon(
        who.identity, conversation_id, status, [up_to_seq], None, done
    )
    await settled.wait()
    if isinstance(results[0], ApiError):
        raise results[0]


async def all_committed(service: Service) -> None:
    """Return when everything that was given to the writer is durable and published."""
    await service.kernel.do(lambda _: Outcome(None))
