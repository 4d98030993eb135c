"""`msgcheck run`: play scenarios against a server, judge it, write the reports.

    choose ─▶ check that reports can be written ─▶ find (or start) the target ─▶ campaign ─▶ reports

Whatever can be wrong with what the user gave is found before anything is played. Once playing has
begun, what was measured is kept: an interrupted run writes its reports too, marked as interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import trio
from msgspec import Struct
from rich.console import Console

from reports import terminal
from reports.job import tell_job
from reports.text import count

from .adapters.base import Target, TargetTrouble
from .baseline import Baseline, load_baseline
from .campaign import AGAIN, Campaign, let_go
from .catalogue import Catalogue, load_catalogue
from .collector import collect_rarely
from .commanding import attended, check_writable, raise_descriptor_limit
from .evidence import Repetition
from .faults import check_faults
from .live import LiveDisplay
from .loader import Variant, load_tree
from .options import (
    expression_option,
    jobs_option,
    patience_option,
    report_dir_option,
    seed_option,
    selectors_argument,
    target_option,
)
from .patience import Patience
from .problems import BadInput
from .recording import Measured, Options, judge, write
from .resources import SCENARIOS
from .selection import choose
from .speaking import console_of_a_run
from .targets import ADAPTERS, Match, matched, matched_for_outages
from .tracing import TraceFolder
from .verdicts import HARNESS


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be done: all that was asked for, found to be possible."""

    options: Options
    variants: tuple[Variant, ...]
    catalogue: Catalogue
    known: Baseline
    traces: TraceFolder | None


@click.command()
@selectors_argument
@expression_option
@target_option
@jobs_option("Scenarios in flight.", default=16, most=256)
@click.option(
    "--adapter",
    default="messenger",
    show_default=True,
    type=click.Choice(sorted(ADAPTERS)),
    help="The protocol to speak.",
)
@click.option(
    "--restart-command",
    metavar="CMD",
    help="Kills the target abruptly and starts it again; a shell command.",
)
@click.option(
    "--stop-command",
    metavar="CMD",
    help="Stops the target in order (SIGTERM) and starts it again; a shell command.",
)
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Known failures, each with a reason.",
)
@report_dir_option(
    "Where results.json, junit.xml, ctrf.json and report.html go.", default="msgcheck-report"
)
@seed_option("What generated names and texts derive from.")
@click.option("--strict", is_flag=True, help="A broken SHOULD is a failure, too.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME",
    help="Give the reference server this fault, to see it fail. `msgcheck faults` lists them.",
)
@patience_option
@click.option(
    "--trace",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write every frame and request there, as NDJSON, a file for each scenario.",
)
@click.option(
    "--replay",
    default=AGAIN,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Up to N failed scenarios are played again, alone.",
)
def run(**given: Any) -> None:
    """Play scenarios against a server, and judge it.

    Without --target, the reference server is started for it and stopped again. A SELECTOR is a file
    or folder, a scenario's id or its beginning, a requirement's id, or a tag; none: everything.

    Exit status: 0 conformant; 1 not conformant; 2 the command line or a scenario file is wrong; 3 the
    target could not be reached, the run was interrupted, or something could not be judged.
    """
    options = Options(**given)
    check_faults(options.faults, options.target)
    collect_rarely()
    raise_descriptor_limit()
    plan = _planned(options)
    console = console_of_a_run()
    measured = _measured(plan, console)
    results = judge(options, measured, plan.variants, plan.catalogue, plan.known)
    written = write(results, options.report_dir)
    tell_job(results)
    terminal.show(results, console, written)
    if plan.traces is not None and plan.traces.trouble is not None:
        click.echo(f"msgcheck: {plan.traces.trouble}", err=True)
    raise SystemExit(results.exit_status)


def _planned(options: Options) -> Plan:
    """What the options come to. Raises `BadInput` for whatever is wrong with them."""
    catalogue = load_catalogue()
    variants = choose(options.selectors, options.expression, catalogue)
    known = _known(options, variants, catalogue)
    check_writable(options.report_dir)
    traces = None if options.trace is None else TraceFolder(options.trace)
    return Plan(options=options, variants=variants, catalogue=catalogue, known=known, traces=traces)


def _known(options: Options, variants: Sequence[Variant], catalogue: Catalogue) -> Baseline:
    if options.baseline is None:
        return ()
    if not options.baseline.exists():
        raise BadInput(f"--baseline {options.baseline}: there is no such file")
    everything = [*load_tree([SCENARIOS], catalogue).variants, *variants]
    names = [(each.scenario.id, each.name) for each in everything]
    return load_baseline(options.baseline, names, catalogue.requirements)


# ── playing ───────────────────────────────────────────────────────────────────────────────────


def _measured(plan: Plan, console: Console) -> Measured:
    """What playing gave; ends the program where it gave nothing."""
    measured: Measured | None = None
    try:
        measured = trio.run(_play, plan, console)
    except* TargetTrouble as troubles:
        click.echo(f"msgcheck: {troubles.exceptions[0]}", err=True)
    except* KeyboardInterrupt:
        click.echo("msgcheck: interrupted twice: there are no reports of this run", err=True)
    if measured is None:
        raise SystemExit(HARNESS)
    return measured


async def _play(plan: Plan, console: Console) -> Measured:
    options = plan.options
    patience = Patience(options.patience)
    async with (
        attended(patience) as attendance,
        matched(options, patience) as found,
        matched_for_outages(options, plan.variants, patience) as second,
    ):
        attendance.begun.set()
        return await _campaign(plan, found, second, attendance.interrupted, console)


async def _campaign(
    plan: Plan, found: Match, second: Match | None, interrupted: trio.Event, console: Console
) -> Measured:
    options, target = plan.options, found.stage.target
    console.print(
        f"playing {count(len(plan.variants), 'scenario')} against {_called(options, target)} "
        f"(seed {options.seed}, {options.jobs} at a time)",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
    started_at = datetime.now(UTC)
    began = trio.current_time()
    with LiveDisplay(console) as display:
        campaign = Campaign(
            plan.variants,
            found.stage,
            plan.catalogue,
            Repetition(
                seed=options.seed,
                target=options.target,
                faults=options.faults,
                outages=_outage_commands(options),
            ),
            strict=options.strict,
            listener=display,
            restarts=None if second is None else second.stage,
            known=plan.known,
            replay=options.replay,
            keep=let_go if plan.traces is None else plan.traces.keep,
        )
        await campaign.run(options.jobs, interrupted)
    return Measured(
        scenarios=campaign.results,
        target=target,
        started_at=started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        seconds=trio.current_time() - began,
        interrupted=interrupted.is_set(),
        remark=found.remark(),
    )


def _outage_commands(options: Options) -> dict[str, str]:
    """The user's commands by the need that they meet."""
    commands = {"restart": options.restart_command, "stop": options.stop_command}
    return {need: command for need, command in commands.items() if command is not None}


def _called(options: Options, target: Target) -> str:
    if options.target is not None:
        return target.url
    faulty = f", broken by {', '.join(options.faults)}" if options.faults else ""
    return f"the reference server at {target.url}{faulty}"
