"""Playing one scenario: from a typed variant to a history and what was found in it.

    set up (users, devices, conversations) ─▶ steps ─▶ settle, barrier, walks ─▶ checkers

A run is one nursery with a deadline. The first step that fails ends the steps; the checkers then still
judge what happened until there. Nothing is raised out of :func:`play` but cancellation: each thing that
can go wrong has its own place in the answer, because a server's fault, a scenario's mistake, a target
that is gone and an error of this program must never be taken for one another.
"""

from __future__ import annotations

import traceback

import trio
from msgspec import Struct, field

from reports.model import Met

from .adapters.base import Adapter, Session, Target, TargetTrouble
from .barrier import Barrier
from .cast import Cast
from .findings import Finding, NotShown, ScenarioFault
from .history import History
from .judging import judge
from .loader import Variant
from .naming import Seeds
from .outages import Halts, Outages
from .patience import Patience
from .performance import Performance, Stop
from .sentinels import Sentinels
from .setting import set_up, wind_up
from .vault import Vault


class Stage(Struct, frozen=True, kw_only=True):
    """What all scenarios of a campaign share."""

    adapter: Adapter
    target: Target
    patience: Patience
    seed: int
    sentinels: Sentinels
    outages: Outages = {}
    """How the target can be taken away and started again."""
    vault: Vault | None = None
    """The target's own files, to be looked into at the end; None where they are nobody's business."""


class Played(Struct, kw_only=True):
    """One run of a variant, over."""

    variant: Variant
    attempt: int
    history: History = field(default_factory=History)
    findings: list[Finding] = []
    fault: str | None = None
    """The scenario's or the harness's own fault."""
    trouble: str | None = None
    """Why the target could not be spoken to."""
    met: Met = Met()
    """What its steps met of the published contract."""
    not_shown: str | None = None
    """Why the target had nothing to judge in it."""
    steps_from: int | None = None
    """The position in the history at which its set-up was done; None if it never was."""
    seconds: float = 0.0


async def play(
    variant: Variant, stage: Stage, *, attempt: int = 1, halts: Halts | None = None
) -> Played:
    """Play `variant` once; `attempt` tells repeated runs of one campaign apart.

    The scenario's deadline counts neither its `halts` nor the outages that it asks for.
    """
    played = Played(variant=variant, attempt=attempt, findings=[])
    began = trio.current_time()
    try:
        with trio.move_on_after(variant.scenario.deadline) as deadline:
            async with stage.adapter.session(played.history, scenario=variant.name) as session:
                await _perform(variant, stage, session, played, halts or {}, deadline)
        if deadline.cancelled_caught:
            played.findings.append(_overdue(variant, played.history))
        if not played.fault and not played.trouble:
            played.findings += judge(variant.scenario, played.history, stage.adapter)
            if stage.vault is not None and "secrecy" in variant.scenario.check:
                stage.vault.remember(variant.name, played.history)
    except* ScenarioFault as faults:
        played.fault = _first(faults)
    except* NotShown as nothing:
        played.not_shown = _first(nothing)
    except* TargetTrouble as troubles:
        played.trouble = _first(troubles)
    except* Exception as bugs:
        played.fault = f"an error in msgcheck itself:\n{''.join(traceback.format_exception(bugs))}"
    if played.steps_from is not None:
        played.met = stage.adapter.met(played.history, played.steps_from)
    played.seconds = trio.current_time() - began
    return played


async def _perform(
    variant: Variant,
    stage: Stage,
    session: Session,
    played: Played,
    halts: Halts,
    deadline: trio.CancelScope,
) -> None:
    scenario = variant.scenario
    seeds = Seeds(stage.seed, variant.name)
    cast = Cast(
        scenario,
        seeds,
        session,
        stage.target,
        played.attempt,
        played.history,
        stage.patience,
    )
    barrier = Barrier(cast, played.history, stage.patience, stage.sentinels)
    performance = Performance(
        variant=variant,
        session=session,
        cast=cast,
        history=played.history,
        patience=stage.patience,
        barrier=barrier,
        outages=stage.outages,
        halts=halts,
        deadline=deadline,
        findings=played.findings,
    )
    try:
        scope = await performance.watched(set_up(scenario, cast), path=None)
        played.steps_from = len(played.history)
        await performance.steps(scenario.steps, ("steps",), scope)
        await performance.watched(wind_up(scenario, performance), path=None)
    except Stop:
        pass  # what stopped it is among the findings
    finally:
        barrier.release()


def _overdue(variant: Variant, history: History) -> Finding:
    """No single wait ran out of patience, so all that is known is that there was too much to do."""
    return Finding(
        kind="step",
        requirements=tuple(variant.scenario.proves),
        message=f"the scenario did not end within its deadline of {variant.scenario.deadline} s",
        since=max(len(history) - 1, 0),
        until=len(history),
        inconclusive=True,
    )


def _first(group: BaseExceptionGroup[BaseException]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)
