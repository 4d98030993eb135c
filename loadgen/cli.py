"""`msgcheck load`: load a server, and judge it by a latency budget.

    budget and options ─▶ plan ─▶ find (or start) the target ─▶ drive the generator ─▶ judge ─▶ reports

What can be wrong with what the user gave is found before anybody is registered. Once it runs, what was
measured is kept: a run that came to no end writes its reports, too, and is marked invalid.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, get_args

import click
import msgspec
import trio
from rich.console import Console

from conformance.adapters.base import TargetTrouble
from conformance.commanding import check_writable
from conformance.options import report_dir_option, seed_option, target_option
from conformance.problems import BadInput
from reports import load_terminal
from reports.job import tell_job

from . import running
from .accounts import load_accounts
from .budgets import Budget, find, impossible, load_budget, per_second, seconds
from .driving import work
from .recording import write
from .roles import PORT, Worker
from .schedule import SOAK_DURATION, Shape

INVALID: Final = 3
FIRST_TRY: Final = {"warmup": "5s", "duration": "20s"}
"""How long a run takes that is given neither target nor budget: long enough for a first verdict."""
SPARE_FILES: Final = 64
"""File descriptors that a process needs beside its connections."""


def _duration(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    return _checked(seconds, value)


def _rate(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    return _checked(per_second, value)


def _address(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.rpartition(":")[2].isdigit():
        raise click.BadParameter(f"{value!r} is not HOST:PORT.")
    return value


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
    flag_value="0.0.0.0",  # noqa: S104  # workers come from other machines
    metavar="[HOST]",
    help="Wait for workers on other machines, and lead them.",
)
@click.option(
    "--worker",
    is_flag=False,
    flag_value="127.0.0.1",
    metavar="[HOST]",
    help="Work for the master on HOST; everything else is the master's to say.",
)
@click.option(
    "--web",
    is_flag=False,
    flag_value="127.0.0.1:8089",
    callback=_address,
    metavar="[HOST:PORT]",
    help="Serve Locust's own page while it runs.",
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
    processes: int,
    master: str | None,
    worker: str | None,
    web: str | None,
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
    check_writable(report_dir)
    if worker is not None:
        raise SystemExit(_be_worker(worker, report_dir))
    if target is None and budget is None:
        changes = {name: changes[name] or FIRST_TRY.get(name) for name in changes}
    chosen = _changed(load_budget(find(budget or "direct-chat")), changes)
    people = chosen.population
    _allow_files(people.users * people.devices)
    setting = running.Setting(
        target=target,
        folder=report_dir,
        seed=seed,
        console=Console(),
        accounts=() if accounts is None else load_accounts(accounts, people.users),
        processes=processes,
        listen=master or "",
        web=web or "",
    )
    run = running.capacity if find_capacity else running.once
    try:
        made = run(chosen, setting)
    except* TargetTrouble as troubles:
        click.echo(f"msgcheck: {troubles.exceptions[0]}", err=True)
        raise SystemExit(INVALID) from None
    load_terminal.show(made, setting.console, write(made, report_dir))
    tell_job(made)
    raise SystemExit(made.exit_status)


def _be_worker(master: str, folder: Path) -> int:
    """Work until the master says that it is over; the exit status."""
    host, _, port = master.partition(":")
    job = Worker(host=host, port=int(port) if port.isdigit() else PORT)
    click.echo(f"working for the master on {job.host}:{job.port}")
    return INVALID if trio.run(work, job, folder / "generator.log") else 0


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
