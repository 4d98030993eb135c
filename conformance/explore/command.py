"""`msgcheck explore`: play scenarios that nobody wrote, and write down the one that fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import click
import trio
from msgspec import Struct
from rich.console import Console

from ..adapters.base import TargetTrouble
from ..adapters.messenger import MessengerAdapter
from ..catalogue import Catalogue, load_catalogue
from ..collector import collect_rarely
from ..commanding import attended, check_writable, raise_descriptor_limit
from ..embedded import embedded_server
from ..engine import Stage
from ..evidence import Repetition
from ..faults import check_faults, server_options
from ..options import (
    Seconds,
    jobs_option,
    patience_option,
    report_dir_option,
    seed_option,
    target_option,
)
from ..patience import Patience
from ..problems import BadInput
from ..speaking import console_of_a_run
from ..targets import staged
from ..verdicts import CONFORMANT, HARNESS, NOT_CONFORMANT
from .report import told_at_the_end, write_down
from .search import HarnessFault, Search, Shrunk

SHRINKING: Final = 0.5
"""How long shrinking may go on behind the time for searching, as a part of that."""


class Options(Struct, frozen=True, kw_only=True):
    """The command line, checked."""

    target: str | None
    time: float
    seed: int
    jobs: int
    report_dir: Path
    faults: tuple[str, ...]
    patience: float


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of it: nothing found, or the least plan that fails and what the target offers."""

    shrunk: Shrunk | None
    capabilities: frozenset[str]
    interrupted: bool


@click.command()
@target_option
@click.option(
    "--time",
    default=60.0,
    show_default=True,
    type=Seconds(1, 86_400),
    metavar="SECONDS",
    help="How long to search. What is found is then made smaller, for half as long at most.",
)
@seed_option("What all scenarios derive from.")
@jobs_option("Scenarios in flight.", default=8, most=64)
@report_dir_option("Where the scenario goes that fails.", default="msgcheck-explore")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME",
    help="Give the reference server this fault. `msgcheck faults` lists them.",
)
@patience_option
def explore(**given: Any) -> None:
    """Play scenarios that are drawn from a seed, until one of them fails.

    Several users with several devices do whatever comes up. What fails is made as small as possible and
    written to --report-dir as a scenario, which `msgcheck run FILE` repeats. Without --target, the
    reference server is started for it.

    Exit status: 0 nothing was found; 1 a promise is broken; 2 the command line is wrong; 3 the
    target could not be reached, or the search was interrupted.
    """
    options = Options(**given)
    check_faults(options.faults, options.target)
    check_writable(options.report_dir)
    collect_rarely()
    raise_descriptor_limit()
    catalogue = load_catalogue()
    console = console_of_a_run(highlight=False, markup=False, emoji=False, soft_wrap=True)
    try:
        outcome = trio.run(_explore, options, catalogue, console)
    except (TargetTrouble, HarnessFault) as trouble:
        click.echo(f"msgcheck: {trouble}", err=True)
        raise SystemExit(HARNESS) from None
    raise SystemExit(_reported(outcome, options, catalogue, console))


def _reported(outcome: Outcome, options: Options, catalogue: Catalogue, console: Console) -> int:
    if outcome.shrunk is None:
        if outcome.interrupted:
            console.print("interrupted: nothing was found until then")
            return HARNESS
        console.print("nothing was found")
        return CONFORMANT
    try:
        file = write_down(
            outcome.shrunk, outcome.capabilities, options.seed, catalogue, options.report_dir
        )
    except OSError as error:
        raise BadInput(f"{options.report_dir} cannot be written to: {error.strerror}") from None
    again = Repetition(seed=options.seed, target=options.target, faults=options.faults)
    for line in told_at_the_end(outcome.shrunk, catalogue, file, again.options):
        console.print(line)
    return NOT_CONFORMANT


# ── exploring ─────────────────────────────────────────────────────────────────────────────────


async def _explore(options: Options, catalogue: Catalogue, console: Console) -> Outcome:
    patience = Patience(options.patience)
    async with attended(patience) as attendance, _stage(options, patience) as stage:
        attendance.begun.set()
        interrupted = attendance.interrupted
        console.print(
            f"exploring {stage.target.url} for {options.time:g} s "
            f"(seed {options.seed}, {options.jobs} at a time)"
        )
        search = Search(stage, catalogue, options.jobs)
        return Outcome(
            shrunk=await _until(interrupted, search, options, console),
            capabilities=frozenset(stage.target.capabilities),
            interrupted=interrupted.is_set(),
        )


async def _until(
    interrupted: trio.Event, search: Search, options: Options, console: Console
) -> Shrunk | None:
    """Search and shrink; stop when interrupted, keeping what there is."""
    found: list[Shrunk] = []

    async def work() -> None:
        began = trio.current_time()
        caught = await search.catch(began + options.time)
        tally = search.tally
        seconds = trio.current_time() - began
        console.print(
            f"played {tally.plans} scenarios, {tally.steps} steps, in {seconds:.1f} s"
            + (f"; {tally.inconclusive} inconclusive" if tally.inconclusive else "")
        )
        if caught is not None:
            console.print(f"plan {caught.number} failed; making it smaller")
            limit = max(began + options.time, trio.current_time())
            found.append(Shrunk(caught=caught, moves_before=len(caught.plan.moves)))
            found.append(await search.shrunk(caught, limit + SHRINKING * options.time))
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        await interrupted.wait()
        nursery.cancel_scope.cancel()
    return found[-1] if found else None


@asynccontextmanager
async def _stage(options: Options, patience: Patience) -> AsyncIterator[Stage]:
    """The target, found or started."""
    if options.target is not None:
        yield await staged(MessengerAdapter(options.target, patience), patience, options.seed)
        return
    faulty = server_options(options.faults, options.seed)
    async with embedded_server(options.report_dir / "server.log", faulty) as server:
        yield await staged(MessengerAdapter(server.url, patience), patience, options.seed)
