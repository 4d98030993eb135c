"""Which finding of a scenario tells most of its cause, and what it tells in one line.

A fault is seen at several places: where it strikes, and by everything that then goes another way than
planned. What speaks of the cause comes first: of the promises that the scenario is there to prove, what
a checker saw on the wire and can point at, then a step with what came instead, then what only did not
come, and last what was a preparation or proves nothing at all.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec.structs import replace

from .model import Finding, Scenario
from .text import count

SHORT: Final = 48
"""Characters of a value that is told in a headline."""

_COUNTED: Final = re.compile(r"(length )?\d+( elements)?(?=[,:] \[)")
"""How many elements a list has or must have, where that is said in front of it."""
_OF_FORM: Final = frozenset({"manners", "schema"})
"""Checkers that see the form of what came, and not what it does."""


def told(scenario: Scenario) -> Scenario:
    """The scenario with its findings from the most telling to the least."""
    return replace(
        scenario, findings=sorted(scenario.findings, key=lambda each: rank(each, scenario))
    )


def rank(finding: Finding, scenario: Scenario) -> tuple[int, ...]:
    """The lower, the more telling."""
    return (
        finding.known is not None,
        finding.inconclusive or finding.unanswered,
        finding.kind == "setup",
        not set(finding.requirements) & set(scenario.proves),
        _evidence(finding),
    )


def _evidence(finding: Finding) -> int:
    pointed = any(entry.guilty for entry in finding.timeline)
    if finding.kind == "checker":
        return 0 if pointed and finding.checker not in _OF_FORM else 2
    return 1 if pointed or finding.mismatches or finding.got else 3


def headline(finding: Finding) -> str:
    """What was found, with the first difference if it is short, or the frame that it is about."""
    message = bare(finding)
    if not finding.mismatches:
        return f"{message}{_about(finding)}"
    if message.startswith("expected "):
        return message
    first, *others = finding.mismatches
    where = f"{first.pointer} is " if first.pointer else ""
    expected, got = _in_short(first.expected), _in_short(first.got)
    if expected is not None and got is not None:
        difference = f"{where}{got} instead of {expected}"
    elif first.pointer:
        difference = f"{first.pointer} differs"
    else:
        return message
    more = f", and {len(others)} more" if others else ""
    nearest = "; in the nearest that came, " if " did not come " in message else ": "
    return f"{message}{nearest}{difference}{more}"


def _in_short(value: str) -> str | None:
    """A value as it is told in a headline: a long list by its length; None for another long value."""
    if len(value) <= SHORT:
        return value
    counted = _COUNTED.match(value)
    if counted is not None:
        return counted[0]
    try:
        decoded = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None
    return count(len(decoded), "element") if isinstance(decoded, list) else None


def bare(finding: Finding) -> str:
    """What was found, without the differences that stand among its mismatches."""
    if not finding.mismatches:
        return finding.message
    first = finding.mismatches[0]
    at = f"{first.pointer}: expected " if first.pointer else "expected "
    return finding.message.partition(f": {at}")[0] or finding.message


def _about(finding: Finding) -> str:
    """The one frame that a step blames: what came that must not come."""
    blamed = [entry for entry in finding.timeline if entry.guilty and entry.direction == "in"]
    if finding.kind == "checker" or len(blamed) != 1 or blamed[0].kind != "frame":
        return ""
    return f": {blamed[0].lane} got {blamed[0].label}"
