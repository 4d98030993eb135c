"""A load run's summary in Markdown, for a pull request or a job's page: verdict, then the budget by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .load_model import Check, LoadResults
from .markdown import literal

_SEALS: Final = {"within budget": "✅", "budget broken": "❌", "invalid": "❔"}


def render(results: LoadResults) -> bytes:
    """The summary."""
    return ("\n".join(_lines(results)) + "\n").encode("utf-8", "replace")


def _lines(results: LoadResults) -> Iterator[str]:
    run = results.run
    target = "the reference server" if run.embedded else run.target
    yield f"## {_SEALS[results.verdict]} {results.verdict.capitalize()}: {literal(target)}"
    yield ""
    yield literal(f"{run.title}: {run.users} users, {run.rate:g} messages a second, {run.shape}")
    yield ""
    for reason in results.reasons:
        yield f"- {literal(reason)}"
    yield ""
    yield "| | Budget | Measured | Limit |"
    yield "| --- | --- | ---: | ---: |"
    for check in results.checks:
        yield _row(check)
    yield ""
    yield literal(f"{run.seconds:.1f} s, seed {run.seed}, msgcheck {run.tool_version}")


def _row(check: Check) -> str:
    unit = " ms" if check.unit == "ms" else ""
    mark = "✅" if check.passed else "❌"
    measured = "nothing" if check.is_empty else f"{check.measured:g}{unit}"
    limit = f"{check.limit:g}{unit}"
    return f"| {mark} | {literal(check.name)} | {literal(measured)} | {literal(limit)} |"
