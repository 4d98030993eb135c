"""A summary in Markdown, for a pull request or a job's page: verdict, what failed and why, where to look.

GitHub shows at most a mebibyte of it, so what failed is listed up to `MOST`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .causes import ORDER, Cause, causes
from .judgement import excused
from .model import Requirement, Results, Scenario
from .text import count, visible

MOST: Final = 50
"""Causes listed, a line each."""
ALIKE: Final = 5
"""Scenarios that failed in the same way as another, and are named with it."""
LONGEST: Final = 500
"""Characters of a message."""

_SEALS: Final = {"conformant": "✅", "not conformant": "❌", "undecided": "❔"}
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


def render(results: Results) -> bytes:
    """The summary."""
    return ("\n".join(_lines(results)) + "\n").encode("utf-8", "replace")


def _lines(results: Results) -> Iterator[str]:
    run = results.run
    target = "the reference server" if run.embedded else run.target
    yield f"## {_SEALS[results.verdict]} {results.verdict.capitalize()}: {literal(target)}"
    yield ""
    for reason in results.reasons:
        yield f"{literal(reason)}  "
    yield ""
    yield "| | | |"
    yield "| --- | ---: | --- |"
    for name, totals in (
        ("Scenarios", results.totals.scenarios),
        ("Requirements", results.totals.requirements),
    ):
        told = ", ".join(f"{number} {verdict}" for verdict, number in totals.items() if number)
        yield f"| {name} | {sum(totals.values())} | {literal(told)} |"
    yield ""
    yield from _failures(results)
    yield literal(f"{run.seconds:.1f} s, seed {run.seed}, msgcheck {run.tool_version}")


def _failures(results: Results) -> Iterator[str]:
    found = causes(results.scenarios, results.requirements)
    if not found:
        return
    yield "### What failed, and why"
    yield ""
    failed = [scenario for cause in found for scenario in cause.scenarios]
    for requirement in results.requirements:
        if any(requirement.id in each.requirements for one in failed for each in one.findings):
            yield _promise(requirement)
    yield ""
    yield literal(ORDER)
    yield ""
    yield "| Scenario | Verdict | Why |"
    yield "| --- | --- | --- |"
    for cause in found[:MOST]:
        yield f"| {_names(cause)} | {_verdict(cause.scenarios[0])} | {_why(cause)} |"
    if len(found) > MOST:
        left = sum(len(cause.scenarios) for cause in found[MOST:])
        yield f"| {count(left, 'more scenario')} | | |"
    yield ""
    repeat = next((one.findings[0].repeat.command for one in failed if one.findings), None)
    if repeat is not None:
        yield f"See the first again: <code>{literal(repeat)}</code>"
        yield ""


def _names(cause: Cause) -> str:
    """The most telling scenario, and the others that failed in the same way."""
    first, *others = cause.scenarios
    if not others:
        return literal(first.name)
    names = ", ".join(literal(each.name) for each in others[:ALIKE])
    more = f" and {len(others) - ALIKE} more" if len(others) > ALIKE else ""
    return f"{literal(first.name)}<br>{len(others)} more: {names}{more}"


def _promise(requirement: Requirement) -> str:
    return f"- **{literal(requirement.id)}** ({requirement.level}) {literal(requirement.text)}"


def _verdict(scenario: Scenario) -> str:
    return f"{scenario.verdict} (known or advisory)" if excused(scenario) else scenario.verdict


def _why(cause: Cause) -> str:
    blamed = f"{', '.join(cause.finding.requirements)}: " if cause.finding is not None else ""
    told = f"{blamed}{cause.message}"
    return literal(told if len(told) <= LONGEST else f"{told[:LONGEST]}…")


def literal(text: str) -> str:
    """`text` as it is, on one line: nothing in it is markup, a link or a mention."""
    plain = " ".join(visible(text).split())
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", plain)
