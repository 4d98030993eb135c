"""The steps of one run, one after the other, side by side, or again and again.

Each step is tried in a frame (:meth:`Performance.watched`) that knows what trouble means there: a
failed expectation, a refusal nobody asked for, an answer that did not come, are findings about the
target, with the place of the innermost step. A finding ends the run by :class:`Stop`; branches that
run beside the step that failed are cancelled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import trio
from msgspec import UNSET

from . import inbox
from .adapters.base import Impatient, Malformed, Outcome, Refusal, Session, Unanswered
from .answers import answer_to, carrying, judge_answer, judge_refusal, told
from .barrier import Barrier
from .cast import Cast, Device, Flying
from .encryption import expect_decrypted
from .findings import Finding, ScenarioFault, StepFailed, TooLate, rendered
from .history import History
from .language.step import Repeat, Step
from .lifetimes import check_in_time
from .loader import Variant
from .matching import BadPattern, match
from .outages import MANNERS, Halts, Manner, Outages
from .patience import Patience, uncounted
from .scope import PENDING, NotYetAnswered, Scope
from .steps import VERBS, resolved
from .steps.escapes import request_as
from .values import BadReference, Path, UnknownReference, resolve

Json = Any
Result = TypeVar("Result")
Flow = Callable[["Performance", Step, Path, Scope], Awaitable[None]]


_UNAVAILABLE = "unavailable"


class Stop(Exception):
    """The run ends here; what ended it is among the findings."""


class Performance:
    """One run of a variant's steps."""

    def __init__(
        self,
        *,
        variant: Variant,
        session: Session,
        cast: Cast,
        history: History,
        patience: Patience,
        barrier: Barrier,
        outages: Outages,
        halts: Halts,
        deadline: trio.CancelScope,
        findings: list[Finding],
    ) -> None:
        self.variant = variant
        self.session = session
        self.cast = cast
        self.history = history
        self.patience = patience
        self.barrier = barrier
        self._outages = outages
        self._halts = halts
        self._deadline = deadline
        self._findings = findings

    async def steps(self, steps: Sequence[Step], path: Path, scope: Scope) -> None:
        """Play `steps` in order. Raises `Stop`."""
        for number, step in enumerate(steps):
            at = (*path, number)
            if at in self._halts:
                with uncounted(self._deadline):
                    await self._halts[at]()
            await self.watched(self._step(step, at, scope), path=at, step=step)

    # ── what trouble means ────────────────────────────────────────────────────────────────────

    async def watched(
        self, work: Awaitable[Result], *, path: Path | None, step: Step | None = None
    ) -> Result:
        """Await `work`, part of the step at `path`, and turn its trouble into a finding.

        Raises `Stop` behind a finding, `ScenarioFault` with its place, and `TargetTrouble`.
        """
        since = len(self.history)
        began = trio.current_time()
        try:
            return await work
        except StepFailed as failed:
            failure = failed
        except Malformed as malformed:
            failure = StepFailed(str(malformed), requirements=(malformed.requirement,))
        except Refusal as refusal:
            failure = StepFailed(
                f"it was refused with {told(refusal)}",
                expected="success",
                got=rendered(refusal.body),
            )
        except Unanswered as unanswered:
            late = isinstance(unanswered, Impatient)
            failure = StepFailed(
                f"there is no answer: {unanswered}", impatient=late, unanswered=late
            )
        except UnknownReference as unknown:
            # The names are right, the linter saw to that: an answer does not hold what it should.
            failure = StepFailed(f"an answer does not hold what is needed: {unknown}")
        except (BadReference, BadPattern, NotYetAnswered, ScenarioFault) as fault:
            raise self._placed(fault, path) from fault
        self._note(failure, path, step, since, began)
        raise Stop

    def _placed(self, fault: Exception, path: Path | None) -> ScenarioFault:
        where = self.variant.where(path or ())
        return ScenarioFault(
            str(fault) if str(fault).startswith(where.partition(":")[0]) else f"{where}: {fault}"
        )

    def _note(
        self, failed: StepFailed, path: Path | None, step: Step | None, since: int, began: float
    ) -> None:
        overload = failed.overload
        if failed.impatient and overload is None:
            overload = self.patience.overload_while_waiting(began)
        events = failed.events
        if not events and failed.got is not None and not failed.impatient:
            events = answer_to(step, list(self.history)[since:])
        self._findings.append(
            Finding(
                kind="setup" if path is None else "step",
                requirements=failed.requirements or self._proved_by(step),
                message=failed.message if overload is None else f"{failed.message}; {overload}",
                path=path,
                expected=failed.expected,
                got=failed.got,
                mismatches=failed.mismatches,
                events=events,
                since=since,
                until=len(self.history),
                inconclusive=overload is not None or isinstance(failed, TooLate),
                unanswered=failed.unanswered,
            )
        )

    def _proved_by(self, step: Step | None) -> tuple[str, ...]:
        if step is None or step.proves is UNSET:
            return tuple(self.variant.scenario.proves)
        return (step.proves,) if isinstance(step.proves, str) else tuple(step.proves)

    # ── one step ──────────────────────────────────────────────────────────────────────────────

    async def _step(self, step: Step, path: Path, scope: Scope) -> None:
        for name, flow in _FLOWS.items():
            if getattr(step, name) is not UNSET:
                await flow(self, step, path, scope)
                return
        await self._verb(step, path, scope)

    async def _verb(self, step: Step, path: Path, scope: Scope) -> None:
        name = next(name for name in VERBS if getattr(step, name) is not UNSET)
        arguments = resolved(getattr(step, name), scope)
        try:
            if step.as_ is UNSET:
                # Only a request can be nobody's: the linter sees to that.
                answer = await request_as(self.session.client("nobody"), arguments)
            else:
                device = self.cast.device(step.as_)
                answer = await VERBS[name](device, arguments)
                if name == "send" and not arguments.wait and arguments.via == "realtime":
                    self._let_fly(answer, step, path, scope, device)
                    return
        except Refusal as refusal:
            judge_refusal(step, refusal, scope)
            return
        self._conclude(step, answer, scope)

    def _conclude(self, step: Step, answer: Json, scope: Scope) -> None:
        judge_answer(step, answer, scope)
        if step.save is not UNSET:
            scope.save(step.save, answer)

    # ── messages in flight ────────────────────────────────────────────────────────────────────

    def _let_fly(
        self, outcome: Outcome, step: Step, path: Path, scope: Scope, device: Device
    ) -> None:
        if step.save is not UNSET:
            scope.save(step.save, PENDING)
        device.flying.append(Flying(outcome, step, path, scope))

    async def settle(self, device: Device) -> None:
        """Wait for everything that the device has in flight, and judge each answer by its step."""
        flying, device.flying = device.flying, []
        for flight in flying:
            await self.watched(self._land(device, flight), path=flight.path, step=flight.step)

    async def _land(self, device: Device, flight: Flying) -> None:
        line = device.client.connection
        try:
            answer = await line.settled(flight.outcome) if line else flight.outcome.result()
        except Refusal as refusal:
            if not (flight.outlived_the_server and refusal.code == _UNAVAILABLE):
                judge_refusal(flight.step, refusal, flight.scope)
                return
            # A server that goes may say so to what it will not do any more.
            answer = {"refused": _UNAVAILABLE}
        except Impatient:
            raise
        except Unanswered:
            # The connection ended first: it may have happened or not, and both are right.
            answer = {"indeterminate": True}
        else:
            self._conclude(flight.step, answer, flight.scope)
            return
        if flight.step.save is not UNSET:
            flight.scope.save(flight.step.save, answer)

    async def settle_all(self) -> None:
        """Wait for everything in flight."""
        for device in self.cast.devices:
            await self.settle(device)

    # ── flow ──────────────────────────────────────────────────────────────────────────────────

    async def _settle(self, step: Step, _path: Path, _scope: Scope) -> None:
        await self.settle(self.cast.device(_named(step.as_)))

    async def _expect(self, step: Step, _path: Path, scope: Scope) -> None:
        device = self.cast.device(_named(step.on))
        content = await inbox.expect(
            device, resolve(step.expect, scope), strict=step.strict, patience=self.patience
        )
        if step.decrypted is not UNSET:
            await expect_decrypted(device, content, resolve(step.decrypted, scope))
        if step.save is not UNSET:
            scope.save(step.save, content)

    async def _never(self, step: Step, _path: Path, scope: Scope) -> None:
        device = self.cast.device(_named(step.on))
        pattern = resolve(step.never, scope)
        inbox.never(device, pattern)
        await self.barrier.pass_through()
        inbox.never(device, pattern)
        inbox.pass_over(device)

    async def _barrier(self, _step: Step, _path: Path, _scope: Scope) -> None:
        await self.settle_all()
        await self.barrier.pass_through()

    async def _together(self, step: Step, path: Path, scope: Scope) -> None:
        assert step.together is not UNSET
        stopped: list[Exception] = []
        scopes = [scope.branch() for _ in step.together]

        async def branch(number: int, steps: list[Step]) -> None:
            try:
                await self.steps(steps, (*path, "together", number), scopes[number])
            except Exception as stop:
                stopped.append(stop)
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for number, steps in enumerate(step.together):
                nursery.start_soon(branch, number, steps)
        if stopped:
            raise stopped[0]
        for each in scopes:
            scope.merge(each)

    async def _repeat(self, step: Step, path: Path, scope: Scope) -> None:
        repeat = step.repeat
        assert isinstance(repeat, Repeat)
        times = resolve(repeat.times, scope)
        if not isinstance(times, int) or isinstance(times, bool):
            raise ScenarioFault(f"`times` is a whole number, and this is {rendered(times)}")
        for number in range(times):
            scope.save(repeat.counter, number)
            await self.steps(repeat.steps, (*path, "repeat", "steps"), scope)

    async def _restart_server(self, _step: Step, _path: Path, _scope: Scope) -> None:
        await self._away("restart")

    async def _stop_server(self, _step: Step, _path: Path, _scope: Scope) -> None:
        await self._away("stop")

    async def _away(self, manner: Manner) -> None:
        if manner not in self._outages:
            raise ScenarioFault(f"`{MANNERS[manner].verb}` without `needs: [{manner}]`")
        with uncounted(self._deadline):
            await self.session.server_away(manner, self._outages[manner])
        for device in self.cast.devices:
            for flight in device.flying:
                flight.outlived_the_server = True

    async def _in_time(self, step: Step, _path: Path, scope: Scope) -> None:
        check_in_time(resolve(step.in_time, scope), self.history)

    async def _assert(self, step: Step, _path: Path, scope: Scope) -> None:
        assert step.assert_ is not UNSET
        value = resolve(step.assert_.that, scope)
        pattern = resolve(step.assert_.matches, scope)
        mismatches = match(pattern, value)
        if mismatches:
            raise StepFailed(
                f"{_as_written(step.assert_.that)} is not as expected: {'; '.join(map(str, mismatches))}",
                expected=rendered(pattern),
                got=rendered(value),
                mismatches=mismatches,
                events=carrying(value, self.history),
            )


def _as_written(value: Any) -> str:
    """A value as the scenario calls it."""
    return f"`{value}`" if isinstance(value, str) else "the value"


_FLOWS: dict[str, Flow] = {
    "settle": Performance._settle,
    "expect": Performance._expect,
    "never": Performance._never,
    "barrier": Performance._barrier,
    "together": Performance._together,
    "repeat": Performance._repeat,
    "restart_server": Performance._restart_server,
    "stop_server": Performance._stop_server,
    "in_time": Performance._in_time,
    "assert_": Performance._assert,
}
"""The verbs that are about a run and not about one device's client."""


def _named(device: Any) -> str:
    return str(device)
