"""All scenarios of a run: side by side, then those that need the server for themselves.

Three phases. First everything that can run beside others, `jobs` at a time. Then the scenarios that
take the server away and start it again, those together that can share an outage (`gathering`); where
they have a server of their own, they run beside the first phase, and when they are done that server
takes its share of what is left. Then what failed, unless that was
known before, is played once more, alone and with fresh users: a failure that does not come back is
*flaky*, which is a failure all the same (a promise broken once was broken), but another kind of bug to
look for. When more than `replay` scenarios failed, the load is not to blame and none of them is played
again. The same goes, on its own, for those that ran out of time. At the end the target's own files are
looked into (`vault`), where they are at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import trio
from msgspec import UNSET, structs

from reports.judgement import is_known
from reports.model import Finding as ReportedFinding
from reports.model import Scenario, ScenarioVerdict

from .baseline import Baseline, excuse
from .catalogue import Catalogue
from .engine import Played, Stage, play
from .events import (
    CampaignEnded,
    CampaignStarted,
    Listener,
    PhaseStarted,
    VariantEnded,
    VariantStarted,
)
from .evidence import Evidence, Repetition, recorded, reported
from .gathering import Gathering, gatherings
from .language.step import Step
from .loader import Variant
from .outages import MANNERS, Halts
from .verdicts import REPLAYED, verdict_of

AGAIN = 10
"""Scenarios of one verdict up to which they are played again, unless told otherwise."""

MANY = 500
"""How many steps a loop or a file is taken for when only the target's answer tells its size."""


def let_go(_played: Played) -> None:
    """Keep nothing of a play but what the record needs."""


class Campaign:
    """One run over many variants; `results` is complete for what has been played so far.

    `keep` is shown each play with its whole history, which is let go afterwards.
    """

    def __init__(
        self,
        variants: Sequence[Variant],
        stage: Stage,
        catalogue: Catalogue,
        repetition: Repetition,
        *,
        strict: bool,
        listener: Listener,
        restarts: Stage | None = None,
        known: Baseline = (),
        replay: int = AGAIN,
        keep: Callable[[Played], None] = let_go,
    ) -> None:
        self._variants = variants
        self._stage = stage
        self._restarts = restarts or stage
        self._catalogue = catalogue
        self._repetition = repetition
        self._strict = strict
        self._tell = listener
        self._known = known
        self._replay = replay
        self._keep = keep
        self._results: dict[str, Scenario] = {}
        self._plays: dict[str, list[Played]] = {}
        self._evidence: dict[str, Evidence] = {}

    @property
    def results(self) -> list[Scenario]:
        """What has been played, in the order of the variants."""
        return [self._results[each.name] for each in self._variants if each.name in self._results]

    async def run(self, jobs: int, interrupted: trio.Event) -> None:
        """Play everything; stop early, keeping what there is, when `interrupted` is set."""
        self._tell(CampaignStarted(len(self._variants)))
        async with trio.open_nursery() as nursery:

            async def stop() -> None:
                await interrupted.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(stop)
            await self._phases(jobs)
            nursery.cancel_scope.cancel()
        self._tell(CampaignEnded(interrupted.is_set()))

    async def _phases(self, jobs: int) -> None:
        playable = [each for each in self._variants if not self._inapplicable(each)]
        restarting = [each for each in playable if takes_the_server_away(each)]
        beside = [each for each in playable if not takes_the_server_away(each)]
        if jobs > 1:
            # The longest first, so that none of them is left over when all others have ended.
            beside.sort(key=lambda each: _length(each.scenario.steps), reverse=True)
        if self._restarts is self._stage:
            await self._phase("all", beside, jobs)
            await self._restarting(restarting, jobs)
        else:
            await self._on_both(beside, restarting, jobs)
        await self._phase("again", [*self._again("fail"), *self._again("inconclusive")], 1)
        self._look_into_files()

    def _again(self, verdict: ScenarioVerdict) -> list[Variant]:
        """The scenarios with this verdict, if there are few whose failure is news."""
        news = [
            each
            for each in self._variants
            if (result := self._results[each.name]).verdict == verdict
            if not is_known(excuse(result, self._known))
        ]
        return news if len(news) <= self._replay else []

    async def _on_both(
        self, beside: Sequence[Variant], restarting: Sequence[Variant], jobs: int
    ) -> None:
        """The first two phases, each on its own server; whichever is free takes what is left."""
        waiting = iter(beside)

        async def restarts_then_help() -> None:
            await self._restarting(restarting, jobs)
            await self._side_by_side(waiting, self._restarts, jobs)

        if beside:
            self._tell(PhaseStarted("all", len(beside)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._side_by_side, waiting, self._stage, jobs)
            nursery.start_soon(restarts_then_help)

    async def _phase(self, name: str, variants: Sequence[Variant], jobs: int) -> None:
        if variants:
            self._tell(PhaseStarted(name, len(variants)))
            await self._side_by_side(iter(variants), self._stage, jobs)

    async def _side_by_side(self, waiting: Iterator[Variant], stage: Stage, jobs: int) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(jobs):
                nursery.start_soon(self._work, waiting, stage)

    async def _restarting(self, variants: Sequence[Variant], jobs: int) -> None:
        if not variants:
            return
        self._tell(PhaseStarted("restarts", len(variants)))
        for gathered in gatherings(variants, jobs):
            await self._gather(gathered)

    async def _work(self, waiting: Iterator[Variant], stage: Stage) -> None:
        for variant in waiting:
            if takes_the_server_away(variant):
                await self._gather([variant])
            else:
                await self._play(variant, stage, {})

    async def _gather(self, variants: Sequence[Variant]) -> None:
        """Play scenarios that lose the server together."""
        async with trio.open_nursery() as nursery:
            gathering = Gathering(self._restarts.outages, len(variants), nursery)
            stage = structs.replace(self._restarts, outages=gathering.outages)

            async def attend(variant: Variant) -> None:
                await self._play(variant, stage, gathering.halts(variant.scenario.steps))
                gathering.leave()

            for variant in variants:
                nursery.start_soon(attend, variant)

    async def _play(self, variant: Variant, stage: Stage, halts: Halts) -> None:
        self._tell(VariantStarted(variant.name))
        plays = self._plays.setdefault(variant.name, [])
        played = await play(variant, stage, attempt=len(plays) + 1, halts=halts)
        self._keep(played)
        self._record(variant, played, reported(played, stage.adapter, self._repetition))

    def _look_into_files(self) -> None:
        """Fail the scenarios whose secrets the target keeps, if its files can be read."""
        variants = {variant.name: variant for variant in self._variants}
        for stage in {id(each): each for each in (self._stage, self._restarts)}.values():
            for name, finding in stage.vault.search() if stage.vault is not None else ():
                variant = variants[name]
                played = Played(variant=variant, attempt=1, findings=[finding])
                found = reported(played, stage.adapter, self._repetition)
                self._evidence[name] = self._evidence[name].with_findings(found.findings)
                self._end(
                    recorded(
                        variant,
                        "fail",
                        reason=self._results[name].reason,
                        plays=self._plays[name],
                        evidence=self._evidence[name],
                    )
                )

    def _inapplicable(self, variant: Variant) -> bool:
        """Record a variant whose needs the target does not meet; answer whether it is one."""
        missing = [need for need in variant.scenario.needs if not self._offers(need)]
        if not missing:
            return False
        reason = f"the target has no capability {', '.join(missing)}"
        for manner, words in MANNERS.items():
            if manner in missing:
                reason = words.missing
        self._end(recorded(variant, "not applicable", reason=reason))
        return True

    def _offers(self, need: str) -> bool:
        if need in MANNERS:
            return need in self._restarts.outages
        return need in self._stage.target.capabilities

    def _record(self, variant: Variant, played: Played, evidence: Evidence) -> None:
        plays = self._plays[variant.name]
        verdict = verdict_of(played)
        reason = played.fault or played.trouble or played.not_shown
        before = self._results.get(variant.name)
        if before is not None:
            verdict = REPLAYED[before.verdict, verdict]
            # The evidence is that of the play that gave the verdict.
            if verdict == "flaky" or not evidence.findings:
                evidence = self._evidence[variant.name]
            if verdict == "pass":
                evidence = Evidence()
            if verdict == "flaky":
                reason = "it failed beside others, and passed when it was played again alone"
        plays.append(played)
        self._evidence[variant.name] = evidence
        self._end(
            recorded(
                variant,
                verdict,
                reason=reason,
                plays=plays,
                evidence=evidence,
                advisory=not self._strict and self._only_advice(evidence.findings),
            )
        )
        played.history = type(played.history)()  # its evidence is taken: let the rest go

    def _only_advice(self, findings: list[ReportedFinding]) -> bool:
        levels = {
            self._catalogue.requirements[identity].level
            for finding in findings
            for identity in finding.requirements
        }
        return levels == {"SHOULD"}

    def _end(self, scenario: Scenario) -> None:
        self._results[scenario.name] = scenario
        self._tell(VariantEnded(scenario))


def takes_the_server_away(variant: Variant) -> bool:
    """Whether nobody else can be connected to the server while this is played."""
    return not MANNERS.keys().isdisjoint(variant.scenario.needs)


def _length(steps: Sequence[Step]) -> int:
    """About how many steps will be played."""
    total = 0
    for step in steps:
        total += 1
        if step.together is not UNSET:
            total += sum(_length(branch) for branch in step.together)
        elif step.press is not UNSET:
            total += step.press.times
        elif step.repeat is not UNSET:
            times = step.repeat.times
            total += _length(step.repeat.steps) * (times if isinstance(times, int) else MANY)
        elif step.upload is not UNSET and isinstance(step.upload.size, str):
            total += MANY
    return total
