"""A run's summary for the terminal: the verdict, what failed and why, where to look next.

Plain text in 80 columns when the console is no terminal. What a server chose to send cannot command
the terminal: control characters are shown as escapes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.markup import escape

from .causes import Cause, causes
from .evidence import WIDTH, evidence
from .judgement import excused
from .model import Finding, Requirement, Results, Scenario
from .telling import headline
from .text import count, visible

STYLES = {
    "pass": "green",
    "fail": "bold red",
    "flaky": "bold magenta",
    "not applicable": "dim",
    "inconclusive": "yellow",
    "error": "bold yellow",
    "not covered": "dim",
    "conformant": "bold green",
    "not conformant": "bold red",
    "undecided": "bold yellow",
}

_MARKS = {
    "pass": "+",
    "fail": "X",
    "flaky": "~",
    "not applicable": "-",
    "inconclusive": "?",
    "error": "!",
    "not covered": ".",
}
_LABEL_WIDTH = 26

TOLD = 5
"""Causes that are told with all their evidence."""
FINDINGS = 3
"""Findings of a scenario that are told, the first with all its evidence."""
ALIKE = 10
"""Scenarios of one cause that are named."""
BRIEF = 3
"""Lines of a cause that is told in brief."""


def show(results: Results, console: Console, reports: Sequence[str]) -> None:
    """Print the summary; `reports` are the files written."""
    _show_verdict(results, console)
    _show_requirements(results, console)
    _show_others(results.scenarios, console)
    _show_failures(results, console)
    _show_way_on(results, console, reports)


def _show_verdict(results: Results, console: Console) -> None:
    run = results.run
    _print(console, "")
    _print(
        console,
        f"[{STYLES[results.verdict]}]{results.verdict.upper()}[/]  {escape(_who(results))}",
    )
    for reason in results.reasons:
        _print_paragraph(console, reason)
    _print(console, f"scenarios:    {_totals(results.totals.scenarios)}")
    _print(console, f"requirements: {_totals(results.totals.requirements)}")
    _print(console, f"{run.seconds:.1f} s, seed {run.seed}, msgcheck {run.tool_version}")


def _show_way_on(results: Results, console: Console, reports: Sequence[str]) -> None:
    """What to look at, and what to type, next; with the verdict again if much stands in between."""
    _print(console, "")
    if any(each.verdict in ("fail", "flaky") for each in results.requirements):
        said = f"[{STYLES[results.verdict]}]{results.verdict.upper()}[/]"
        reasons = escape("; ".join(results.reasons))
        _print(console, f"{said}: {reasons}" if reasons else said)
        for cause in causes(results.scenarios, results.requirements)[:1]:
            for identity in cause.finding.requirements[:1] if cause.finding else ():
                _print(console, f"explained: msgcheck explain {escape(identity)}")
    show_files(console, reports)


def show_files(console: Console, reports: Sequence[str]) -> None:
    """Print where the reports are, their folder once."""
    if reports:
        folder, _, first = reports[0].rpartition("/")
        names = [first, *(each.rpartition("/")[2] for each in reports[1:])]
        _print(console, f"reports:   {escape(folder or '.')}/ {', '.join(names)}")


def _who(results: Results) -> str:
    run = results.run
    return f"{'the reference server' if run.embedded else run.target}"


def _totals(totals: dict[str, int]) -> str:
    return ", ".join(
        f"[{STYLES[verdict]}]{number} {verdict}[/]" for verdict, number in totals.items() if number
    )


def _show_requirements(results: Results, console: Console) -> None:
    """One line for each area, its requirements marked by verdict; of a selection, what it is about."""
    _print(console, "")
    for area, group in groupby(results.requirements, key=lambda each: each.area):
        members = list(group)
        if results.run.selection and not any(each.scenarios for each in members):
            continue
        label = area if len(area) < _LABEL_WIDTH else f"{area[: _LABEL_WIDTH - 2]}…"
        cells = [f"[{STYLES[each.verdict]}]{_cell(each)}[/]" for each in members]
        plain = [_cell(each) for each in members]
        for number, line in enumerate(_filled(cells, plain, WIDTH - _LABEL_WIDTH)):
            _print(console, f"{escape(label) if number == 0 else '':<{_LABEL_WIDTH}}{line}")
    occurring = {each.verdict for each in results.requirements}
    legend = "  ".join(f"{_MARKS[name]} {name}" for name in _MARKS if name in occurring)
    _print(console, f"[dim]{legend}[/]")


def _cell(requirement: Requirement) -> str:
    return f"{requirement.id}{_MARKS[requirement.verdict]}"


def _filled(cells: Sequence[str], plain: Sequence[str], width: int) -> Iterable[str]:
    line: list[str] = []
    used = 0
    for cell, text in zip(cells, plain, strict=True):
        if line and used + 1 + len(text) > width:
            yield " ".join(line)
            line, used = [], 0
        line.append(cell)
        used += len(text) + 1
    if line:
        yield " ".join(line)


def _show_failures(results: Results, console: Console) -> None:
    """One scenario of each cause, the most telling first; what failed in the same way by its name."""
    texts = {each.id: each for each in results.requirements}
    found = [each for each in causes(results.scenarios, results.requirements) if each.finding]
    for cause in found[:TOLD]:
        _show_failure(cause.scenarios[0], texts, console)
        _show_alike(cause.scenarios[1:], console)
    if len(found) > TOLD:
        _print(console, "")
        _print(
            console, f"[bold]{count(len(found) - TOLD, 'other way')} in which scenarios failed[/]"
        )
        for cause in found[TOLD:]:
            _show_in_brief(cause, console)


def _show_failure(scenario: Scenario, texts: Mapping[str, Requirement], console: Console) -> None:
    excuse = " (known or advisory)" if excused(scenario) else ""
    _print(console, "")
    _print(
        console,
        f"[{STYLES[scenario.verdict]}]{scenario.verdict.upper()}[/]{excuse} "
        f"[bold]{escape(scenario.name)}[/]",
    )
    _print_paragraph(console, scenario.title)
    if scenario.reason:
        _print_paragraph(console, scenario.reason)
    for finding in scenario.findings[:1]:
        _show_finding(finding, texts, console)
    for finding in scenario.findings[1:FINDINGS]:
        told = f"also {', '.join(finding.requirements)}: {headline(finding)}"
        lines = textwrap.wrap(told, WIDTH - 4, break_on_hyphens=False, subsequent_indent="  ")
        for line in lines[:BRIEF]:
            _print(console, f"  {escape(line)}")
    more = len(scenario.findings) - FINDINGS
    if more > 0:
        _print(console, f"  {count(more, 'more finding')} of this scenario in the reports")


def _show_finding(finding: Finding, texts: Mapping[str, Requirement], console: Console) -> None:
    for identity in filter(texts.__contains__, finding.requirements):
        first, *others = _promise(texts[identity])
        _print(console, f"  [bold]{identity}[/]{escape(first)}")
        for line in others:
            _print(console, f"    {escape(line)}")
    for line in evidence(finding):
        _print(console, f"    {escape(line)}")


def _show_alike(scenarios: Sequence[Scenario], console: Console) -> None:
    if not scenarios:
        return
    _print(console, f"  {count(len(scenarios), 'more scenario')} failed in the same way:")
    for scenario in scenarios[:ALIKE]:
        _print(console, f"    {escape(scenario.name)}")
    if len(scenarios) > ALIKE:
        _print(console, f"    and {len(scenarios) - ALIKE} more")


def _show_in_brief(cause: Cause, console: Console) -> None:
    first, *others = cause.scenarios
    more = f", and {count(len(others), 'more scenario')}" if others else ""
    _print(console, f"  [bold]{escape(first.name)}[/]{more}")
    blamed = ", ".join(cause.finding.requirements) if cause.finding is not None else ""
    told = textwrap.wrap(f"{blamed}: {cause.message}", WIDTH - 4, break_on_hyphens=False)
    for line in told[:BRIEF]:
        _print(console, f"    {escape(line)}")


def _promise(requirement: Requirement) -> list[str]:
    """A requirement's level and sentence, to stand behind its id."""
    told = f"{requirement.id} ({requirement.level}) {requirement.text}"
    first, *others = textwrap.wrap(told, WIDTH - 4, break_on_hyphens=False)
    return [first.removeprefix(requirement.id), *others]


def _show_others(scenarios: Sequence[Scenario], console: Console) -> None:
    for scenario in scenarios:
        if scenario.verdict == "error":
            _print(console, "")
            _print(console, f"[{STYLES['error']}]ERROR[/] [bold]{escape(scenario.name)}[/]")
            _print_paragraph(console, scenario.reason or "")
    inapplicable = [each for each in scenarios if each.verdict == "not applicable"]
    by_reason: dict[str, list[str]] = {}
    for scenario in inapplicable:
        by_reason.setdefault(scenario.reason or "", []).append(scenario.name)
    for reason, names in by_reason.items():
        _print(console, "")
        _print(console, f"[dim]not applicable, {escape(reason)}:[/]")
        for name in names:
            _print(console, f"[dim]  {escape(name)}[/]")


def _print_paragraph(console: Console, text: str) -> None:
    """Indented, and wrapped unless it has lines of its own (a traceback, the end of a log)."""
    lines = text.splitlines()
    if len(lines) == 1:
        lines = textwrap.wrap(text, WIDTH - 2, break_on_hyphens=False, break_long_words=False)
    for line in lines:
        _print(console, f"  {escape(line)}")


def _print(console: Console, text: str) -> None:
    console.print(visible(text), highlight=False, soft_wrap=True)
