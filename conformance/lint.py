"""What is wrong with a scenario beyond its types: rules of the language that need more than one key.

Each rule is a small generator of complaints over the plain tree, so that one mistake never hides the
next. A step whose own types are wrong already is passed over, lest it be blamed twice.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from . import matching
from .catalogue import Catalogue
from .decoding import Complaint
from .language.grammar import MODIFIERS, VERBS, Who, walk_steps
from .outages import MANNERS
from .problems import closest, unknown
from .scoping import check_names, device_names
from .values import Json, Path, is_reference, references

Step = Mapping[str, Any]

KNOWN_FRAMES: Final = (
    *("welcome", "replay_complete", "message", "conversation", "sent", "failed", "status"),
    *("error", "pong", "to_device", "accepted", "typing", "presence", "devices", "keys_low"),
    "closed",
)
"""Frames that the Messenger API names (section 6). Others may be expected, near misses may not."""

ONE_OF: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "send": (0, ("text", "length", "body")),
    "create": (1, ("direct", "group")),
    "download": (1, ("asset", "file")),
    "encrypt": (0, ("text", "body")),
    "tamper": (0, ("swap", "without", "copy_to")),
    "request": (0, ("body", "text", "base64", "size")),
    "bytes": (1, ("text", "binary", "invalid_utf8", "size")),
}
"""Arguments of a verb that exclude each other, and how many of them it needs at least."""

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token (RFC 9110, section 5.6.2): what else a header's name holds cannot be sent."""

_HEADER_VALUE: Final = re.compile(r"(?![ \t])[^\x00-\x08\x0a-\x1f\x7f]*(?<![ \t])")

_BASE64: Final = {"request": ("base64",), "bytes": ("binary", "invalid_utf8")}

_USES: Final[dict[str, tuple[Callable[[Step], bool], str]]] = {
    "groups": (lambda step: "group" in _arguments(step, "create"), "it creates a group"),
    "relations": (lambda step: "relates_to" in _arguments(step, "send"), "it relates messages"),
    "media": (lambda step: "upload" in step or "download" in step, "it shares media"),
    "uploads.tus": (
        lambda step: _arguments(step, "upload").get("via") == "tus",
        "it uploads resumably",
    ),
    "e2ee": (lambda step: _encrypts(step), "keys and ciphertexts are used"),
    "expiry": (lambda step: "expires_in_s" in _arguments(step, "send"), "its messages expire"),
    "blocking": (lambda step: "block" in step or "unblock" in step, "it blocks users"),
    "typing": (lambda step: "typing" in step, "it tells who is writing"),
    "encoding.msgpack": (
        lambda step: any(
            _arguments(step, verb).get("encoding") == "msgpack" for verb in ("connect", "reconnect")
        ),
        "it speaks MessagePack",
    ),
    "restart": (lambda step: "restart_server" in step, "it restarts the server"),
    "stop": (lambda step: "stop_server" in step, "it stops the server"),
}
"""What a step does that a server may be unable to, by the capability that the scenario then needs."""


def lint(
    tree: Mapping[str, Json], wrong: Collection[Path], catalogue: Catalogue
) -> Iterator[Complaint]:
    """Every complaint about a scenario whose plain tree has type mistakes at the paths `wrong`."""
    yield from _check_proves(tree.get("proves"), ("proves",), catalogue)
    yield from _check_needs(tree, catalogue)
    yield from _check_actors(_object(tree, "actors"))
    yield from _check_given(_object(tree, "given"), _object(tree, "actors"))
    for path, step in walk_steps(tree.get("steps"), ("steps",)):
        if not any(_is_own(path, fault) for fault in wrong):
            yield from _check_step(step, path, _object(tree, "actors"), catalogue)
    yield from check_names(tree)


def unused_parameters(tree: Mapping[str, Json]) -> Iterator[Complaint]:
    """Matrix parameters that nothing speaks of: the scenario would run twice without a difference."""
    rest = {key: value for key, value in tree.items() if key != "matrix"}
    used = {
        located.found.name
        for located in references(rest)
        if not isinstance(located.found, Exception)
    }
    for name in _object(tree, "matrix"):
        if name not in used:
            yield Complaint(("matrix", name), f"the parameter `{name}` is never used", "key")


# ── the scenario's head ───────────────────────────────────────────────────────────────────────


def _check_proves(proves: Json, path: Path, catalogue: Catalogue) -> Iterator[Complaint]:
    listed = proves if isinstance(proves, list) else [proves]
    for index, name in enumerate(listed):
        if isinstance(name, str) and "-" in name and name not in catalogue.requirements:
            at = (*path, index) if isinstance(proves, list) else path
            yield Complaint(at, unknown("requirement", name, catalogue.requirements))


def _check_needs(tree: Mapping[str, Json], catalogue: Catalogue) -> Iterator[Complaint]:
    needs = tree.get("needs", [])
    if not isinstance(needs, list):
        return
    known = (*catalogue.capabilities, *MANNERS)
    for index, name in enumerate(needs):
        if isinstance(name, str) and name not in known:
            yield Complaint(("needs", index), unknown("capability", name, known))
    for name, given in _object(tree, "given").items():
        if isinstance(given, dict) and "group" in given and "groups" not in needs:
            yield Complaint(("given", name), "a group is given, so the scenario needs `groups`")
        if isinstance(given, dict) and given.get("encrypted") is True and "e2ee" not in needs:
            yield Complaint(("given", name), "it is encrypted, so the scenario needs `e2ee`")
    for path, step in walk_steps(tree.get("steps"), ("steps",)):
        for capability, (uses, why) in _USES.items():
            if uses(step) and capability not in needs:
                yield Complaint(path, f"the scenario needs `{capability}`: {why} here")


def _check_actors(actors: Mapping[str, Json]) -> Iterator[Complaint]:
    for name, actor in actors.items():
        devices = device_names(actor)
        for device in sorted({device for device in devices if devices.count(device) > 1}):
            yield Complaint(("actors", name), f"`{name}` has the device `{device}` twice")
        for device in sorted({"user_id", "display_name", "password"} & set(devices)):
            message = f"a device cannot be called `{device}`: `${name}.{device}` is something else"
            yield Complaint(("actors", name), message)


def _check_given(given: Mapping[str, Json], actors: Mapping[str, Json]) -> Iterator[Complaint]:
    for name, conversation in given.items():
        if not isinstance(conversation, dict):
            continue
        path: Path = ("given", name)
        kinds = [kind for kind in ("direct", "group") if kind in conversation]
        if len(kinds) != 1:
            yield Complaint(path, f"`{name}` must be either `direct` or `group`")
        members = conversation.get(kinds[0]) if kinds else None
        if isinstance(members, list):
            yield from _check_members(members, (*path, kinds[0]), actors)
            yield from _check_roles(conversation, path, members)
        for key in {"title", "roles"} & conversation.keys() if "direct" in conversation else ():
            yield Complaint((*path, key), f"a direct conversation has no {key}", "key")


def _check_members(
    members: list[Json], path: Path, actors: Mapping[str, Json]
) -> Iterator[Complaint]:
    for index, member in enumerate(members):
        if isinstance(member, str) and member not in actors:
            yield Complaint((*path, index), unknown("actor", member, actors))
        if member in members[:index]:
            yield Complaint((*path, index), f"`{member}` is a member twice")
    creator = actors.get(members[0]) if members and isinstance(members[0], str) else None
    if isinstance(creator, dict) and creator.get("devices") == []:
        message = f"`{members[0]}` creates it, and needs a device that is logged in from the start"
        yield Complaint((*path, 0), message)


def _check_roles(
    conversation: Mapping[str, Json], path: Path, members: list[Json]
) -> Iterator[Complaint]:
    for name in _object(conversation, "roles"):
        if name not in members:
            yield Complaint((*path, "roles", name), f"`{name}` is no member", "key")


# ── steps ─────────────────────────────────────────────────────────────────────────────────────


def _check_step(
    step: Step, path: Path, actors: Mapping[str, Json], catalogue: Catalogue
) -> Iterator[Complaint]:
    verbs = [key for key in step if key in VERBS]
    if len(verbs) != 1:
        found = " and ".join(f"`{verb}`" for verb in verbs) or "none"
        yield Complaint(path, f"a step has exactly one verb; this one has {found}")
        return
    verb = verbs[0]
    yield from _check_who(step, verb, path, actors)
    yield from _check_modifiers(step, verb, path)
    yield from _check_arguments(step, verb, path)
    yield from _check_patterns(step, verb, path, catalogue)
    yield from _check_proves(step.get("proves"), (*path, "proves"), catalogue)


def _check_who(
    step: Step, verb: str, path: Path, actors: Mapping[str, Json]
) -> Iterator[Complaint]:
    who = VERBS[verb].who
    key = {Who.INBOX: "on", Who.NOBODY: None}.get(who, "as")
    misplaced = [other for other in ("as", "on") if other in step and other != key]
    for other in misplaced:
        instead = f"write `{key}`" if key else "leave it out"
        yield Complaint((*path, other), f"`{verb}` does not go with `{other}`: {instead}", "key")
    if key is None:
        return
    if key in step:
        yield from _check_device(str(step[key]), (*path, key), actors)
    elif who is not Who.ANYBODY and not misplaced:
        yield Complaint((*path, verb), f"`{verb}` needs {who.value}", "key")


def _check_device(name: str, path: Path, actors: Mapping[str, Json]) -> Iterator[Complaint]:
    actor, dot, device = name.partition(".")
    if is_reference(name):
        yield Complaint(path, f"`{name}`: an actor is named as it is, without `$`")
    elif actor not in actors:
        yield Complaint(path, unknown("actor", actor, actors))
    elif dot:
        devices = device_names(actors[actor])
        if device not in devices:
            yield Complaint(path, f"{unknown('device', device, devices)} (of `{actor}`)")
    else:
        devices = device_names(actors[actor])
        if not devices:
            yield Complaint(path, f"`{actor}` has no device: list one under `devices` or `later`")
        elif len(devices) > 1:
            choices = ", ".join(f"`{actor}.{each}`" for each in devices)
            yield Complaint(path, f"`{actor}` has several devices: name one of {choices}")


def _check_modifiers(step: Step, verb: str, path: Path) -> Iterator[Complaint]:
    allowed = VERBS[verb].modifiers
    for key in MODIFIERS:
        if key in step and key not in allowed:
            yield Complaint(
                (*path, key), f"`{verb}` does not go with `{key}`{_hint(verb, key)}", "key"
            )
    if "fails" in step:
        for key in ("save", "match"):
            if key in step and key in allowed:
                message = f"what fails has no answer to `{key}`: put the pattern under `fails`"
                yield Complaint((*path, key), message, "key")
    if "decrypted" in step and verb == "expect" and "message" not in step["expect"]:
        message = "only a `message` is encrypted for its conversation: `decrypted` goes with it"
        yield Complaint((*path, "decrypted"), message, "key")
    if verb == "never" and "until" not in step:
        yield Complaint(
            (*path, verb), "`never` needs `until: barrier`: a silence ends somewhere", "key"
        )


def _hint(verb: str, key: str) -> str:
    if verb in ("delivered", "read", "typing", "frame", "bytes"):
        return ": it has no answer of its own, `expect` the frame that comes"
    if verb == "request" and key in ("match", "fails"):
        return ": put the pattern under `response`"
    if verb == "expect" and key in ("match", "response"):
        return ": put the pattern under the frame's type"
    return ""


def _check_arguments(step: Step, verb: str, path: Path) -> Iterator[Complaint]:
    arguments = _arguments(step, verb)
    if verb in ONE_OF:
        least, choices = ONE_OF[verb]
        found = [key for key in choices if key in arguments]
        if len(found) > 1 or len(found) < least:
            count = "exactly" if least else "at most"
            listed = ", ".join(f"`{key}`" for key in choices)
            yield Complaint((*path, verb), f"`{verb}` takes {count} one of {listed}")
    for key in _BASE64.get(verb, ()):
        if isinstance(arguments.get(key), str) and not _is_base64(arguments[key]):
            yield Complaint((*path, verb, key), f"`{key}` is not standard base64")
    yield from _check_request(arguments, (*path, verb))
    if verb in ("barrier", "restart_server", "stop_server", "devices") and arguments:
        yield Complaint((*path, verb), f"`{verb}` takes no arguments: write `{verb}: {{}}`")
    times = arguments.get("times") if verb == "repeat" else None
    if isinstance(times, str) and not is_reference(times):
        yield Complaint((*path, verb, "times"), f"`times` is a number or `$name`, not `{times}`")


def _check_request(arguments: Mapping[str, Any], path: Path) -> Iterator[Complaint]:
    """What no HTTP can carry would be blamed on the server: it gets no answer."""
    target = arguments.get("path")
    if isinstance(target, str) and not target.startswith(("/", "$")):
        yield Complaint((*path, "path"), f"`path` begins with `/`, and this is `{target}`")
    for name, value in _object(arguments, "headers").items():
        at = (*path, "headers", name)
        if not _HEADER_NAME.fullmatch(name):
            yield Complaint(at, f"no header can be called `{name}`", "key")
        if isinstance(value, str) and not _HEADER_VALUE.fullmatch(value):
            message = "a header's value has no line break, and no space at its beginning or end"
            yield Complaint(at, message)


def _check_patterns(step: Step, verb: str, path: Path, catalogue: Catalogue) -> Iterator[Complaint]:
    for at, pattern in _patterns(step, verb):
        for inner, message in matching.complaints(pattern):
            yield Complaint((*path, *at, *inner), message, "key")
        for inner, code in _codes(pattern, ()):
            yield from _check_code(code, (*path, *at, *inner), catalogue)
    if isinstance(step.get("fails"), str):
        yield from _check_code(step["fails"], (*path, "fails"), catalogue)
    if verb in ("expect", "never"):
        for frame in step[verb]:
            if frame not in KNOWN_FRAMES and (near := closest(frame, KNOWN_FRAMES)):
                message = f"unknown frame `{frame}`: did you mean `{near}`?"
                yield Complaint((*path, verb, frame), message, "key")


def _check_code(code: str, path: Path, catalogue: Catalogue) -> Iterator[Complaint]:
    """A near miss of an error code would blame every server; codes of other protocols are fine."""
    if code in catalogue.codes or code.startswith("$"):
        return
    if near := closest(code, catalogue.codes):
        yield Complaint(path, f"unknown error code `{code}`: did you mean `{near}`?")


def _codes(pattern: Json, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text that a pattern expects of a member `code`."""
    members = pattern if isinstance(pattern, dict) else {}
    for name, member in members.items():
        if name == "code" and isinstance(member, str):
            yield (*path, name), member
        yield from _codes(member, (*path, name))


def _patterns(step: Step, verb: str) -> Iterator[tuple[Path, Json]]:
    for key in ("match", "fails", "response", "decrypted"):
        if key in step:
            yield (key,), step[key]
    if verb in ("expect", "never"):
        for frame, pattern in step[verb].items():
            yield (verb, frame), pattern
    if verb == "assert":
        yield (verb, "is"), step[verb]["is"]


_ENCRYPTING: Final = frozenset(
    {"publish_keys", "make_keys", "devices_of", "claim", "encrypt", "decrypt", "to_device"}
)
"""Verbs that a server without end-to-end encryption has no answer for."""


def _encrypts(step: Step) -> bool:
    sealed = "encrypt" in _arguments(step, "send") or "encrypted" in _arguments(step, "upload")
    return sealed or not _ENCRYPTING.isdisjoint(step)


# ── small things ──────────────────────────────────────────────────────────────────────────────


def _is_own(step: Path, fault: Path) -> bool:
    """Whether a fault lies in the step itself and not in a step nested in it."""
    if fault[: len(step)] != step:
        return False
    rest = fault[len(step) :]
    if rest[:1] == ("together",):
        return len(rest) < 3
    return len(rest) < 3 if rest[:2] == ("repeat", "steps") else True


def _arguments(step: Step, verb: str) -> Mapping[str, Any]:
    arguments = step.get(verb)
    return arguments if isinstance(arguments, dict) else {}


def _object(tree: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = tree.get(key)
    return value if isinstance(value, dict) else {}


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True
