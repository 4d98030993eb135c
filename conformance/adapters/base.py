"""What the engine asks of a protocol binding, and how a binding reports trouble.

An :class:`Adapter` is bound to one target. For each scenario it opens a :class:`Session`, which gives
the engine :class:`Client` objects, one per device, whose methods are the language's verbs. All of a
session's clients append to one `History`: every frame and request as a raw event, and what it means
as a semantic one. What a verb *answers* are plain JSON values with the Messenger API's member names,
whatever the protocol underneath, because scenarios match on them.

Trouble has five types, and they must not be confused::

    Refusal        the target said no, in its own words: data for a scenario, never an accident
    Malformed      the target answered what its protocol does not allow: a finding
    Unanswered     no answer came (cut, closed): the outcome is unknown
      Impatient    no answer within the patience, although the connection stands
    TargetTrouble  the target cannot be spoken to at all, or speaks another protocol: no verdict
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

from msgspec import Struct

from reports.model import Met

from ..checkers.base import Violation
from ..history import Direction, History
from ..outages import Manner, Outage

Json = Any


class Refusal(Exception):
    """The target refused an operation. `code` is None when its answer carried none."""

    def __init__(
        self, code: str | None, status: int | None, body: Json, *, flaw: str | None = None
    ) -> None:
        super().__init__(code or f"status {status}")
        self.code = code
        self.status = status
        self.body = body
        """What scenarios match on: ``{code, status, detail, …}``."""
        self.flaw = flaw
        """What is wrong with the refusal itself; None for a well-formed one."""


class Malformed(Exception):
    """The target answered, but not in the shape its protocol promises. The text says where.

    `requirement` is the promise that this breaks.
    """

    def __init__(self, message: str, *, requirement: str = "ERR-1") -> None:
        super().__init__(message)
        self.requirement = requirement


class Unanswered(Exception):
    """No answer to an operation; it may have happened. The text says what was waited for."""


class Impatient(Unanswered):
    """No answer within the patience, although the connection stands."""


class TargetTrouble(Exception):
    """The target cannot be judged. The text is one paragraph for its operator."""


class Target(Struct, frozen=True, kw_only=True):
    """What the target says of itself, and what is known besides."""

    url: str
    capabilities: frozenset[str]
    limits: dict[str, Json]
    versions: tuple[str, ...] = ()
    limits_sends: bool = False
    """Whether it was started with a limit to what one user may send in a time; False if nobody knows."""


CUT = 1006
"""What RFC 6455 §7.1.5 calls a connection that ended without a close frame."""


class Incoming(Struct, frozen=True, kw_only=True):
    """A frame in an inbox: its type (``closed`` for the end), its content, its raw event.

    The content is what scenarios match on. A frame that only wraps a thing of its own name (an entry
    in ``message``, a conversation in ``conversation``) has that thing as its content.
    """

    type: str
    content: Json
    event: int


class SendCall(Struct, frozen=True, kw_only=True):
    """A message to send; `body`, `relates_to` and `expires_in_s` are left out when None."""

    conversation_id: str
    client_message_id: str
    body: Json
    relates_to: Json = None
    expires_in_s: Json = None


class UploadCall(Struct, frozen=True, kw_only=True):
    """A file to upload, under the type that it claims to be of.

    `digest` is a `Content-Digest` field as it stands. `chunked` does not tell the length in advance;
    `cut_at` breaks off after so many bytes. `resume` is where a resumable upload is, and how many of
    its bytes were acknowledged.
    """

    media_type: str
    content: bytes
    digest: str | None = None
    chunked: bool = False
    cut_at: int | None = None
    resume: tuple[str, int] | None = None


class DownloadCall(Struct, frozen=True, kw_only=True):
    """A file to download, or to ask about (``HEAD``), with further header fields."""

    asset_id: str
    method: Literal["GET", "HEAD"]
    headers: Mapping[str, str]


class Outcome(Protocol):
    """The answer to a message in flight, when it has come."""

    async def wait(self) -> None:
        """Return when there is an answer, or there will be none."""

    def result(self) -> Json:
        """The answer. Raises `Refusal` or `Malformed`; `Unanswered` if none came or can come."""


class Connection(Protocol):
    """One realtime connection. It records from the moment it opens; its inboxes only grow.

    `inbox` holds what belongs to the scenario; `aside` what belongs to the session's hidden users.
    """

    @property
    def conn(self) -> int:
        """Its number, unique in a run."""

    @property
    def user_id(self) -> str:
        """Whose connection it is."""

    @property
    def inbox(self) -> Sequence[Incoming]:
        """What came, its end included as ``closed``."""

    @property
    def aside(self) -> Sequence[Incoming]:
        """What came and concerns only hidden users."""

    @property
    def closed(self) -> bool:
        """Whether it has ended."""

    @property
    def frozen(self) -> bool:
        """Whether reading is suspended."""

    async def news(self) -> None:
        """Return when either inbox has grown, or the connection has ended, since this call."""

    async def ready(self) -> None:
        """Return when the backlog is through. Raises `Unanswered` if the connection ends before."""

    async def send_message(self, call: SendCall) -> Outcome:
        """Write the message; the outcome's answer comes later."""

    async def settled(self, outcome: Outcome) -> Json:
        """Wait for an outcome and answer its result."""

    async def acknowledge(
        self, conversation_id: str, status: Literal["delivered", "read"], up_to_seq: int
    ) -> None:
        """Say `delivered` or `read` up to a seq; nothing answers this."""

    async def tell_typing(self, conversation_id: str, active: Json) -> None:
        """Say that the user is writing, or no more; nothing answers this."""

    async def send_to_device(self, frame_id: str, messages: Json) -> Outcome:
        """Write payloads for devices, ``{user_id: {device_id: payload}}``; the answer comes later."""

    async def acknowledge_to_device(self, up_to: Json) -> None:
        """Say up to which position payloads have come; nothing answers this."""

    async def round_trip(self) -> None:
        """Ask for a sign of life, unseen by the scenario, and wait for it.

        Everything written on this connection before has been processed when this returns.
        """

    async def close(self) -> None:
        """End politely, and wait until it has ended."""

    async def cut(self) -> None:
        """End without a word."""

    def freeze(self) -> None:
        """Stop reading from the socket."""

    async def thaw(self) -> None:
        """Read again, until everything that was waiting is here or the connection has ended."""


class Walked(Struct, frozen=True, kw_only=True):
    """What one walk through a history gave."""

    items: list[Json]
    pages: list[Json]
    after: str | None


class RawRequest(Struct, frozen=True, kw_only=True):
    """An HTTP request as a scenario wrote it; `content` None is no body."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes | None


class RawMessage(Struct, frozen=True, kw_only=True):
    """A message for the socket as a scenario wrote it; a `text` one need not be UTF-8."""

    kind: Literal["text", "binary"]
    payload: bytes


class Raw(Protocol):
    """Escapes below the verbs, for checks of the wire contract itself."""

    async def request(self, request: RawRequest) -> Json:
        """One request; answers ``{status, headers, body}`` and raises no `Refusal`."""

    async def frame(self, value: Json) -> None:
        """Write any value as one frame on the realtime connection, in its encoding."""

    async def message(self, message: RawMessage) -> None:
        """Write one message on the realtime connection."""


class Client(Protocol):
    """One device of one user. Every method may raise any of the troubles above."""

    lane: str
    user_id: str
    device_id: str | None
    token: str | None

    @property
    def connection(self) -> Connection | None:
        """The connection that was opened last, over or not."""

    @property
    def raw(self) -> Raw | None:
        """The escapes; None where the protocol has none."""

    async def register(self, user_id: str, password: str, display_name: Json) -> Json: ...
    async def login(
        self, user_id: str, password: str, device_id: Json = None, name: Json = None
    ) -> Json: ...
    async def logout(self) -> Json: ...
    async def devices(self) -> Json: ...
    async def remove_device(self, device_id: str) -> Json: ...
    async def profile(self, user_id: str) -> Json: ...
    async def block(self, user_id: str) -> Json: ...
    async def unblock(self, user_id: str) -> Json: ...
    async def connect(
        self, *, auth: str, wait: str, token: str | None = None, encoding: str = "text"
    ) -> Json:
        """Open the connection. `token` None: the device's own; else as another device's double."""

    async def create_direct(self, other: Sequence[Json], *, encrypted: Json = None) -> Json: ...
    async def create_group(
        self,
        members: Sequence[Json],
        title: Json = None,
        idempotency_key: str | None = None,
        *,
        encrypted: Json = None,
    ) -> Json: ...
    async def conversation(self, conversation_id: str) -> Json: ...
    async def conversations(self, *, limit: Json = None, cursor: Json = None) -> Json: ...
    async def walk_conversations(self, *, limit: Json = None) -> Json: ...
    async def set_member(self, conversation_id: str, user_id: str, role: Json = None) -> Json: ...
    async def remove_member(self, conversation_id: str, user_id: str) -> Json: ...
    async def rename(self, conversation_id: str, title: Json) -> Json: ...
    async def send_message(self, call: SendCall) -> Json:
        """Send without a realtime connection."""

    async def page(
        self,
        conversation_id: str,
        *,
        limit: Json = None,
        before: Json = None,
        after: Json = None,
    ) -> Json: ...
    async def walk(
        self,
        conversation_id: str,
        direction: Direction,
        *,
        limit: Json = None,
        start: Json = None,
    ) -> Walked: ...
    async def message(self, message_id: str) -> Json: ...
    async def status_of(self, message_id: str) -> Json: ...
    async def upload(self, call: UploadCall) -> Json: ...
    async def upload_resumably(self, call: UploadCall) -> Json: ...
    async def download(self, call: DownloadCall) -> Json: ...
    async def fetch(self, asset_id: str) -> bytes:
        """The bytes of an asset, for whoever can open them."""

    async def publish_keys(self, identity: Json) -> Json:
        """Publish identity keys, with a fallback key if `identity` has one."""

    async def add_one_time_keys(self, keys: Json) -> Json: ...
    async def devices_of(self, user_id: str) -> Json: ...
    async def claim_keys(self, devices: Mapping[str, Sequence[str]]) -> Json:
        """Claim a key of each device; answers ``{keys, missing}``, both by user."""


class Session(Protocol):
    """One scenario's run against the target: its clients, and who of them is hidden."""

    def client(self, lane: str) -> Client:
        """A device of the scenario's, recorded under `lane`."""

    def sentinel(self, user_id: str) -> Client:
        """A device that the scenario does not know of.

        What it does, and what reaches others because of it, is kept out of their inboxes, their
        answers and the semantic history; on the wire it is marked `hidden`.
        """

    async def server_away(self, manner: Manner, outage: Outage) -> None:
        """Run `outage`; operations under way meanwhile are `Unanswered`."""


class Adapter(Protocol):
    """A protocol binding, bound to a target."""

    name: str

    async def discover(self) -> Target:
        """Ask the target what it is. Raises `TargetTrouble`."""

    def session(self, history: History, *, scenario: str) -> AbstractAsyncContextManager[Session]:
        """Begin a scenario's run; leaving it cuts every connection still open.

        `scenario` travels with every request.
        """

    def manners(self, history: History) -> Iterable[Violation]:
        """What the protocol forbids whatever the scenario asks, seen in the raw events."""

    def met(self, history: History, since: int) -> Met:
        """What of the protocol's published contract came up from position `since` on."""

    def repeat_by_hand(self, event: int, history: History) -> str | None:
        """A shell command that repeats the request at this position, secrets masked."""
