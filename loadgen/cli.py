"""`msgcheck load`: load a server, and judge it by a latency budget.

    budget and options ─▶ plan ─▶ find (or start) the target ─▶ drive the generator ─▶ judge ─▶ reports

What can be wrong with what the user gave is found before anybody is registered. Once it runs, what was
measured is kept: a run that came to no end writes its reports, too, and is marked invalid.
"""

from __future__ import annotations

import resource
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args

import click
import msgspec
import trio
from msgspec import Struct
from rich.console import Console

from conformance.adapters.base import TargetTrouble
from conformance.adapters.messenger import MessengerAdapter
from conformance.commanding import check_writable, listen_for_signals, target_url
from conformance.embedded import embedded_server
from conformance.patience import Patience
from conformance.problems import BadInput
from reports import load_terminal

from .accounts import load_accounts
from .budgets import Budget, find, impossible, load_budget, per_second, seconds
from .driving import drive
from .gathering import Gathering
from .live import LiveView
from .plan import Account, Plan
from .recording import Measured, results, write
from .schedule import SOAK_DURATION, Shape

INVALID: Final = 3
SEEDS: Final = 1_000_000
FIRST_TRY: Final = {"warmup": "5s", "duration": "20s"}
"""How long a run takes that is given neither target nor budget: long enough for a first verdict."""
SPARE_FILES: Final = 64
"""File descriptors that a process needs beside its connections."""


class Options(Struct, frozen=True, kw_only=True):
    """The command line."""

    target: str | None
    budget: str
    report_dir: Path
    seed: int
    processes: int


def _duration(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    return _checked(seconds, value)


def _rate(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    return _checked(per_second, value)


def _checked(reading: Callable[[str], float], value: str | None) -> str | None:
    if value is not None:
        try:
            reading(value)
        except ValueError as error:
            raise click.BadParameter(f"{error}.") from None
    return value


@click.command()
@click.option("--target", metavar="URL", callback=target_url, help="The server under test.")
@click.option(
    "--budget",
    metavar="FILE|NAME",
    default=None,
    help="What it must keep, at which load.  [default: direct-chat]",
)
@click.option("--users", type=click.IntRange(2), metavar="N", help="How many people.")
@click.option("--rate", metavar="R/s", callback=_rate, help="Messages per second.")
@click.option("--duration", metavar="TIME", callback=_duration, help="What is measured: 60s, 5m.")
@click.option("--warmup", metavar="TIME", callback=_duration, help="What goes before.")
@click.option("--shape", type=click.Choice(get_args(Shape)), help="How the rate changes.")
@click.option(
    "--accounts",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Users that exist, as CSV: user_id,password. Default: they are registered.",
)
@click.option(
    "--report-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("msgcheck-load"),
    show_default=True,
    help="Where results.json and junit.xml go.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="What the plan derives from. Default: drawn, and reported.",
)
def load(
    target: str | None,
    budget: str | None,
    accounts: Path | None,
    report_dir: Path,
    seed: int | None,
    **changes: Any,
) -> None:
    """Load a server, and judge it by a latency budget.

    Without --target, the reference server is started for it and stopped again.

    Exit status: 0 within budget; 1 budget broken; 2 the command line or the budget file is wrong; 3 the
    run is invalid: the generator itself was late, or the target could not be reached.
    """
    if target is None and budget is None:
        changes = {name: changes[name] or FIRST_TRY.get(name) for name in changes}
    chosen = _changed(load_budget(find(budget or "direct-chat")), changes)
    known = () if accounts is None else load_accounts(accounts, chosen.population.users)
    _allow_files(chosen.population.users * chosen.population.devices)
    check_writable(report_dir)
    seed = secrets.randbelow(SEEDS) if seed is None else seed
    console = Console()
    outcome = _run(chosen, target, known, report_dir, seed, console)
    if isinstance(outcome, TargetTrouble):
        click.echo(f"msgcheck: {outcome}", err=True)
        raise SystemExit(INVALID)
    made = results(outcome)
    load_terminal.show(made, console, write(made, report_dir))
    raise SystemExit(made.exit_status)


def _changed(budget: Budget, changes: dict[str, Any]) -> Budget:
    """The budget with what the command line changes. Raises `BadInput`."""
    given = {name: value for name, value in changes.items() if value is not None}
    people = {"users": given.pop("users")} if "users" in given else {}
    if given.get("shape") == "soak":
        given.setdefault("duration", f"{SOAK_DURATION:g}s")
    changed = msgspec.structs.replace(
        budget,
        population=msgspec.structs.replace(budget.population, **people),
        load=msgspec.structs.replace(budget.load, **given),
    )
    problems = [complaint.message for complaint in impossible(changed)]
    if problems:
        raise BadInput("with these options, " + "; ".join(problems))
    return changed


def _allow_files(devices: int) -> None:
    """Let this process and those that it starts open a socket for each device. Raises `BadInput`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = devices + SPARE_FILES
    if hard not in (-1, resource.RLIM_INFINITY) and needed > hard:
        raise BadInput(
            f"{devices} devices need {needed} file descriptors, and this system allows {hard}: "
            "raise the limit (ulimit -Hn), lower --users, or use more machines"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed if hard < 0 else hard, hard))


def _run(
    budget: Budget,
    target: str | None,
    known: tuple[Account, ...],
    folder: Path,
    seed: int,
    console: Console,
) -> Measured | TargetTrouble:
    async def go() -> Measured | TargetTrouble:
        interrupted = trio.Event()
        async with trio.open_nursery() as nursery:
            await nursery.start(listen_for_signals, interrupted)
            try:
                async with _found(target, folder) as url:
                    plan = _plan(budget, url, known, seed)
                    return await _measure(budget, plan, target, folder, console, interrupted)
            except TargetTrouble as trouble:
                return trouble
            finally:
                nursery.cancel_scope.cancel()

    return trio.run(go)


@asynccontextmanager
async def _found(target: str | None, folder: Path) -> AsyncIterator[str]:
    """The target's URL, found to be there or started."""
    if target is not None:
        await MessengerAdapter(target, Patience()).discover()
        yield target
        return
    async with embedded_server(folder / "server.log", ()) as server:
        yield server.url


def _plan(budget: Budget, url: str, known: tuple[Account, ...], seed: int) -> Plan:
    return Plan(
        url=url,
        run=secrets.token_hex(4),
        seed=seed,
        population=budget.people,
        load=budget.what_is_planned,
        drain=seconds(budget.drain),
        setup=seconds(budget.setup),
        accounts=known,
    )


async def _measure(
    budget: Budget,
    plan: Plan,
    target: str | None,
    folder: Path,
    console: Console,
    interrupted: trio.Event,
) -> Measured:
    called = plan.url if target else f"the reference server at {plan.url}"
    console.print(
        f"{budget.title}: {plan.load.rate:g} messages/s by {plan.population.users} users against "
        f"{called} (seed {plan.seed})",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
    gathered = Gathering()
    started_at, began = datetime.now(UTC), trio.current_time()
    with LiveView(console, budget, plan, gathered) as view:
        trouble = await drive(plan, folder / "generator.log", view, interrupted)
    return Measured(
        budget=budget,
        plan=plan,
        gathered=gathered,
        embedded=target is None,
        started_at=started_at,
        seconds=trio.current_time() - began,
        trouble=trouble,
        interrupted=interrupted.is_set(),
    )
