"""The grammar of a step: its verbs, who performs each, and what may be said about its answer.

The modules of verbs say what each takes; this table says what the types cannot: that ``expect`` looks
``on`` a device while ``send`` is done ``as`` one, and that a watermark has no answer to ``save``.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from msgspec import Struct

from ..values import Json, Path


class Who(Enum):
    """Who a verb needs, and by which key the step names them."""

    DEVICE = "a device, named by `as`"
    ANYBODY = "a device, named by `as`, or nobody"
    INBOX = "a device's inbox, named by `on`"
    NOBODY = "nobody"


class Verb(Struct, frozen=True):
    """One verb: who performs it, and the modifiers that make sense with it."""

    who: Who
    modifiers: frozenset[str]


_ANSWERED: Final = frozenset({"save", "match", "fails"})
_DONE: Final = frozenset({"fails"})
_SILENT: Final[frozenset[str]] = frozenset()

VERBS: Final[dict[str, Verb]] = {
    **dict.fromkeys(("connect", "reconnect", "send"), Verb(Who.DEVICE, _ANSWERED)),
    **dict.fromkeys(("disconnect", "drop", "freeze", "thaw", "settle"), Verb(Who.DEVICE, _SILENT)),
    **dict.fromkeys(("delivered", "read", "typing"), Verb(Who.DEVICE, _SILENT)),
    **dict.fromkeys(
        ("create", "set_member", "rename", "conversation", "conversations", "walk_conversations"),
        Verb(Who.DEVICE, _ANSWERED),
    ),
    "remove_member": Verb(Who.DEVICE, _DONE),
    **dict.fromkeys(("page", "walk", "message", "status_of"), Verb(Who.DEVICE, _ANSWERED)),
    **dict.fromkeys(("upload", "download"), Verb(Who.DEVICE, _ANSWERED)),
    **dict.fromkeys(
        ("publish_keys", "devices_of", "claim", "encrypt", "decrypt", "to_device"),
        Verb(Who.DEVICE, _ANSWERED),
    ),
    **dict.fromkeys(("make_keys", "sign", "tamper"), Verb(Who.DEVICE, frozenset({"save"}))),
    "to_device_ack": Verb(Who.DEVICE, _SILENT),
    **dict.fromkeys(("register", "login"), Verb(Who.DEVICE, _ANSWERED)),
    **dict.fromkeys(("logout", "remove_device", "block", "unblock"), Verb(Who.DEVICE, _DONE)),
    **dict.fromkeys(("devices", "profile"), Verb(Who.DEVICE, _ANSWERED)),
    "press": Verb(Who.DEVICE, frozenset({"save", "match"})),
    "request": Verb(Who.ANYBODY, frozenset({"save", "response"})),
    **dict.fromkeys(("frame", "bytes"), Verb(Who.DEVICE, _SILENT)),
    "expect": Verb(Who.INBOX, frozenset({"save", "strict", "decrypted"})),
    "never": Verb(Who.INBOX, frozenset({"until"})),
    **dict.fromkeys(
        ("barrier", "together", "repeat", "restart_server", "stop_server", "in_time", "assert"),
        Verb(Who.NOBODY, _SILENT),
    ),
}
"""Every verb of `step.Step`, by its key."""

MODIFIERS: Final = ("save", "match", "fails", "response", "strict", "decrypted", "until")
"""What a step may say about its verb; ``note`` and ``proves`` go with every verb."""


def walk_steps(steps: Json, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every step of a plain tree, nested ones too, with its path; what is no step is passed over."""
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if not isinstance(step, dict):
            continue
        at = (*path, index)
        yield at, step
        branches = step.get("together")
        for number, branch in enumerate(branches if isinstance(branches, list) else ()):
            yield from walk_steps(branch, (*at, "together", number))
        repeat = step.get("repeat")
        if isinstance(repeat, dict):
            yield from walk_steps(repeat.get("steps"), (*at, "repeat", "steps"))
