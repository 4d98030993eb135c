"""The hidden users behind barriers, lent to one scenario at a time.

Registering and logging in is the dearest thing that a server does (passwords are hashed slowly, on
purpose), so a campaign keeps its sentinels: a scenario borrows one for its barriers and gives it back
at its end. At any time a sentinel belongs to one scenario only, and each barrier leaves it with nothing
unacknowledged, so it brings nothing along from one to the next.
"""

from __future__ import annotations

from msgspec import Struct

from .adapters.base import Client, Refusal, Session
from .findings import ScenarioFault
from .naming import TRIES, Seeds


class Identity(Struct, frozen=True):
    """A sentinel that is logged in."""

    user_id: str
    device_id: str | None
    token: str | None


class Sentinels:
    """The sentinels of a campaign; as many as there are scenarios at a time."""

    def __init__(self, seed: int) -> None:
        self._seeds = Seeds(seed, "sentinels")
        self._free: list[Identity] = []
        self._made = 0

    async def borrow(self, session: Session) -> Client:
        """A sentinel, as a client of this session."""
        if not self._free:
            return await self._register(session)
        identity = self._free.pop()
        client = session.sentinel(identity.user_id)
        client.user_id = identity.user_id
        client.device_id = identity.device_id
        client.token = identity.token
        return client

    def give_back(self, client: Client) -> None:
        """The scenario is over."""
        self._free.append(Identity(client.user_id, client.device_id, client.token))

    async def _register(self, session: Session) -> Client:
        for _ in range(TRIES):
            self._made += 1
            user_id = f"sentinel-{self._seeds.word(f'user/{self._made}', 10)}"
            password = self._seeds.word(f"password/{self._made}", 20)
            client = session.sentinel(user_id)
            try:
                await client.register(user_id, password, None)
            except Refusal as refusal:
                if refusal.code != "user_exists":
                    raise
            else:
                await client.login(user_id, password)
                return client
        raise ScenarioFault("the barrier found no free user id: choose another --seed")
