"""`msgcheck load`: load a server, and judge it by a latency budget.

    budget and options ─▶ plan ─▶ find (or start) the target ─▶ drive the generator ─▶ judge ─▶ reports

What can be wrong with what the user gave is found before anybody is registered. Once it runs, what was
measured is kept: a run that came to no end writes its reports, too, and is marked invalid.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, get_args

import click
import msgspec
import trio
from click.core import ParameterSource

from conformance.adapters.base import TargetTrouble
from conformance.commanding import check_writable
from conformance.options import report_dir_option, seed_option, target_option
from conformance.problems import BadInput
from reports import load_terminal
from reports.job import tell_job

from . import running
from .accounts import load_accounts
from .addresses import Address, address, listenable
from .budgets import MAX_USERS, Budget, find, impossible, load_budget, per_second, seconds
from .consoles import LastingConsole
from .descriptors import allow
from .driving import work
from .recording import write
from .roles import MASTER, Worker
from .schedule import SOAK_DURATION, Shape

INVALID: Final = 3
FIRST_TRY: Final = {"warmup": "5s", "duration": "20s"}
"""How long a run takes that is given neither target nor budget: long enough for a first verdict."""
WORKERS_COME_FROM: Final = Address("0.0.0.0", MASTER.port)  # noqa: S104  # other machines
PAGE: Final = Address("127.0.0.1", 8089)
WORKERS_OWN: Final = {"worker", "report_dir"}
"""What a worker's command line may have; all else is the master's to say."""


def _duration(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    return _checked(seconds, value)


def _rate(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    return _checked(per_second, value)


def _to_reach(default: Address) -> Callable[..., Address | None]:
    """A callback: an address to connect to."""

    def read(
        _context: click.Context, _option: click.Parameter, value: str | None
    ) -> Address | None:
        try:
            return None if value is None else address(value, default)
        except ValueError as error:
            raise click.BadParameter(f"{error}.") from None

    return read


def _to_listen_on(default: Address) -> Callable[..., Address | None]:
    """A callback: an address that can be listened on now."""
    reach = _to_reach(default)

    def read(context: click.Context, option: click.Parameter, value: str | None) -> Address | None:
        wanted = reach(context, option, value)
        try:
            return None if wanted is None else listenable(wanted)
        except OSError as error:
            raise click.BadParameter(
                f"cannot listen on {wanted}: {error.strerror}. Choose another HOST:PORT."
            ) from None

    return read


def _checked(reading: Callable[[str], float], value: str | None) -> str | None:
    if value is not None:
        try:
            reading(value)
        except ValueError as error:
            raise click.BadParameter(f"{error}.") from None
    return value


@click.command()
@target_option
@click.option(
    "--budget",
    metavar="FILE|NAME",
    default=None,
    help="What it must keep, at which load.  [default: direct-chat]",
)
@click.option("--users", type=click.IntRange(2, MAX_USERS), metavar="N", help="How many people.")
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
    "--clean-up",
    is_flag=True,
    help="In the end delete the messages, leave the groups, remove the devices.",
)
@click.option(
    "--processes",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes of the generator; with --master, the workers to wait for.",
)
@click.option(
    "--master",
    is_flag=False,
    flag_value=str(WORKERS_COME_FROM),
    callback=_to_listen_on(WORKERS_COME_FROM),
    metavar="[HOST:PORT]",
    help=f"Wait for workers on other machines, and lead them.  [default: {WORKERS_COME_FROM}]",
)
@click.option(
    "--worker",
    is_flag=False,
    flag_value=str(MASTER),
    callback=_to_reach(MASTER),
    metavar="[HOST:PORT]",
    help=f"Work for the master there; all else is the master's to say.  [default: {MASTER}]",
)
@click.option(
    "--web",
    is_flag=False,
    flag_value=str(PAGE),
    callback=_to_listen_on(PAGE),
    metavar="[HOST:PORT]",
    help=f"Serve Locust's own page while it runs.  [default: {PAGE}]",
)
@click.option(
    "--find-capacity", is_flag=True, help="Search the highest rate that keeps the budget."
)
@report_dir_option("Where results.json, junit.xml and report.html go.", default="msgcheck-load")
@seed_option("What the plan derives from.")
def load(
    target: str | None,
    budget: str | None,
    accounts: Path | None,
    clean_up: bool,
    processes: int,
    master: Address | None,
    worker: Address | None,
    web: Address | None,
    find_capacity: bool,
    report_dir: Path,
    seed: int,
    **changes: Any,
) -> None:
    """Load a server, and judge it by a latency budget.

    Without --target, the reference server is started for it and stopped again.

    Exit status: 0 within budget; 1 budget broken; 2 the command line or the budget file is wrong; 3 the
    run is invalid: the generator itself was late, or the target could not be reached.
    """
    _refuse_contradictions(click.get_current_context())
    check_writable(report_dir)
    if worker is not None:
        raise SystemExit(_be_worker(worker, report_dir))
    if target is None and budget is None:
        changes = {name: changes[name] or FIRST_TRY.get(name) for name in changes}
    chosen = _changed(load_budget(find(budget or "direct-chat")), changes)
    people = chosen.population
    if master is None or target is None:
        _allow_files(chosen)
    setting = running.Setting(
        target=target,
        folder=report_dir,
        seed=seed,
        console=LastingConsole(),
        accounts=() if accounts is None else load_accounts(accounts, people.users),
        processes=processes,
        listen=master,
        web=web,
        clean_up=clean_up,
    )
    raise SystemExit(_run(running.capacity if find_capacity else running.once, chosen, setting))


def _run(run: running.Run, budget: Budget, setting: running.Setting) -> int:
    """Run, and tell what came of it; the exit status."""
    try:
        made = run(budget, setting)
    except* TargetTrouble as troubles:
        click.echo(f"msgcheck: {troubles.exceptions[0]}", err=True)
        raise SystemExit(INVALID) from None
    load_terminal.show(made, setting.console, write(made, setting.folder))
    tell_job(made)
    return made.exit_status


def _refuse_contradictions(context: click.Context) -> None:
    """Find options that do not go together. Raises `click.UsageError`."""
    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    if "worker" in given and given > WORKERS_OWN & given:
        others = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(given - WORKERS_OWN))
        raise click.UsageError(f"a --worker does what its master says: give {others} to the master")
    if {"master", "find_capacity"} <= given:
        raise click.UsageError(
            "--find-capacity makes many runs, and workers of a --master leave after the first: "
            "use --processes alone, or run the master with one --rate after the other"
        )


def _be_worker(master: Address, folder: Path) -> int:
    """Work until the master says that it is over; the exit status."""
    click.echo(f"working for the master on {master}")
    return INVALID if trio.run(work, Worker(master=master), folder / "generator.log") else 0


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


def _allow_files(budget: Budget) -> None:
    """See that there are file descriptors for everybody. Raises `BadInput`."""
    try:
        allow(budget.population.users * budget.population.devices, budget.what_is_planned)
    except ValueError as error:
        raise BadInput(str(error)) from None
