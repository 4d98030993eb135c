"""A run, or the runs of a search: find or start the target, drive the generator, keep what it measured."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import trio
from msgspec import Struct
from rich.console import Console

from conformance.adapters.base import TargetTrouble
from conformance.adapters.messenger import MessengerAdapter
from conformance.commanding import listen_for_signals
from conformance.embedded import embedded_server
from conformance.patience import Patience
from reports.load_model import LoadResults

from .addresses import Address, free_port
from .budgets import Budget, seconds
from .capacity import Search
from .driving import drive
from .gathering import Gathering
from .live import LiveView
from .plan import Account, Plan
from .recording import Measured, results
from .roles import MASTER, Alone, Job, Master, Worker


class Setting(Struct, frozen=True, kw_only=True):
    """Where a run takes place, and with what."""

    target: str | None
    """None: the reference server, started for it."""
    folder: Path
    seed: int
    console: Console
    accounts: tuple[Account, ...] = ()
    processes: int = 1
    listen: Address | None = None
    """Where a master waits for workers on other machines; None: the processes are started here."""
    web: Address | None = None
    """Where Locust's page is served, if anywhere."""
    clean_up: bool = False
    """Whether what was left on the target is taken back in the end."""


Run = Callable[[Budget, Setting], LoadResults]
"""Raises `TargetTrouble` if the target cannot be spoken to."""


def once(budget: Budget, setting: Setting) -> LoadResults:
    """One run. Raises `TargetTrouble` if the target cannot be spoken to."""

    async def task(url: str, interrupted: trio.Event) -> LoadResults:
        return results(await _measure(budget, url, setting, interrupted))

    made: LoadResults = trio.run(_at_target, setting, budget.needs, task)
    return made


def capacity(budget: Budget, setting: Setting) -> LoadResults:
    """Runs at ever nearer rates; the last one that kept the budget, with the range that was found."""

    async def task(url: str, interrupted: trio.Event) -> LoadResults:
        search = Search(budget.what_is_planned.rate, budget.highest_rate, [])
        shown: LoadResults | None = None
        while (rate := search.next_rate()) is not None and not interrupted.is_set():
            load = msgspec.structs.replace(budget.load, rate=f"{rate:.6f}/s")
            step = msgspec.structs.replace(budget, load=load)
            found = results(await _measure(step, url, setting, interrupted))
            search.note(found)
            told = f"{found.run.rate:g}/s: {found.verdict}"
            setting.console.print(
                "; ".join([told, *found.reasons]), highlight=False, soft_wrap=True, markup=False
            )
            if shown is None or found.verdict == "within budget":
                shown = found
        assert shown is not None
        return msgspec.structs.replace(shown, capacity=search.answer())

    made: LoadResults = trio.run(_at_target, setting, budget.needs, task)
    return made


async def _at_target(
    setting: Setting,
    needed: frozenset[str],
    task: Callable[[str, trio.Event], Awaitable[LoadResults]],
) -> LoadResults:
    interrupted = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(listen_for_signals, interrupted)
        async with _found(setting, needed) as url:
            made = await task(url, interrupted)
        nursery.cancel_scope.cancel()
    return made


@asynccontextmanager
async def _found(setting: Setting, needed: frozenset[str]) -> AsyncIterator[str]:
    """The target's URL, found to be there and to offer what is needed, or started."""
    if setting.target is not None:
        target = await MessengerAdapter(setting.target, Patience()).discover()
        missing = ", ".join(f"`{name}`" for name in sorted(needed - target.capabilities))
        if missing:
            raise TargetTrouble(f"{target.url} does not offer {missing}, which this budget needs")
        yield setting.target
        return
    async with embedded_server(setting.folder / "server.log", ()) as server:
        yield server.url


async def _measure(budget: Budget, url: str, setting: Setting, interrupted: trio.Event) -> Measured:
    plan = Plan(
        url=url,
        run=secrets.token_hex(4),
        seed=setting.seed,
        population=budget.people,
        load=budget.what_is_planned,
        drain=seconds(budget.drain),
        setup=seconds(budget.setup),
        accounts=setting.accounts,
        processes=setting.processes,
        clean_up=setting.clean_up,
    )
    called = f"the reference server at {url}" if setting.target is None else url
    setting.console.print(
        f"{budget.title}: {plan.load.rate:g} messages/s by {plan.population.users} users against "
        f"{called} (seed {plan.seed})",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
    gathered = Gathering()
    started_at, began = datetime.now(UTC), trio.current_time()
    with LiveView(setting.console, budget, plan, gathered) as view:
        log = setting.folder / "generator.log"
        trouble = await drive(_jobs(plan, setting), log, view, interrupted)
    return Measured(
        budget=budget,
        plan=plan,
        gathered=gathered,
        embedded=setting.target is None,
        started_at=started_at,
        seconds=trio.current_time() - began,
        trouble=trouble,
        interrupted=interrupted.is_set(),
    )


def _jobs(plan: Plan, setting: Setting) -> Sequence[Job]:
    """The processes to start here."""
    if setting.listen is not None:
        return [
            Master(plan=plan, workers=setting.processes, listen=setting.listen, web=setting.web)
        ]
    if setting.processes == 1:
        return [Alone(plan=plan, web=setting.web)]
    here = Address(MASTER.host, free_port())
    master = Master(plan=plan, workers=setting.processes, listen=here, web=setting.web)
    return [master, *[Worker(master=here)] * setting.processes]
