"""A load run's summary for the terminal: the verdict, what broke and why, where to look next.

Plain text in 80 columns when the console is no terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from .evidence import WIDTH
from .load_model import Capacity, Check, HopResult, LoadResults, told_causes
from .terminal import show_files
from .text import count, visible

STYLES = {"within budget": "bold green", "budget broken": "bold red", "invalid": "bold yellow"}


def show(results: LoadResults, console: Console, reports: Sequence[str]) -> None:
    """Print the summary; `reports` are the files written."""
    _show_verdict(results, console)
    _show_budget(results.checks, console)
    _show_hops(results.hops, console)
    _show_facts(results, console)
    show_files(console, reports)


def _show_budget(checks: Sequence[Check], console: Console) -> None:
    """What broke before what was kept."""
    if not checks:
        return
    _print(console, "")
    _print(console, f"{'budget':<32}{'limit':>12}{'measured':>12}")
    for check in sorted(checks, key=lambda each: each.passed):
        _print(console, _check(check))


def _show_hops(hops: Sequence[HopResult], console: Console) -> None:
    if not hops:
        return
    _print(console, "")
    _print(console, f"{'latency, ms':<22}{'p50':>9}{'p99':>9}{'p99.9':>9}{'max':>9}{'count':>10}")
    for hop in hops:
        for line in _hop(hop):
            _print(console, line)


def _hop(hop: HopResult) -> list[str]:
    """Two lines: from the planned moment, and dimmed what a waiting tester would have noted."""
    told = []
    for label, few in ((hop.hop, hop.corrected), ("  as a waiting tester", hop.waiting)):
        figures = "".join(f"{value:>9.1f}" for value in (few.p50, few.p99, few.p999, few.max))
        told.append(f"{label:<22}{figures}{hop.count:>10}")
    return [told[0], f"[dim]{told[1]}[/]"]


def _check(check: Check) -> str:
    style, mark = ("green", "+") if check.passed else ("bold red", "X")
    unit = f" {check.unit}" if check.unit == "ms" else ""
    measured = "nothing" if check.is_empty else f"{check.measured:g}{unit}"
    return (
        f"[{style}]{mark}[/] {escape(check.name):<30}{f'{check.limit:g}{unit}':>12}"
        f"[{style}]{measured:>12}[/]"
    )


def _show_verdict(results: LoadResults, console: Console) -> None:
    run = results.run
    who = "the reference server" if run.embedded else run.target
    _print(console, "")
    _print(
        console,
        f"[{STYLES[results.verdict]}]{results.verdict.upper()}[/]  {escape(who)}, {escape(run.budget)}",
    )
    for reason in results.reasons:
        _print_wrapped(console, reason, "  ")
    if results.capacity is not None:
        _print_wrapped(console, f"capacity: {_capacity(results.capacity)}")
        if results.capacity.ended_by is not None:
            _print_wrapped(
                console,
                f"the search ended at {results.capacity.steps[-1].rate:.4g} messages/s, where the run "
                f"was invalid: {results.capacity.ended_by}",
                "  ",
            )
    _print_wrapped(
        console,
        f"{run.users} users, {count(run.conversations, 'conversation')}, {run.rate:g} messages/s "
        f"({run.shape}), {run.warmup:g} s + {run.duration:g} s",
    )


def _show_facts(results: LoadResults, console: Console) -> None:
    run, counts, generator = results.run, results.counts, results.generator
    _print(console, "")
    _print_wrapped(
        console,
        f"{counts.planned} planned, {counts.sent} messages stored, {counts.deliveries} deliveries, "
        f"{counts.verified} verified",
    )
    if results.causes:
        _print_wrapped(console, f"errors: {told_causes(results.causes)}")
    _print_wrapped(
        console,
        f"generator: lag p99 {generator.lag_p99:g} ms, "
        f"{generator.cpu_us_per_message:g} µs of CPU per verified message; "
        f"{generator.reading_back_cpu_seconds:g} s of CPU to read the history back",
    )
    _print(console, f"{run.seconds:.1f} s, seed {run.seed}, msgcheck {run.tool_version}")


def _capacity(capacity: Capacity) -> str:
    tried = count(len(capacity.steps), "run")
    if capacity.kept is None:
        return f"no rate that was tried kept the budget ({tried})"
    if capacity.broken is None:
        return f"at least {capacity.kept:.4g} messages/s; none broke the budget ({tried})"
    return (
        f"between {capacity.kept:.4g} and {capacity.broken:.4g} messages/s, where "
        f"{capacity.broke_first} breaks first ({tried})"
    )


def _print_wrapped(console: Console, text: str, indent: str = "") -> None:
    for line in textwrap.wrap(text, WIDTH - len(indent), break_on_hyphens=False):
        _print(console, f"{indent}{escape(line)}")


def _print(console: Console, text: str) -> None:
    console.print(visible(text), highlight=False, soft_wrap=True)
