"""The scenario language, as types.

A scenario file is decoded into these structs and into nothing else, so this module is the
language's only definition: the loader's errors, the published JSON Schema
(`specs/scenario.schema.json`) and the engine all follow from it.

Three ideas carry it:

* **Actors and devices are nouns.** ``as: bob.phone`` performs a verb; ``on: bob.phone`` looks at what
  that device's connection received. ``bob`` alone is his only device.
* **A step is one verb**, a key of :class:`Step`, whose value is that verb's arguments. What a verb
  answers can be kept (``save``), looked at (``match``), or expected to be refused (``fails``).
* **Values may be references.** Wherever a field is a :data:`Value`, ``$name.path`` stands for a whole
  typed value saved earlier and ``${name.path}`` for its text inside a longer string.

The verbs belong to messaging, not to one protocol: each goes through `adapters.base`, so another
protocol's adapter can play the same scenarios. Only ``request``, ``frame`` and ``bytes`` are the
messenger adapter's own.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from .model_encryption import (
    Algorithm,
    Claim,
    Encrypt,
    MakeKeys,
    PublishKeys,
    Tamper,
    ToDevice,
    ToDeviceAck,
)
from .nodes import Matcher, Name, Node, Value

ScenarioId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]+(\.[a-z0-9-]+)+$",
        max_length=80,
        description="an id like `status.delivered-then-read`: its area, a dot, what it shows",
    ),
]
RequirementId = Annotated[
    str, Meta(pattern=r"^[A-Z]+-[0-9]+$", description="a requirement's id like `ORD-4`")
]
Capability = Annotated[
    str, Meta(pattern=r"^[a-z0-9_.]+$", description="a capability's name like `groups`")
]
CheckerName = Literal["order", "delivery", "status", "history", "secrecy", "schema"]


class Actor(Node, frozen=True):
    """A user made for this scenario alone, with a fresh `user_id` that derives from the seed.

    ``$bob`` has ``user_id``, ``display_name`` and ``password``; ``$bob.phone`` has ``user_id``,
    ``device_id`` and ``token``.
    """

    devices: list[Name] = field(default_factory=lambda: ["main"])
    """Devices that are logged in before the first step. ``[]``: registered, not logged in."""
    later: list[Name] = []
    """Devices that the scenario itself logs in, with ``login``."""


class Given(Node, frozen=True):
    """A conversation that exists before the first step; its first member creates it."""

    direct: Annotated[list[Name], Meta(min_length=2, max_length=2)] | UnsetType = UNSET
    group: Annotated[list[Name], Meta(min_length=1)] | UnsetType = UNSET
    title: str | UnsetType = UNSET
    encrypted: bool = False
    """Its members' devices publish their keys first; then only ciphertext is sent in it."""
    roles: dict[Name, Literal["owner", "admin", "member"]] = {}
    """Roles other than the creator's ``owner`` and everyone else's ``member``; groups only.

    Each is one membership change, so each is one ``role`` entry in the group's log.
    """


# ── verbs of the realtime connection ──────────────────────────────────────────────────────────


class Connect(Node, frozen=True):
    """Open the realtime connection of this device and wait until it is ready to use.

    Saves ``{welcome, replayed: [entry…], count}``; everything received is in the inbox too.
    """

    auth: Literal["header", "subprotocol"] = "header"
    """How the token travels: the ``Authorization`` header, or a browser's subprotocols."""
    token: Value | UnsetType = UNSET
    """The token to present. Default: the device's own. ``$bob.phone.token``, presented by
    ``bob.again``, makes a second connection of the device ``bob.phone``."""
    encoding: Literal["text", "msgpack"] = "text"
    """How frames are written: JSON in text messages, or MessagePack in binary ones. A scenario sees
    the same frames either way."""
    wait: Literal["ready", "welcome"] = "ready"
    """``ready``: through the backlog up to ``replay_complete``; ``welcome``: its first frame."""


class Disconnect(Node, frozen=True):
    """Close the connection politely, and wait until it is closed."""


class Drop(Node, frozen=True):
    """Cut the connection without a word (TCP reset). What was under way is indeterminate."""


class Reconnect(Node, frozen=True):
    """Cut the connection, if there still is one, and connect again."""

    encoding: Literal["text", "msgpack"] = "text"

    wait: Literal["ready", "welcome"] = "ready"


class Freeze(Node, frozen=True):
    """Stop reading from the socket, as a stalled phone does. ``thaw`` reads on.

    ``$target.overrun`` tells how many texts of ``max_text_length`` surely pass what the target keeps
    for a stalled reader: ``max_connection_buffer_bytes`` and 6 MiB for the kernels in between.
    """


class Thaw(Node, frozen=True):
    """Read again from a frozen connection, until it is empty or closed."""


# ── verbs of messaging ────────────────────────────────────────────────────────────────────────


class Send(Node, frozen=True, kw_only=True):
    """Send a message. Saves ``{message_id, seq, created_at, duplicate, client_message_id, …}``."""

    to: Value
    """A conversation (``$chat``) or an id."""
    text: Value | UnsetType = UNSET
    """Short for ``body: {kind: text, text: …}``. Neither: a text of the engine's own."""
    length: Value | UnsetType = UNSET
    """The engine's own text, of exactly this many Unicode code points; the last one lies beyond the
    BMP, so that whoever counts bytes or UTF-16 units counts otherwise."""
    body: Value | UnsetType = UNSET
    encrypt: Algorithm | UnsetType = UNSET
    """Encrypt what is sent for the devices of all members, as ``encrypt`` does."""
    client_message_id: Value | UnsetType = UNSET
    """Default: a fresh one, derived from the seed."""
    relates_to: Value | UnsetType = UNSET
    """``{relation: reply, message_id: …}``. A delete or reaction has no body unless one is given."""
    expires_in_s: Value | UnsetType = UNSET
    """Seconds until it fails for whoever has not acknowledged it."""
    via: Literal["realtime", "http"] = "realtime"
    wait: bool = True
    """False: go on without waiting for the answer (messages in flight); see ``settle``."""


class Press(Node, frozen=True, kw_only=True):
    """Send until a message is refused as ``rate_limited``, wait as long as told, and send on.

    A target that refuses none of them makes the scenario not applicable. Saves
    ``{sent, refused, after_waiting}``.
    """

    to: Value
    """A conversation (``$chat``) or an id."""
    times: Annotated[int, Meta(ge=1, le=10_000)]
    """How many messages at most."""


class Settle(Node, frozen=True):
    """Wait for the answers of everything this device sent with ``wait: false``."""


class Watermark(Node, frozen=True):
    """Acknowledge everything of a conversation up to a seq, over the realtime connection."""

    conversation: Value = field(name="in")
    up_to: Value


class Typing(Node, frozen=True):
    """Tell the other members of a conversation that one is writing, or no more."""

    conversation: Value = field(name="in")
    active: Value = True


class Create(Node, frozen=True):
    """Create a conversation. Saves it, with ``created`` (false: it existed)."""

    direct: Value | UnsetType = UNSET
    """The other user: an actor (``$bob``) or a user id, alone or as a list."""
    group: Value | UnsetType = UNSET
    """The members beside the creator: a list of actors or user ids."""
    title: Value | UnsetType = UNSET
    encrypted: Value | UnsetType = UNSET
    idempotency_key: Value | UnsetType = UNSET


class SetMember(Node, frozen=True):
    """Add a member to a group, or change a member's role. Saves the conversation."""

    conversation: Value = field(name="in")
    user: Value
    role: Value | UnsetType = UNSET


class RemoveMember(Node, frozen=True):
    """Remove a member from a group, or leave it (oneself)."""

    conversation: Value = field(name="in")
    user: Value


class Rename(Node, frozen=True):
    """Set a group's title. Saves the conversation."""

    conversation: Value = field(name="in")
    title: Value


class Conversations(Node, frozen=True):
    """One page of one's own conversations. Saves ``{items, next_cursor}``."""

    limit: Value | UnsetType = UNSET
    cursor: Value | UnsetType = UNSET


class WalkConversations(Node, frozen=True):
    """All pages of one's own conversations. Saves ``{items, pages}``."""

    limit: Value | UnsetType = UNSET


class Page(Node, frozen=True):
    """One page of the history. Saves ``{items, before, after, has_older, has_newer}``."""

    conversation: Value = field(name="in")
    limit: Value | UnsetType = UNSET
    before: Value | UnsetType = UNSET
    after: Value | UnsetType = UNSET


class Walk(Node, frozen=True):
    """The whole history, page by page. Saves ``{items, pages, after}``.

    ``before`` walks from the latest page to the oldest, ``after`` from the oldest (or from ``start``,
    an earlier walk's ``after`` cursor) to the newest. The ``history`` checker judges every walk.
    """

    conversation: Value = field(name="in")
    direction: Literal["before", "after"]
    limit: Value | UnsetType = UNSET
    start: Value | UnsetType = UNSET


# ── verbs of media ────────────────────────────────────────────────────────────────────────────


class Upload(Node, frozen=True, kw_only=True):
    """Upload a file of the engine's own. Saves ``{asset_id, media_type, size, sha256, status, headers}``.

    That the answer speaks of the bytes which were sent is checked whatever the scenario asks.
    """

    type: Value | UnsetType = UNSET
    """The media type that it claims, by default ``image/png``. For ``image/png``, ``audio/wav``,
    ``video/mp4`` and ``application/pdf`` the bytes are of that type, for any other they are random."""
    really: Value | UnsetType = UNSET
    """The media type of its bytes, when it is not what it claims."""
    size: Value | UnsetType = UNSET
    """How many bytes, by default 4096."""
    named: Value | UnsetType = UNSET
    """Files of the same name, type and size have the same bytes; without a name each is another."""
    digest: Value | UnsetType = UNSET
    """Promise a SHA-256: ``right`` or ``wrong``, or the text of a ``Content-Digest`` field."""
    chunked: bool = False
    """Do not tell the length in advance."""
    cut_at: Value | UnsetType = UNSET
    """Break off after so many bytes; there is no answer then, and ``{cut: true}`` is saved."""
    via: Literal["post", "tus"] = "post"
    """``tus``: resumably. One that is broken off saves ``{upload, offset, cut: true}``."""
    resume: Value | UnsetType = UNSET
    """With ``tus``: what was saved of the one to go on with; `named`, `type` and `size` as there."""
    encrypted: bool = False
    """Encrypt it first. ``file`` of what is saved is what to say inside an encrypted message:
    ``body: {kind: media, file: $photo.file}``. It is uploaded as ``application/octet-stream``."""


class Download(Node, frozen=True, kw_only=True):
    """Download a file. Saves ``{status, headers, media_type, etag, size, sha256}``.

    That the bytes are those of the asset, or of the part that the answer names, is checked whatever the
    scenario asks. Also 206 and 304 are answers.
    """

    asset: Value | UnsetType = UNSET
    """An asset (``$photo``) or its id."""
    file: Value | UnsetType = UNSET
    """The ``file`` of a decrypted message: download it, open it, and check that it is the one."""
    method: Literal["GET", "HEAD"] = "GET"
    range: Value | UnsetType = UNSET
    """The text of a ``Range`` field."""
    headers: dict[str, Value] = {}
    """Other fields: conditions."""


# ── verbs of accounts ─────────────────────────────────────────────────────────────────────────


class Register(Node, frozen=True):
    """Register a user. Default: the actor of ``as``, who exists already."""

    user_id: Value | UnsetType = UNSET
    password: Value | UnsetType = UNSET
    display_name: Value | UnsetType = UNSET


class Login(Node, frozen=True):
    """Log this device in (again). Saves ``{token, user_id, device_id, expires_at}``."""

    user_id: Value | UnsetType = UNSET
    """Default: the actor's own."""
    password: Value | UnsetType = UNSET
    device_id: Value | UnsetType = UNSET
    """Default: the device's own, or a new one at its first login."""
    name: Value | UnsetType = UNSET


class Logout(Node, frozen=True):
    """End this device's session."""


class RemoveDevice(Node, frozen=True):
    """Remove one of one's own devices."""

    device: Value
    """A device (``$bob.laptop``) or a device id."""


# ── the messenger adapter's raw escapes ───────────────────────────────────────────────────────


class Request(Node, frozen=True, kw_only=True):
    """One HTTP request, as written. With ``as`` it carries that device's token, else none."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    path: Value
    """The path and query, below the target's address: ``/v1.0/…``."""
    headers: dict[str, Value] = {}
    body: Value | UnsetType = UNSET
    """Sent as JSON."""
    text: Value | UnsetType = UNSET
    """Sent as these UTF-8 bytes, as ``application/json`` unless a header says otherwise."""
    base64: str | UnsetType = UNSET
    """Sent as these bytes."""
    size: Value | UnsetType = UNSET
    """Sent as one JSON string of this many bytes, quotes included, for limits."""


class Bytes(Node, frozen=True):
    """One WebSocket message, as written, valid or not."""

    text: Value | UnsetType = UNSET
    binary: str | UnsetType = UNSET
    """Base64 of a binary message."""
    invalid_utf8: str | UnsetType = UNSET
    """Base64 of what is sent as a *text* message although it is not UTF-8."""
    size: Value | UnsetType = UNSET
    """A text message that is one JSON string of this many bytes, quotes included, for limits."""


# ── flow ──────────────────────────────────────────────────────────────────────────────────────


class Repeat(Node, frozen=True, kw_only=True):
    """Run the steps `times` times; ``$<as>`` counts from 0. The language's only loop."""

    times: Annotated[int, Meta(ge=1, le=10_000)] | str
    """A number, or a reference to one."""
    counter: Name = field(name="as", default="i")
    steps: list[Step]


class Assert(Node, frozen=True, kw_only=True):
    """A value saved earlier, compared: ``{that: $a.seq, is: {$gt: $b.seq}}``."""

    that: Value
    matches: Matcher = field(name="is")


FramePattern = Annotated[dict[str, Matcher], Meta(min_length=1, max_length=1)]
"""``{<frame type>: <matcher>}``; the pseudo-frame ``closed`` is the end, ``{closed: {code: 4409}}``."""


class Step(Node, frozen=True, kw_only=True, rename={"as_": "as"}):
    """One step: exactly one verb, who performs it, and what is expected of its answer.

    `as_` performs the verb; `on` is the device whose inbox ``expect`` and ``never`` look at.
    """

    as_: str | UnsetType = UNSET
    on: str | UnsetType = UNSET
    note: str | UnsetType = UNSET
    """Why the step is there; shown in a failure's timeline."""

    connect: Connect | UnsetType = UNSET
    disconnect: Disconnect | UnsetType = UNSET
    drop: Drop | UnsetType = UNSET
    reconnect: Reconnect | UnsetType = UNSET
    freeze: Freeze | UnsetType = UNSET
    thaw: Thaw | UnsetType = UNSET

    send: Send | UnsetType = UNSET
    settle: Settle | UnsetType = UNSET
    press: Press | UnsetType = UNSET
    delivered: Watermark | UnsetType = UNSET
    read: Watermark | UnsetType = UNSET
    typing: Typing | UnsetType = UNSET
    create: Create | UnsetType = UNSET
    set_member: SetMember | UnsetType = UNSET
    remove_member: RemoveMember | UnsetType = UNSET
    rename: Rename | UnsetType = UNSET
    conversation: Value | UnsetType = UNSET
    """Look a conversation up, by itself or its id. Saves it."""
    conversations: Conversations | UnsetType = UNSET
    walk_conversations: WalkConversations | UnsetType = UNSET
    page: Page | UnsetType = UNSET
    walk: Walk | UnsetType = UNSET
    message: Value | UnsetType = UNSET
    """Look a message up, by itself or its id. Saves it."""
    status_of: Value | UnsetType = UNSET
    """Ask for a message's status. Saves ``{message_id, status, recipients}``."""

    upload: Upload | UnsetType = UNSET
    download: Download | UnsetType = UNSET

    publish_keys: PublishKeys | UnsetType = UNSET
    make_keys: MakeKeys | UnsetType = UNSET
    sign: Value | UnsetType = UNSET
    """Sign any JSON value with this device's key. Saves ``{signature}``."""
    devices_of: Value | UnsetType = UNSET
    """The devices of a user with their keys, whose signatures are verified. Saves ``{devices}``."""
    claim: Claim | UnsetType = UNSET
    encrypt: Encrypt | UnsetType = UNSET
    decrypt: Value | UnsetType = UNSET
    """Decrypt a log entry, and believe nothing of it unverified. Saves the body that was encrypted.
    ``fails`` names why it is not to be believed: ``tampered``, ``replayed``, ``reordered`` …"""
    tamper: Tamper | UnsetType = UNSET
    to_device: ToDevice | UnsetType = UNSET
    to_device_ack: ToDeviceAck | UnsetType = UNSET

    register: Register | UnsetType = UNSET
    login: Login | UnsetType = UNSET
    logout: Logout | UnsetType = UNSET
    remove_device: RemoveDevice | UnsetType = UNSET
    devices: dict[str, Value] | UnsetType = UNSET
    """``devices: {}`` lists one's own. Saves ``{devices: […]}``."""
    profile: Value | UnsetType = UNSET
    """Look a user up, by actor or id. Saves the profile."""
    block: Value | UnsetType = UNSET
    """Block a user, by actor or id."""
    unblock: Value | UnsetType = UNSET
    """Take a block back, by actor or id."""

    request: Request | UnsetType = UNSET
    frame: Value | UnsetType = UNSET
    """Send this object as one frame, in the connection's encoding."""
    bytes: Bytes | UnsetType = UNSET

    expect: FramePattern | UnsetType = UNSET
    """Search the inbox forward from its cursor for a frame; saves it. Others are passed over."""
    never: FramePattern | UnsetType = UNSET
    """No such frame from the cursor up to a barrier; what is already there counts too."""
    barrier: dict[str, Value] | UnsetType = UNSET
    """``barrier: {}``: wait until whatever could still arrive anywhere has arrived."""

    together: list[list[Step]] | UnsetType = UNSET
    """Branches that run at the same time; the step ends with the last of them."""
    repeat: Repeat | UnsetType = UNSET
    restart_server: dict[str, Value] | UnsetType = UNSET
    """``restart_server: {}``: kill the server (-9) and start it again on the same data."""
    stop_server: dict[str, Value] | UnsetType = UNSET
    """``stop_server: {}``: stop the server in order (SIGTERM) and start it again on the same data."""
    in_time: Value | UnsetType = UNSET
    """Go on only if the lifetime of a message sent with ``expires_in_s`` cannot be over yet.

    Otherwise the scenario ends without a verdict (inconclusive).
    """
    assert_: Assert | UnsetType = field(name="assert", default=UNSET)

    save: Name | UnsetType = UNSET
    """Keep the verb's answer under this name."""
    match: Matcher | UnsetType = UNSET
    """A pattern for the verb's answer."""
    fails: Matcher | UnsetType = UNSET
    """The verb must be refused: an error code, or a pattern for ``{code, status, detail, …}``."""
    response: Matcher | UnsetType = UNSET
    """With ``request``: a pattern for ``{status, headers, body}``; header names in lower case."""
    strict: bool = False
    """With ``expect``: the very next frame must match."""
    decrypted: Matcher | UnsetType = UNSET
    """With ``expect``: a pattern for the body that was encrypted."""
    until: Literal["barrier"] | UnsetType = UNSET
    """With ``never``: where the waiting ends."""
    proves: RequirementId | list[RequirementId] | UnsetType = UNSET
    """Requirements that break when this step fails; default: the scenario's own."""


class Scenario(Node, frozen=True, kw_only=True):
    """One scenario: who is there, what they do, and what must hold."""

    id: ScenarioId
    title: str
    proves: Annotated[list[RequirementId], Meta(min_length=1)]
    needs: list[Capability] = []
    """Capabilities without which it is not applicable.

    ``restart`` stands for a target that can be killed and restarted, ``stop`` for one that can be
    stopped in order and started again.
    """
    tags: list[str] = []
    matrix: dict[Name, list[Value]] = {}
    """Parameters: the scenario runs once for each combination, with ``$name`` replaced at loading."""
    actors: Annotated[dict[Name, Actor], Meta(min_length=1)]
    given: dict[Name, Given] = {}
    steps: Annotated[list[Step], Meta(min_length=1)]
    check: list[CheckerName] = []
    """Checkers that judge the whole history of the run."""
    deadline: Annotated[int, Meta(ge=1, le=600)] = 60
    """Seconds after which the harness gives the scenario up; patience, not a verdict on latency."""
