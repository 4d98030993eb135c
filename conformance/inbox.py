"""`expect` and `never`: what a scenario says about a device's inbox.

An inbox only grows; each device has a cursor in it. ``expect`` searches forward from the cursor and
moves it behind the frame that it finds, passing over the others. ``never`` looks at everything from the
cursor up to the end of a barrier, and moves the cursor there. What was seen and did not match is the
evidence: the nearest frames are shown with what exactly was different.

A connection that was cut (1006) where something else was expected proves nothing if the host was
overloaded: a server says goodbye and waits a moment, and a program that is not let run meanwhile finds
the connection reset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import trio

from .adapters.base import CUT, Incoming
from .cast import Device
from .findings import StepFailed, rendered
from .matching import Mismatch, match, matches
from .patience import Patience
from .steps.base import line_of

Json = Any

_NEAREST = 3
_DIFFERENCES = 4


async def expect(
    device: Device, pattern: dict[str, Json], *, strict: bool, patience: Patience
) -> Json:
    """Wait for the frame, and answer its content. Raises `StepFailed`."""
    ((kind, wanted),) = pattern.items()
    line = line_of(device)
    looked = 0
    reason = f"did not come within {patience.seconds:g} s"
    impatient = True
    overload: str | None = None
    with trio.move_on_after(patience.seconds):
        while True:
            unread = device.unread(line)
            for frame in unread[looked:]:
                looked += 1
                if _is(frame, kind, wanted):
                    device.advance(looked)
                    return frame.content
                if strict:
                    raise _unmet(kind, wanted, unread[:1], "is not the very next frame")
            if line.closed:
                reason, impatient = "did not come before the connection ended", False
                if any(_is(frame, "closed", {"code": CUT}) for frame in unread):
                    overload = patience.overload_since(trio.current_time() - patience.seconds)
                break
            await line.news()
    raise _unmet(kind, wanted, device.unread(line), reason, impatient=impatient, overload=overload)


def never(device: Device, pattern: dict[str, Json]) -> None:
    """Look at everything from the cursor on. Raises `StepFailed` for a frame that matches."""
    ((kind, unwanted),) = pattern.items()
    unread = device.unread(line_of(device))
    for frame in unread:
        if _is(frame, kind, unwanted):
            raise StepFailed(
                f"a `{kind}` frame came that must never come",
                expected=f"no `{kind}` matching {rendered(unwanted)}",
                got=rendered(frame.content),
                events=(frame.event,),
            )


def pass_over(device: Device) -> None:
    """Move the cursor behind everything that has come."""
    device.advance(len(device.unread(line_of(device))))


def _is(frame: Incoming, kind: str, pattern: Json) -> bool:
    return frame.type == kind and matches(pattern, frame.content)


def _unmet(
    kind: str,
    wanted: Json,
    seen: Sequence[Incoming],
    reason: str,
    *,
    impatient: bool = False,
    overload: str | None = None,
) -> StepFailed:
    near = _nearest(kind, wanted, seen)
    least = min((mismatches for _, mismatches in near), key=len) if near else []
    return StepFailed(
        f"the expected `{kind}` frame {reason}",
        expected=f"`{kind}` matching {rendered(wanted)}",
        got=_told(kind, seen, near),
        mismatches=least,
        events=tuple(frame.event for frame, _ in near),
        impatient=impatient,
        overload=overload,
    )


def _nearest(
    kind: str, wanted: Json, seen: Sequence[Incoming]
) -> list[tuple[Incoming, list[Mismatch]]]:
    """The frames of the right type that differ least, in the order they came."""
    compared = [(frame, match(wanted, frame.content)) for frame in seen if frame.type == kind]
    best = sorted(range(len(compared)), key=lambda number: len(compared[number][1]))[:_NEAREST]
    return [compared[number] for number in sorted(best)]


def _told(kind: str, seen: Sequence[Incoming], near: list[tuple[Incoming, list[Mismatch]]]) -> str:
    if not seen:
        return "nothing"
    counted = Counter(frame.type or "(no frame)" for frame in seen)
    summary = ", ".join(f"{count} × {name}" for name, count in counted.items())
    lines = [f"since the cursor: {summary}"]
    if not near:
        lines.append(f"no `{kind}` among them")
    for frame, mismatches in near:
        lines.append(f"`{kind}` {rendered(frame.content)}")
        lines += [f"  {mismatch}" for mismatch in mismatches[:_DIFFERENCES]]
        if len(mismatches) > _DIFFERENCES:
            lines.append(f"  and {len(mismatches) - _DIFFERENCES} more differences")
    return "\n".join(lines)
