"""Where scenarios are played: a target that was named, or reference servers of this program's own.

Whoever it is, what comes of it is a :class:`Match`: the stage for scenarios, and how to take the target away
and back, for those that need it. A target of somebody else's is taken away by the commands that the user
gave; the reference server is a process that this program may kill.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct, structs

from .adapters.base import Adapter
from .adapters.messenger import MessengerAdapter
from .campaign import takes_the_server_away
from .embedded import LIMITED, embedded_server
from .engine import Stage
from .faults import server_options
from .loader import Variant
from .outages import Manner, Outage, Outages
from .patience import Patience
from .recording import Options
from .restarting import OutageCommand
from .sentinels import Sentinels
from .vault import Vault

ADAPTERS = {MessengerAdapter.name: MessengerAdapter}
"""The protocols that can be spoken, by name."""


class Match(Struct, frozen=True, kw_only=True):
    """One target, ready to be judged."""

    stage: Stage
    remark: Callable[[], str | None] = lambda: None
    """What there is to say about the target after the run, if anything."""


@asynccontextmanager
async def matched(options: Options, patience: Patience) -> AsyncIterator[Match]:
    """The target of a run, found or started. Raises `TargetTrouble`."""
    if options.target is None:
        async with _embedded(options, patience, "server.log") as match:
            yield match
        return
    adapter = ADAPTERS[options.adapter](options.target, patience)
    outages = _by_command(options, adapter)
    yield Match(stage=await staged(adapter, patience, options.seed, outages=outages))


@asynccontextmanager
async def matched_for_outages(
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


async def staged(
    adapter: Adapter,
    patience: Patience,
    seed: int,
    *,
    outages: Outages | None = None,
    vault: Vault | None = None,
) -> Stage:
    """The stage that a target which answers is. Raises `TargetTrouble` for one that does not."""
    return Stage(
        adapter=adapter,
        target=await adapter.discover(),
        patience=patience,
        seed=seed,
        sentinels=Sentinels(seed),
        outages=outages or {},
        vault=vault,
    )


@asynccontextmanager
async def _embedded(options: Options, patience: Patience, log: str) -> AsyncIterator[Match]:
    """A reference server of our own, its log in the report folder."""
    faults = server_options(options.faults, options.seed)
    async with embedded_server(options.report_dir / log, (*LIMITED, *faults)) as server:
        stage = await staged(
            ADAPTERS[options.adapter](server.url, patience),
            patience,
            options.seed,
            outages={"restart": server.restart, "stop": server.stop_and_start},
            vault=Vault(server.data),
        )
        limited = structs.replace(stage.target, limits_sends=True)
        yield Match(
            stage=structs.replace(stage, target=limited),
            remark=server.ended_by_itself,
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
