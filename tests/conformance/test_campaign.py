"""A whole run over many scenarios: phases, what is not applicable, what is played again."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from conformance.adapters.base import Json, TargetTrouble
from conformance.baseline import Baseline, Entry
from conformance.campaign import AGAIN, Campaign
from conformance.catalogue import Catalogue
from conformance.events import (
    CampaignEnded,
    CampaignEvent,
    Listener,
    PhaseStarted,
    VariantEnded,
    VariantStarted,
)
from conformance.evidence import Repetition
from conformance.findings import Finding
from conformance.loader import Variant
from conformance.patience import Patience
from conformance.vault import Vault
from reports.model import Met, Scenario

from .fake import PATIENCE, FakeAdapter, FakeConnection, World
from .scenarios import load, scenario
from .staging import stage_of

TEXT = """\
id: {name}
title: Somebody says something
proves: [DLV-1]
needs: [{needs}]
actors: {{alice: {{}}, bob: {{}}}}
given: {{chat: {{direct: [alice, bob]}}}}
steps:
  - {{as: alice, connect: {{}}}}
  - {{as: bob, connect: {{}}}}
  - {{as: alice, send: {{to: $chat, text: {name}}}{match}}}
  - {{on: bob, expect: {{message: {{body: {{text: {name}}}}}}}, note: it must arrive{proves}}}
"""


class Recorded:
    """Variants of one small scenario, a campaign over them, and what it told."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.world = World()
        self.second: World | None = None
        """A server of its own for the scenarios that lose it."""
        self.told: list[CampaignEvent] = []
        self.listener: Listener = self.told.append
        self.losing: dict[str, int] = {}
        """Texts of messages that the server loses, and how often."""
        self.interrupted = trio.Event()
        self.world.deliver = self._deliver
        self.strict = False
        self.vault: Vault | None = None
        self.restartable = False
        self.outages = 0
        self.down_s = 0.0
        self.lost_for_good: str | None = None
        self.known: Baseline = ()
        self.patience = Patience(PATIENCE)

    def _deliver(self, _line: FakeConnection, entry: dict[str, Json]) -> list[dict[str, Json]]:
        text = entry["body"]["text"]
        if self.losing.get(text, 0):
            self.losing[text] -= 1
            return []
        return [entry]

    def variant(self, name: str, needs: str = "", proves: str = "", match: str = "") -> Variant:
        """A scenario in which Bob receives a message."""
        loaded = load(
            TEXT.format(name=name, needs=needs, proves=proves, match=match), self.catalogue
        )
        assert loaded.problems == ()
        return loaded.variants[0]

    def killing(self, name: str, deadline: int = 60) -> Variant:
        """A scenario in which Bob receives a message, and loses the server before he goes on."""
        self.restartable = True
        text = TEXT.format(name=name, needs="restart", proves="", match="")
        text += "  - {restart_server: {}}\n  - {as: bob, reconnect: {}}\n"
        loaded = load(f"{text}deadline: {deadline}\n", self.catalogue)
        assert loaded.problems == ()
        return loaded.variants[0]

    async def _outage(self) -> None:
        self.outages += 1
        await trio.sleep(self.down_s)
        if self.lost_for_good is not None:
            raise TargetTrouble(self.lost_for_good)

    async def run(self, *variants: Variant, jobs: int = 4) -> dict[str, Scenario]:
        """Play them; answer the results by name."""
        stage = await stage_of(
            FakeAdapter(self.world),
            patience=self.patience,
            outages={"restart": self._outage} if self.restartable else {},
            vault=self.vault,
        )
        restarts = stage
        if self.second is not None:
            restarts = await stage_of(
                FakeAdapter(self.second), patience=self.patience, outages=stage.outages
            )
        campaign = Campaign(
            variants,
            stage,
            self.catalogue,
            Repetition(seed=1, target="http://x"),
            strict=self.strict,
            listener=self.listener,
            restarts=restarts,
            known=self.known,
        )
        await campaign.run(jobs, self.interrupted)
        return {scenario.name: scenario for scenario in campaign.results}

    def phases(self) -> Sequence[tuple[str, int]]:
        """The phases that were told."""
        return [(e.name, e.total) for e in self.told if isinstance(e, PhaseStarted)]


@pytest.fixture
def recorded(catalogue: Catalogue) -> Recorded:
    """A campaign to be."""
    return Recorded(catalogue)


async def test_everything_that_passes_is_played_once(recorded: Recorded) -> None:
    """In one phase, and each variant is told with its verdict."""
    names = [f"a.n{number}" for number in range(6)]
    results = await recorded.run(*map(recorded.variant, names))
    assert [each.verdict for each in results.values()] == ["pass"] * 6
    assert [each.attempts for each in results.values()] == [1] * 6
    assert recorded.phases() == [("all", 6)]
    ended = [event.scenario.name for event in recorded.told if isinstance(event, VariantEnded)]
    assert sorted(ended) == names


async def test_what_failed_and_then_passes_alone_is_flaky(
    recorded: Recorded, autojump_clock: MockClock
) -> None:
    """With the evidence of the failure, and why it is called so."""
    recorded.losing = {"a.once": 1, "a.always": 9}
    results = await recorded.run(
        recorded.variant("a.once"), recorded.variant("a.always"), recorded.variant("a.never")
    )
    assert {name: each.verdict for name, each in results.items()} == {
        "a.once": "flaky",
        "a.always": "fail",
        "a.never": "pass",
    }
    assert results["a.once"].reason is not None
    assert results["a.once"].findings[0].requirements == ["DLV-1"]
    assert [results[name].attempts for name in ("a.once", "a.always", "a.never")] == [2, 2, 1]
    assert recorded.phases() == [("all", 3), ("again", 2)]


async def test_many_failures_are_not_played_again(
    recorded: Recorded, autojump_clock: MockClock
) -> None:
    """Then load is not to blame, and a broken server would cost minutes."""
    names = [f"a.n{number}" for number in range(AGAIN + 1)]
    recorded.losing = dict.fromkeys(names, 1)
    results = await recorded.run(*map(recorded.variant, names), jobs=16)
    assert {each.verdict for each in results.values()} == {"fail"}
    assert recorded.phases() == [("all", AGAIN + 1)]


async def test_known_failures_are_not_played_again(
    recorded: Recorded, autojump_clock: MockClock
) -> None:
    """Nor do they count among the many: a new failure beside them is looked at twice."""
    names = [f"a.known{number}" for number in range(AGAIN + 1)]
    recorded.losing = {**dict.fromkeys(names, 1), "a.new": 1}
    recorded.known = tuple(Entry(reason="issue 12", scenario=name) for name in names)
    results = await recorded.run(*map(recorded.variant, [*names, "a.new"]), jobs=16)
    assert results["a.new"].verdict == "flaky"
    assert {results[name].verdict for name in names} == {"fail"}
    assert recorded.phases() == [("all", AGAIN + 2), ("again", 1)]


class Gasping(Patience):
    """The watch on a host that is overloaded as long as it is said to be."""

    gasps = True

    def overload_since(self, start: float) -> str | None:
        return "the host was overloaded" if self.gasps else None


async def test_the_record_tells_what_the_steps_met_and_not_the_set_up(recorded: Recorded) -> None:
    """Registering and logging in is in every scenario."""
    played = await recorded.run(recorded.variant("a.met"))
    assert "Sending" in played["a.met"].met.answers
    assert "LoggedIn" not in played["a.met"].met.answers


async def test_a_scenario_that_is_not_played_met_nothing(recorded: Recorded) -> None:
    """It has no place in what a run covers."""
    played = await recorded.run(recorded.variant("a.met", needs="media"))
    assert played["a.met"].met == Met()


@pytest.mark.parametrize(
    ("lost", "recovers", "verdict"),
    [(1, True, "pass"), (9, True, "fail"), (9, False, "inconclusive"), (1, False, "pass")],
)
async def test_what_ran_out_of_time_is_played_again_alone(
    recorded: Recorded, autojump_clock: MockClock, lost: int, recovers: bool, verdict: str
) -> None:
    """What comes then was only late; what does not come, on a host that has recovered, was lost."""
    recorded.losing = {"a.late": lost}
    recorded.patience = patience = Gasping(PATIENCE)

    def tell(event: CampaignEvent) -> None:
        recorded.told.append(event)
        if recovers and isinstance(event, PhaseStarted) and event.name == "again":
            patience.gasps = False

    recorded.listener = tell
    results = await recorded.run(recorded.variant("a.late"))
    assert results["a.late"].verdict == verdict
    assert results["a.late"].attempts == 2


async def test_many_that_ran_out_of_time_do_not_hide_a_failure(
    recorded: Recorded, autojump_clock: MockClock
) -> None:
    """The failures are counted for themselves."""
    recorded.patience = Gasping(PATIENCE)
    names = [f"a.late{number}" for number in range(AGAIN + 1)]
    recorded.losing = dict.fromkeys(names, 1)
    results = await recorded.run(
        *map(recorded.variant, names),
        recorded.variant("a.wrong", match=", match: {seq: 99}"),
        jobs=16,
    )
    assert {results[name].verdict for name in names} == {"inconclusive"}
    assert results["a.wrong"].verdict == "fail"
    assert recorded.phases() == [("all", AGAIN + 2), ("again", 1)]


async def test_what_a_target_lacks_is_not_applicable_with_the_reason(recorded: Recorded) -> None:
    """Capabilities, and the means to restart it."""
    results = await recorded.run(
        recorded.variant("a.media", needs="media"),
        recorded.variant("a.restart", needs="restart"),
        recorded.variant("a.stop", needs="stop"),
        recorded.variant("a.groups", needs="groups"),
    )
    assert {name: (each.verdict, each.reason) for name, each in results.items()} == {
        "a.media": ("not applicable", "the target has no capability media"),
        "a.restart": (
            "not applicable",
            "the target cannot be restarted: there is no --restart-command",
        ),
        "a.stop": (
            "not applicable",
            "the target cannot be stopped in order: there is no --stop-command",
        ),
        "a.groups": ("pass", None),
    }


async def test_scenarios_that_restart_the_server_run_together_after_all_others(
    recorded: Recorded,
) -> None:
    """Nobody else may be connected to a server that is killed; those who are share one outage."""
    variants = [recorded.killing(f"a.r{number}") for number in range(3)]
    variants += [recorded.variant(f"a.n{number}") for number in range(2)]
    results = await recorded.run(*variants)
    assert {each.verdict for each in results.values()} == {"pass"}
    order = [
        ("+" if isinstance(e, VariantStarted) else "-")
        + (e.name if isinstance(e, VariantStarted) else e.scenario.name)
        for e in recorded.told
        if isinstance(e, (VariantStarted, VariantEnded))
    ]
    assert sorted(order[-6:-3]) == ["+a.r0", "+a.r1", "+a.r2"]
    assert recorded.outages == 1


async def test_a_server_for_restarts_helps_when_they_are_done(
    recorded: Recorded, autojump_clock: MockClock
) -> None:
    """What the first one, which is held up here, has not begun is played on the second."""
    recorded.second = World()
    recorded.losing = {"a.n0": 1}  # by the first: it waits until its patience is over
    helped: list[str] = []

    def deliver(_: FakeConnection, entry: dict[str, Json]) -> list[dict[str, Json]]:
        helped.append(entry["body"]["text"])
        return [entry]

    recorded.second.deliver = deliver
    variants = [recorded.variant(f"a.n{number}") for number in range(4)]
    results = await recorded.run(recorded.killing("a.r"), *variants, jobs=1)
    assert {name for name, each in results.items() if each.verdict == "pass"} == set(helped)
    assert sorted(helped) == ["a.n1", "a.n2", "a.n3", "a.r"]
    assert recorded.phases() == [("all", 4), ("restarts", 1), ("again", 1)]


async def test_one_after_the_other_each_has_an_outage_of_its_own(recorded: Recorded) -> None:
    """With `--jobs 1`."""
    variants = [recorded.killing(f"a.r{number}") for number in range(2)]
    results = await recorded.run(*variants, jobs=1)
    assert {each.verdict for each in results.values()} == {"pass"}
    assert recorded.outages == 2


async def test_one_that_fails_before_the_outage_does_not_keep_it_from_the_others(
    recorded: Recorded, autojump_clock: MockClock
) -> None:
    """They wait as long as its patience, and it is played again alone, with an outage of its own."""
    recorded.losing = {"a.r0": 1}
    results = await recorded.run(*(recorded.killing(f"a.r{number}") for number in range(3)))
    assert {name: each.verdict for name, each in results.items()} == {
        "a.r0": "flaky",
        "a.r1": "pass",
        "a.r2": "pass",
    }
    assert recorded.outages == 2


async def test_waiting_for_others_and_for_the_server_does_not_count_for_a_deadline(
    recorded: Recorded, autojump_clock: MockClock
) -> None:
    """Neither says anything about the scenario."""
    recorded.losing = {"a.r0": 9}
    recorded.down_s = 100
    results = await recorded.run(
        recorded.killing("a.r0"), recorded.killing("a.r1", deadline=int(PATIENCE / 2))
    )
    assert results["a.r1"].verdict == "pass"
    assert results["a.r1"].seconds >= 100 + PATIENCE


async def test_a_server_that_does_not_come_back_is_the_trouble_of_all_who_lost_it(
    recorded: Recorded, autojump_clock: MockClock
) -> None:
    """None of them is blamed on the server, and none is passed over."""
    recorded.lost_for_good = "the restart command ended with status 7"
    results = await recorded.run(recorded.killing("a.r0"), recorded.killing("a.r1"))
    assert {(each.verdict, each.reason) for each in results.values()} == {
        ("error", "the restart command ended with status 7")
    }


async def test_an_interrupted_run_keeps_what_was_played(
    recorded: Recorded, autojump_clock: MockClock
) -> None:
    """What was under way has no verdict."""
    recorded.losing = {"a.slow": 1}

    async def interrupt() -> None:
        await trio.sleep(PATIENCE / 2)
        recorded.interrupted.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(interrupt)
        results = await recorded.run(recorded.variant("a.quick"), recorded.variant("a.slow"))
    assert list(results) == ["a.quick"]
    assert recorded.told[-1] == CampaignEnded(interrupted=True)


async def test_a_broken_should_is_advice_unless_the_run_is_strict(
    recorded: Recorded, autojump_clock: MockClock
) -> None:
    """The step proves a SHOULD and nothing else."""
    variant = recorded.variant("a.should", proves=", proves: EPH-1")
    for strict in (False, True):
        recorded.losing = {"a.should": 2}
        recorded.strict = strict
        results = await recorded.run(variant)
        assert results["a.should"].verdict == "fail"
        assert results["a.should"].advisory is not strict


async def test_a_failure_carries_its_evidence(
    recorded: Recorded, autojump_clock: MockClock
) -> None:
    """The place and text of the step, the author's note, the timeline, and how to repeat it."""
    recorded.losing = {"a.lost": 9}
    results = await recorded.run(recorded.variant("a.lost"))
    (finding,) = results["a.lost"].findings
    assert finding.place is not None
    assert (finding.place.file, finding.place.line) == ("scenario.yaml", 11)
    assert finding.note == "it must arrive"
    assert finding.step is not None
    assert '"expect": {"message":' in finding.step
    assert [entry.label for entry in finding.timeline] == ["welcome", "welcome"]
    assert finding.repeat.command == "msgcheck run scenario.yaml --seed 1 --target http://x"


class Telling(Vault):
    """A vault in which something of the scenario `a.kept` is found."""

    def search(self) -> Iterator[tuple[str, Finding]]:
        """One finding."""
        yield "a.kept", Finding(kind="checker", requirements=("ENC-9",), message="It is there.")


async def test_a_secret_in_the_servers_files_fails_its_scenario(
    recorded: Recorded, tmp_path: Path
) -> None:
    """Though all that was seen of it was right; the others are left alone."""
    recorded.vault = Telling(tmp_path)
    results = await recorded.run(recorded.variant("a.kept"), recorded.variant("a.other"))
    assert {name: each.verdict for name, each in results.items()} == {
        "a.kept": "fail",
        "a.other": "pass",
    }
    (finding,) = results["a.kept"].findings
    assert (finding.requirements, finding.message) == (["ENC-9"], "It is there.")
    assert finding.place is not None


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ("restart", "--restart-command './restart.sh KILL'"),
        ("stop", "--stop-command ./stop.sh"),
        ("", "http://x"),
    ],
)
def test_the_command_that_repeats_an_outage_has_what_it_needs(
    catalogue: Catalogue, needs: str, told: str
) -> None:
    """Without it, what failed would not be applicable, and seem to be mended."""
    text = re.sub(
        "^needs:.*$", f"needs: [{needs}]", scenario("{as: alice, connect: {}}"), flags=re.MULTILINE
    )
    (variant,) = load(text, catalogue).variants
    repetition = Repetition(
        seed=1, target="http://x", outages={"restart": "./restart.sh KILL", "stop": "./stop.sh"}
    )
    assert repetition.command(variant).endswith(told)
