"""`msgcheck run`: play scenarios against a server, judge it, write the reports.

    choose ─▶ check that reports can be written ─▶ find (or start) the target ─▶ campaign ─▶ reports

Whatever can be wrong with what the user gave is found before anything is played. Once playing has
begun, what was measured is kept: an interrupted run writes its reports too, marked as interrupted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
import trio
from msgspec import Struct, structs
from rich.console import Console

from reports import terminal
from reports.job import tell_job

from .adapters.base import Adapter, Target, TargetTrouble
from .adapters.messenger import MessengerAdapter
from .baseline import Baseline, load_baseline
from .campaign import AGAIN, Campaign, let_go, takes_the_server_away
from .catalogue import Catalogue, load_catalogue
from .collector import collect_rarely
from .commanding import check_writable, listen_for_signals
from .embedded import LIMITED, embedded_server
from .engine import Stage
from .evidence import Repetition
from .faults import check_faults, server_options
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
from .outages import Manner, Outage, Outages
from .patience import Patience
from .problems import BadInput
from .recording import Measured, Options, judge, write
from .resources import SCENARIOS
from .restarting import OutageCommand
from .selection import choose
from .sentinels import Sentinels
from .tracing import TraceFolder
from .vault import Vault
from .verdicts import HARNESS

ADAPTERS = {MessengerAdapter.name: MessengerAdapter}


class Match(Struct, frozen=True, kw_only=True):
    """One target, ready to be judged."""

    adapter: Adapter
    target: Target
    outages: Outages
    files: Path | None = None
    """Where the target keeps its data, if it is one of ours."""
    remark: Callable[[], str | None] = lambda: None
    """What there is to say about the target after the run, if anything."""


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
def run(
    selectors: tuple[str, ...],
    expression: str | None,
    target: str | None,
    jobs: int,
    adapter: str,
    restart_command: str | None,
    stop_command: str | None,
    baseline: Path | None,
    report_dir: Path,
    seed: int,
    strict: bool,
    faults: tuple[str, ...],
    patience: float,
    trace: Path | None,
    replay: int,
) -> None:
    """Play scenarios against a server, and judge it.

    Without --target, the reference server is started for it and stopped again. A SELECTOR is a file
    or folder, a scenario's id or its beginning, a requirement's id, or a tag; none: everything.

    Exit status: 0 conformant; 1 not conformant; 2 the command line or a scenario file is wrong; 3 the
    target could not be reached, the run was interrupted, or something could not be judged.
    """
    options = Options(
        target=target,
        selectors=selectors,
        expression=expression,
        jobs=jobs,
        adapter=adapter,
        restart_command=restart_command,
        stop_command=stop_command,
        baseline=baseline,
        report_dir=report_dir,
        seed=seed,
        strict=strict,
        faults=faults,
        patience=patience,
        replay=replay,
        trace=trace,
    )
    check_faults(options.faults, options.target)
    collect_rarely()
    catalogue = load_catalogue()
    variants = choose(options.selectors, options.expression, catalogue)
    known = _known(options, variants, catalogue)
    check_writable(options.report_dir)
    traces = None if options.trace is None else TraceFolder(options.trace)
    console = Console()
    outcome = _played(options, variants, catalogue, known, traces, console)
    if isinstance(outcome, TargetTrouble):
        click.echo(f"msgcheck: {outcome}", err=True)
        raise SystemExit(HARNESS)
    results = judge(options, outcome, variants, catalogue, known)
    written = write(results, options.report_dir)
    tell_job(results)
    terminal.show(results, console, written)
    if traces is not None and traces.trouble is not None:
        click.echo(f"msgcheck: {traces.trouble}", err=True)
    raise SystemExit(results.exit_status)


def _played(
    options: Options,
    variants: Sequence[Variant],
    catalogue: Catalogue,
    known: Baseline,
    traces: TraceFolder | None,
    console: Console,
) -> Measured | TargetTrouble:
    outcome: Measured | TargetTrouble | None = None
    try:
        outcome = trio.run(_play, options, variants, catalogue, known, traces, console)
    except* KeyboardInterrupt:
        click.echo("msgcheck: interrupted twice: there are no reports of this run", err=True)
    if outcome is None:
        raise SystemExit(HARNESS)
    return outcome


def _known(options: Options, variants: Sequence[Variant], catalogue: Catalogue) -> Baseline:
    if options.baseline is None:
        return ()
    if not options.baseline.exists():
        raise BadInput(f"--baseline {options.baseline}: there is no such file")
    everything = [*load_tree([SCENARIOS], catalogue).variants, *variants]
    names = [(each.scenario.id, each.name) for each in everything]
    return load_baseline(options.baseline, names, catalogue.requirements)


# ── playing ───────────────────────────────────────────────────────────────────────────────────


async def _play(
    options: Options,
    variants: Sequence[Variant],
    catalogue: Catalogue,
    known: Baseline,
    traces: TraceFolder | None,
    console: Console,
) -> Measured | TargetTrouble:
    patience = Patience(options.patience)
    interrupted = trio.Event()
    outcome: Measured | TargetTrouble
    async with trio.open_nursery() as nursery:
        await nursery.start(listen_for_signals, interrupted)
        nursery.start_soon(patience.watch)
        try:
            async with (
                _matched(options, patience) as found,
                _for_restarts(options, variants, patience) as second,
            ):
                outcome = await _campaign(
                    options,
                    variants,
                    catalogue,
                    known,
                    traces,
                    console,
                    (found, second),
                    patience,
                    interrupted,
                )
        except TargetTrouble as trouble:
            outcome = trouble
        nursery.cancel_scope.cancel()
    return outcome


async def _campaign(
    options: Options,
    variants: Sequence[Variant],
    catalogue: Catalogue,
    known: Baseline,
    traces: TraceFolder | None,
    console: Console,
    matches: tuple[Match, Match | None],
    patience: Patience,
    interrupted: trio.Event,
) -> Measured:
    found, second = matches
    console.print(
        f"playing {len(variants)} scenarios against {_called(options, found.target)} "
        f"(seed {options.seed}, {options.jobs} at a time)",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
    started_at = datetime.now(UTC)
    began = trio.current_time()
    with LiveDisplay(console) as display:
        campaign = Campaign(
            variants,
            _stage(options, found, patience),
            catalogue,
            Repetition(seed=options.seed, target=options.target, faults=options.faults),
            strict=options.strict,
            listener=display,
            restarts=None if second is None else _stage(options, second, patience),
            known=known,
            replay=options.replay,
            keep=let_go if traces is None else traces.keep,
        )
        await campaign.run(options.jobs, interrupted)
    return Measured(
        scenarios=campaign.results,
        target=found.target,
        started_at=started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        seconds=trio.current_time() - began,
        interrupted=interrupted.is_set(),
        remark=found.remark(),
    )


def _stage(options: Options, match: Match, patience: Patience) -> Stage:
    return Stage(
        adapter=match.adapter,
        target=match.target,
        patience=patience,
        seed=options.seed,
        sentinels=Sentinels(options.seed),
        outages=match.outages,
        vault=None if match.files is None else Vault(match.files),
    )


def _called(options: Options, target: Target) -> str:
    if options.target is not None:
        return target.url
    faulty = f", broken by {', '.join(options.faults)}" if options.faults else ""
    return f"the reference server at {target.url}{faulty}"


@asynccontextmanager
async def _matched(options: Options, patience: Patience) -> AsyncIterator[Match]:
    """The target, found or started, and how to take it away and back."""
    make = ADAPTERS[options.adapter]
    if options.target is None:
        async with _embedded(options, patience, "server.log") as match:
            yield match
        return
    adapter = make(options.target, patience)
    yield Match(
        adapter=adapter,
        target=await adapter.discover(),
        outages=_by_command(options, adapter),
    )


def _by_command(options: Options, adapter: Adapter) -> Outages:
    commands: dict[Manner, str | None] = {
        "restart": options.restart_command,
        "stop": options.stop_command,
    }
    outages: dict[Manner, Outage] = {}
    for manner, command in commands.items():
        if command is not None:
            log = options.report_dir / f"{manner}.log"
            outages[manner] = OutageCommand(manner, command, adapter, log).run
    return outages


@asynccontextmanager
async def _embedded(options: Options, patience: Patience, log: str) -> AsyncIterator[Match]:
    """A reference server of our own, its log in the report folder."""
    faults = server_options(options.faults, options.seed)
    async with embedded_server(options.report_dir / log, (*LIMITED, *faults)) as server:
        adapter = ADAPTERS[options.adapter](server.url, patience)
        yield Match(
            adapter=adapter,
            target=structs.replace(await adapter.discover(), limits_sends=True),
            outages={"restart": server.restart, "stop": server.stop_and_start},
            files=server.data,
            remark=server.ended_by_itself,
        )


@asynccontextmanager
async def _for_restarts(
    options: Options, variants: Sequence[Variant], patience: Patience
) -> AsyncIterator[Match | None]:
    """A second server for the scenarios that take it away, so that they need not wait for the others.

    None where there is no such scenario, or where the one target is somebody else's.
    """
    if options.target is None and any(map(takes_the_server_away, variants)):
        async with _embedded(options, patience, "restarts.log") as match:
            yield match
    else:
        yield None
