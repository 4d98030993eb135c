"""One step of a scenario: its verb, who performs it, and what must come of it.

A verb is a member of :class:`Step`; steps hold further steps where they branch (``together``) or come
again (``repeat``). That a step has exactly one verb is not in the types: `grammar` and the linter see to it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from .accounts import Login, Logout, Register, RemoveDevice
from .encryption import Claim, Encrypt, MakeKeys, PublishKeys, Tamper, ToDevice, ToDeviceAck
from .escapes import Bytes, Request
from .media import Download, Upload
from .messaging import (
    Conversations,
    Create,
    Page,
    Press,
    RemoveMember,
    Rename,
    Send,
    SetMember,
    Settle,
    Typing,
    Walk,
    WalkConversations,
    Watermark,
)
from .nodes import Matcher, Name, Node, RequirementId, Requirements, Value
from .realtime import Connect, Disconnect, Drop, Freeze, Reconnect, Thaw


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
    proves: RequirementId | Requirements | UnsetType = UNSET
    """Requirements that break when this step fails; default: the scenario's own."""
