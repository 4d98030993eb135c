"""The messenger adapter: what the target is, and sessions against it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import trio

from reports.model import Met

from ...checkers import schema
from ...checkers.base import Violation
from ...history import History, Restarted
from ...outages import MANNERS, Manner, Outage
from ...patience import Patience
from ..base import Malformed, Target, TargetTrouble
from . import encounters, manners, shapes
from .client import MessengerClient
from .curl import curl
from .dialling import tls_for
from .handshake import Doorway
from .http11 import HttpConnections, HttpTrouble, Reply, TimedOut, target_of
from .jsontext import NotJson, parse
from .notebook import Notebook
from .rest import Rest, reason_of

DISCOVERY = "/.well-known/messenger"
VERSION = "v1.0"


class MessengerSession:
    """One scenario's run; see `adapters.base.Session`."""

    def __init__(
        self, notebook: Notebook, rest: Rest, doorway: Doorway, nursery: trio.Nursery
    ) -> None:
        self._notebook = notebook
        self._rest = rest
        self._doorway = doorway
        self._nursery = nursery

    def client(self, lane: str) -> MessengerClient:
        """A device of the scenario's."""
        return self._client(lane, hidden=False)

    def sentinel(self, user_id: str) -> MessengerClient:
        """A device of a user that the scenario does not know of."""
        self._notebook.hidden_users.add(user_id)
        return self._client("sentinel", hidden=True)

    def _client(self, lane: str, *, hidden: bool) -> MessengerClient:
        return MessengerClient(
            lane,
            hidden=hidden,
            rest=self._rest,
            doorway=self._doorway,
            notebook=self._notebook,
            nursery=self._nursery,
        )

    async def server_away(self, manner: Manner, outage: Outage) -> None:
        """Run `outage`; whoever is not answered meanwhile is told so, and nobody is blamed."""
        position = self._notebook.wire("server", "in", manner, MANNERS[manner].told)
        self._rest.restarts += 1
        try:
            await outage()
        finally:
            self._rest.restarts += 1
        self._notebook.add(Restarted(manner=manner, raw=position))


class MessengerAdapter:
    """The Messenger API at one address."""

    name = "messenger"

    def __init__(self, url: str, patience: Patience) -> None:
        self.url = url.rstrip("/")
        self._patience = patience
        self._address = urlsplit(self.url)
        self._tls = tls_for(self._address)
        self._http = HttpConnections(self._address, self._tls, patience)

    async def discover(self) -> Target:
        """``GET /.well-known/messenger``. Raises `TargetTrouble` with what to do about it."""
        try:
            # As a whole: a server may drip its answer.
            with trio.fail_after(self._patience.seconds):
                reply = await self._http.ask("GET", target_of(self._address.path + DISCOVERY), {})
        except (TimedOut, trio.TooSlowError) as error:
            raise TargetTrouble(
                f"{self.url} did not answer within {self._patience.seconds:g} s. Check the "
                "address, and that nothing between here and there swallows connections."
            ) from error
        except HttpTrouble as error:
            raise TargetTrouble(_unreachable(self.url, reason_of(error))) from error
        return self._target_in(reply)

    def _target_in(self, reply: Reply) -> Target:
        asked = self.url + DISCOVERY
        advice = (
            "Is this the base address of a Messenger API server? (Everything is asked for below "
            "it: /.well-known/messenger, /v1.0/…)"
        )
        media_type = reply.headers.get("content-type", "no content type").partition(";")[0]
        if 300 <= reply.status < 400 and (elsewhere := reply.headers.get("location")):
            raise TargetTrouble(
                f"{self.url} is no messenger server: GET {asked} was answered with status "
                f"{reply.status}, a redirect to {elsewhere}. Redirects are not followed: give the "
                "address that they lead to."
            )
        if reply.status != 200:
            raise TargetTrouble(
                f"{self.url} is no messenger server: GET {asked} was answered with status "
                f"{reply.status} ({media_type}) instead of 200. {advice}"
            )
        try:
            found = shapes.read(parse(reply.content), shapes.Discovery, "it")
        except NotJson:
            raise TargetTrouble(
                f"{self.url} is no messenger server: GET {asked} was answered with {media_type} "
                f"that is not JSON. {advice}"
            ) from None
        except Malformed as complaint:
            raise TargetTrouble(
                f"{self.url} is no messenger server: GET {asked} was answered with JSON, but "
                f"{complaint}. {advice}"
            ) from None
        if VERSION not in found.versions:
            told = ", ".join(found.versions) or "none"
            raise TargetTrouble(
                f"{self.url} speaks other versions of the Messenger API ({told}) than this suite, "
                f"which checks {VERSION}."
            )
        return Target(
            url=self.url,
            capabilities=frozenset(found.capabilities),
            limits=found.limits,
            versions=tuple(found.versions),
        )

    @asynccontextmanager
    async def session(self, history: History, *, scenario: str) -> AsyncIterator[MessengerSession]:
        """Begin a scenario's run; leaving it hangs up every connection still open."""
        notebook = Notebook(history)
        doorway = Doorway(
            address=self._address, tls=self._tls, scenario=scenario, patience=self._patience
        )
        rest = Rest(self.url, self._http, notebook, scenario)
        with self._http.shared():
            async with trio.open_nursery() as nursery:
                yield MessengerSession(notebook, rest, doorway, nursery)
                nursery.cancel_scope.cancel()

    def manners(self, history: History) -> Iterable[Violation]:
        """What no scenario needs to ask about: no server errors, and all of it as published."""
        yield from manners.check(history)
        yield from schema.check(history)

    def met(self, history: History, since: int) -> Met:
        """Operations with their answers, frames, close codes and error codes."""
        return encounters.met(history, since)

    def repeat_by_hand(self, event: int, history: History) -> str | None:
        """The request at this position as a curl command."""
        return curl(self.url, history[event])


def _unreachable(url: str, reason: str) -> str:
    advice = "Check the address and the port, and that the server is running."
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        advice = "To trust its issuer, name its certificate in the environment: SSL_CERT_FILE=FILE."
    elif "WRONG_VERSION_NUMBER" in reason or "record layer failure" in reason:
        advice = "What answers there speaks no TLS: is it http:// instead of https://?"
    elif url.lower().startswith("http:") and "ended before an answer" in reason:
        advice += " If it speaks TLS, write https://."
    return f"{url} could not be reached: {reason}. {advice}"
