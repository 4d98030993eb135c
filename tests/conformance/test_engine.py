"""Playing scenarios: what the language's flow promises, against a chat in memory."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from conformance.adapters.base import Refusal, Target, TargetTrouble
from conformance.catalogue import Catalogue
from conformance.engine import Played, Stage, play
from conformance.history import Drained, Received
from conformance.loader import Variant
from conformance.patience import Patience
from conformance.sentinels import Sentinels
from conformance.verdicts import verdict_of

from .fake import PATIENCE, FakeAdapter, FakeConnection, World
from .scenarios import load, scenario
from .staging import stage_of

HEAD = """\
id: flow.example
title: Two people talk
proves: [DLV-1]
actors:
  alice: {}
  bob: {devices: [phone], later: [tablet]}
given:
  chat: {direct: [alice, bob]}
steps:
"""
CONNECTED = ("{as: alice, connect: {}}", "{as: bob.phone, connect: {}}")

Play = Callable[..., Awaitable[Played]]


@pytest.fixture
def world() -> World:
    """A chat server that keeps its promises."""
    return World()


@pytest.fixture
def adapter(world: World) -> FakeAdapter:
    """The adapter to that server."""
    return FakeAdapter(world)


@pytest.fixture
def play_steps(adapter: FakeAdapter, catalogue: Catalogue) -> Play:
    """Play a scenario of these steps."""

    async def steps(
        *lines: str, check: str = "", needs: str = "", patience: Patience | None = None
    ) -> Played:
        head = HEAD.replace("actors:", f"needs: [{needs}]\nactors:") if needs else HEAD
        text = scenario(*lines, head=head) + (f"check: [{check}]\n" if check else "")
        stage = await stage_of(
            adapter,
            patience=patience,
            outages={"restart": trio.lowlevel.checkpoint, "stop": trio.lowlevel.checkpoint},
        )
        return await play(variant_of(text, catalogue), stage)

    return steps


def variant_of(text: str, catalogue: Catalogue) -> Variant:
    """The only variant of a scenario's text."""
    loaded = load(text, catalogue)
    assert loaded.problems == ()
    return loaded.variants[0]


class OutOfBreath(Patience):
    """The watch on a host that is always overloaded."""

    def overload_since(self, start: float) -> str:
        return "the host was overloaded"


def passed(played: Played) -> bool:
    """Whether nothing at all was wrong."""
    return not played.findings and played.fault is None and played.trouble is None


# ── expect ────────────────────────────────────────────────────────────────────────────────────


async def test_expect_passes_over_other_frames_and_moves_its_cursor(
    play_steps: Play, autojump_clock: MockClock
) -> None:
    """What it passed over is gone for the next `expect`, what lies behind is not."""
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, text: one}}",
        "{as: alice, send: {to: $chat, text: two}}",
        "{as: alice, send: {to: $chat, text: three}}",
        "{on: bob.phone, expect: {message: {body: {text: two}}}, save: two}",
        "{assert: {that: $two.seq, is: 2}}",
        "{on: bob.phone, strict: true, expect: {message: {body: {text: three}}}}",
        "{on: bob.phone, expect: {message: {body: {text: one}}}}",
    )
    (finding,) = played.findings
    assert finding.path == ("steps", 8)
    assert finding.message == "the expected `message` frame did not come within 5 s"
    assert finding.got == "nothing"


async def test_a_strict_expect_wants_the_very_next_frame(play_steps: Play) -> None:
    """The welcome comes first, so a strict message fails at once, with the frame as evidence."""
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, text: one}}",
        "{on: bob.phone, strict: true, expect: {message: {}}}",
    )
    (finding,) = played.findings
    assert "not the very next frame" in finding.message
    assert "1 × welcome" in (finding.got or "")


async def test_an_unmet_expect_shows_the_nearest_frames_and_their_differences(
    play_steps: Play, autojump_clock: MockClock
) -> None:
    """The evidence that a reader needs: what came, and what exactly was different."""
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, text: one}}",
        "{on: bob.phone, expect: {message: {body: {text: two}}}}",
    )
    (finding,) = played.findings
    assert finding.requirements == ("DLV-1",)
    assert '/body/text: expected "two", got "one"' in (finding.got or "")
    assert len(finding.events) == 1


async def test_expect_fails_at_once_when_nothing_can_come_any_more(
    play_steps: Play, autojump_clock: MockClock
) -> None:
    """After the end of a connection there is nothing to be patient for."""
    before = trio.current_time()
    played = await play_steps(
        *CONNECTED,
        "{as: bob.phone, drop: {}}",
        "{on: bob.phone, expect: {closed: {code: 1006}}}",
        "{on: bob.phone, expect: {message: {}}}",
    )
    assert "before the connection ended" in played.findings[0].message
    assert trio.current_time() - before < PATIENCE


async def test_a_new_connection_has_a_new_inbox(
    play_steps: Play, autojump_clock: MockClock
) -> None:
    """After reconnecting, what the old connection received is not searched."""
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, text: one}}",
        "{on: bob.phone, expect: {message: {}}}",
        "{as: bob.phone, reconnect: {}}",
        "{on: bob.phone, strict: true, expect: {welcome: {}}}",
        "{on: bob.phone, expect: {message: {}}}",
    )
    assert [finding.path for finding in played.findings] == [("steps", 6)]


# ── never and the barrier ─────────────────────────────────────────────────────────────────────


async def test_never_fails_for_a_frame_that_came_before_it(play_steps: Play) -> None:
    """Everything behind the cursor counts."""
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, text: one}}",
        "{on: bob.phone, never: {message: {body: {text: one}}}, until: barrier}",
    )
    assert "must never come" in played.findings[0].message


async def test_never_passes_the_barrier_and_moves_the_cursor_behind_it(play_steps: Play) -> None:
    """The barrier's own traffic is invisible, and what came before it is passed over."""
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, text: one}}",
        "{on: bob.phone, never: {message: {body: {text: two}}}, until: barrier}",
        "{as: alice, send: {to: $chat, text: three}}",
        "{on: bob.phone, strict: true, expect: {message: {body: {text: three}}}}",
    )
    assert passed(played), played.findings


async def test_a_barrier_leaves_no_trace_but_drained_connections(play_steps: Play) -> None:
    """The sentinel's messages are in no semantic event, and each open connection is drained."""
    played = await play_steps(*CONNECTED, "{as: alice, send: {to: $chat}}", "{barrier: {}}")
    assert passed(played), played.findings
    received = [event.entry for event in played.history if isinstance(event, Received)]
    assert [entry.conversation_id for entry in received] == ["c1"]
    assert [event.conn for event in played.history if isinstance(event, Drained)] == [1, 2]


async def test_a_barrier_waits_for_messages_still_on_their_way(
    play_steps: Play, world: World, autojump_clock: MockClock
) -> None:
    """A delivery that is late by half the patience is before the barrier, not behind it."""
    late: list[tuple[FakeConnection, dict[str, object]]] = []

    def hold_back(line: FakeConnection, entry: dict[str, object]) -> list[dict[str, object]]:
        if entry["conversation_id"] != "c1":
            return [entry]
        late.append((line, entry))
        line.client.session.nursery.start_soon(deliver_late)
        return []

    async def deliver_late() -> None:
        await trio.sleep(PATIENCE / 2)
        line, entry = late.pop()
        line.take("message", entry)

    world.deliver = hold_back
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, text: one}}",
        "{on: bob.phone, never: {message: {body: {text: one}}}, until: barrier}",
    )
    assert "must never come" in played.findings[0].message


@pytest.mark.parametrize(
    ("watch", "blamed"), [(Patience, [("DLV-1", False)]), (OutOfBreath, [("DLV-1", True)])]
)
async def test_on_an_overloaded_host_a_barrier_takes_nothing_late_for_lost(
    play_steps: Play,
    world: World,
    autojump_clock: MockClock,
    watch: type[Patience],
    blamed: list[tuple[str, bool]],
) -> None:
    """A message that never came is lost by the verdict of the checker, unless nobody can tell."""
    world.deliver = lambda _line, entry: [entry] if entry["body"]["text"] != "one" else []
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, text: one}}",
        "{barrier: {}}",
        check="delivery",
        patience=watch(PATIENCE),
    )
    assert [
        (requirement, each.inconclusive)
        for each in played.findings
        for requirement in each.requirements
    ] == blamed


async def test_a_lost_message_of_the_barrier_is_a_broken_promise(
    play_steps: Play, world: World, autojump_clock: MockClock
) -> None:
    """The sentinel's messages are messages: losing one breaks DLV-1, and is said so."""
    world.deliver = lambda line, entry: [] if line.client.hidden else [entry]
    played = await play_steps(*CONNECTED, "{barrier: {}}")
    (finding,) = played.findings
    assert finding.requirements == ("DLV-1",)
    assert "did not arrive on an open connection of sentinel-" in finding.message


async def test_frozen_and_closed_connections_take_no_part_in_a_barrier(play_steps: Play) -> None:
    """They could not answer, and nothing is claimed about them."""
    played = await play_steps(
        *CONNECTED,
        "{as: bob.phone, freeze: {}}",
        "{barrier: {}}",
        "{as: alice, drop: {}}",
        "{barrier: {}}",
    )
    assert passed(played), played.findings
    assert [event.conn for event in played.history if isinstance(event, Drained)] == [1]


# ── together, repeat ──────────────────────────────────────────────────────────────────────────


async def test_branches_run_at_the_same_time(play_steps: Play) -> None:
    """Each waits for the other's message, which no order of one after the other could give."""
    played = await play_steps(
        *CONNECTED,
        "together: [[{on: bob.phone, expect: {message: {}}}, {as: bob.phone, send: {to: $chat}}],"
        " [{as: alice, send: {to: $chat}}, {on: alice, expect: {message: {}}}]]",
    )
    assert passed(played), played.findings


async def test_a_failing_branch_ends_the_others_and_only_it_is_blamed(play_steps: Play) -> None:
    """Whoever waits beside a failed step is cancelled, not failed too."""
    played = await play_steps(
        *CONNECTED,
        "together: [[{on: bob.phone, expect: {message: {}}}], [{assert: {that: 1, is: 2}}]]",
    )
    (finding,) = played.findings
    assert finding.path == ("steps", 2, "together", 1, 0)


async def test_names_saved_in_branches_are_known_afterwards(play_steps: Play) -> None:
    """All of them, once the last branch has ended."""
    played = await play_steps(
        *CONNECTED,
        "together: [[{as: alice, send: {to: $chat, text: x}, save: a}],"
        " [{as: bob.phone, send: {to: $chat, text: y}, save: b}]]",
        "{assert: {that: [$a.body.text, $b.body.text], is: [x, y]}}",
    )
    assert passed(played), played.findings


async def test_repeat_counts_from_zero_and_keeps_the_last_value(play_steps: Play) -> None:
    """Its counter can be part of a text; names saved inside are seen behind it."""
    played = await play_steps(
        *CONNECTED,
        "{repeat: {times: 3, as: n, steps:"
        ' [{as: alice, send: {to: $chat, text: "number ${n}"}, save: m}]}}',
        "{assert: {that: $m.body.text, is: number 2}}",
    )
    assert passed(played), played.findings


# ── success and refusal ───────────────────────────────────────────────────────────────────────


async def test_an_unexpected_refusal_fails_the_step(play_steps: Play) -> None:
    """And says with which code."""
    played = await play_steps("{as: alice, page: {in: $chat}, proves: PAG-1}")
    (finding,) = played.findings
    assert finding.requirements == ("PAG-1",)
    assert finding.message == "it was refused with 404 unavailable: page"


async def test_an_expected_refusal_passes_by_its_code_or_by_a_pattern(play_steps: Play) -> None:
    """A plain string is the code, an object a pattern for the whole refusal."""
    played = await play_steps(
        "{as: alice, page: {in: $chat}, fails: unavailable}",
        "{as: alice, page: {in: $chat}, fails: {detail: {$regex: 'pa.e'}}}",
    )
    assert passed(played), played.findings


async def test_another_refusal_than_expected_fails_the_step(play_steps: Play) -> None:
    """With what was different."""
    played = await play_steps("{as: alice, page: {in: $chat}, fails: invalid_limit}")
    assert '/code: expected "invalid_limit", got "unavailable"' in played.findings[0].message


async def test_a_verb_that_succeeds_although_it_must_fail_fails_the_step(play_steps: Play) -> None:
    """A server that lets through what it must refuse is not conformant."""
    played = await play_steps(*CONNECTED, "{as: alice, send: {to: $chat}, fails: blocked}")
    assert played.findings[0].message == "it succeeded, although it must be refused"


async def test_a_path_that_an_answer_lacks_fails_the_step(play_steps: Play) -> None:
    """The names are checked when the file is read, so this is the server's answer."""
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat}, save: m}",
        "{assert: {that: $m.edited_at, is: null}}",
    )
    assert "there is no `edited_at` in $m" in played.findings[0].message


@pytest.mark.parametrize(("lifetime", "verdict"), [(3600, "pass"), (0, "inconclusive")])
async def test_what_came_too_late_to_be_shown_is_inconclusive(
    lifetime: int, verdict: str, adapter: FakeAdapter, catalogue: Catalogue
) -> None:
    """However slow the host is, nobody is blamed for a message that expired before it was shown."""
    head = HEAD.replace("actors:", "needs: [expiry]\nactors:")
    text = scenario(
        *CONNECTED,
        f"{{as: alice, send: {{to: $chat, expires_in_s: {lifetime}}}, save: m}}",
        "{in_time: $m}",
        "{assert: {that: $m.seq, is: 1}}",
        head=head,
    )
    stage = Stage(
        adapter=adapter,
        target=await adapter.discover(),
        patience=Patience(PATIENCE),
        seed=1,
        sentinels=Sentinels(1),
    )
    assert verdict_of(await play(variant_of(text, catalogue), stage)) == verdict


# ── messages in flight ────────────────────────────────────────────────────────────────────────


async def test_a_message_in_flight_has_its_answer_after_settling(play_steps: Play) -> None:
    """The saved name is filled when the answer is there."""
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, wait: false}, save: m}",
        "{as: alice, settle: {}}",
        "{assert: {that: $m.seq, is: 1}}",
    )
    assert passed(played), played.findings


async def test_speaking_of_a_message_in_flight_is_the_scenarios_fault(play_steps: Play) -> None:
    """Nobody else is blamed, and the place is told."""
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, wait: false}, save: m}",
        "{assert: {that: $m.seq, is: 1}}",
    )
    assert played.findings == []
    assert played.fault is not None
    assert played.fault.startswith("scenario.yaml:13:5: `m` is the answer to a message")


async def test_a_message_cut_off_is_indeterminate_and_no_failure(
    play_steps: Play, world: World
) -> None:
    """It may have happened or not: both are right, so nothing is judged by it."""
    world.hold_answers = trio.Event()
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, wait: false}, save: m}",
        "{as: alice, drop: {}}",
        "{as: alice, settle: {}}",
        "{assert: {that: $m.indeterminate, is: true}}",
    )
    assert passed(played), played.findings


@pytest.mark.parametrize(
    ("refused", "outage", "right"),
    [
        ("unavailable", "{stop_server: {}}", True),
        ("unavailable", "{restart_server: {}}", True),
        ("unavailable", "{barrier: {}}", False),
        ("blocked", "{stop_server: {}}", False),
    ],
)
async def test_a_server_that_goes_may_refuse_what_is_in_flight_as_unavailable(
    play_steps: Play, world: World, refused: str, outage: str, *, right: bool
) -> None:
    """That is an answer that can be retried; any other refusal, or one by a server that stays, is not."""

    def refuse(_line: FakeConnection, entry: dict[str, Any]) -> list[dict[str, Any]]:
        if entry["body"]["text"] == "late":
            raise Refusal(refused, 503, {"code": refused})
        return [entry]

    world.deliver = refuse
    played = await play_steps(
        *CONNECTED,
        "{as: alice, send: {to: $chat, text: late, wait: false}, save: m}",
        outage,
        "{as: alice, settle: {}}",
        "{assert: {that: $m.refused, is: unavailable}}",
        needs="restart, stop",
    )
    assert passed(played) is right, played.findings


async def test_a_server_that_stops_closes_and_the_scenario_goes_on(play_steps: Play) -> None:
    """Its clients see why, and connect again."""
    played = await play_steps(
        *CONNECTED,
        "{stop_server: {}}",
        "{on: alice, expect: {closed: {code: 1012}}}",
        "{as: alice, reconnect: {}}",
        "{as: alice, send: {to: $chat}}",
        needs="stop",
    )
    assert passed(played), played.findings


async def test_a_message_refused_in_flight_fails_the_step_that_sent_it(play_steps: Play) -> None:
    """Although it is found out at the end."""
    played = await play_steps(
        "{as: alice, connect: {}}", "{as: alice, send: {to: nowhere, wait: false}}"
    )
    (finding,) = played.findings
    assert finding.path == ("steps", 1)
    assert finding.message == "it was refused with 404 unknown_conversation"


async def test_no_answer_at_all_fails_after_patience(
    play_steps: Play, world: World, autojump_clock: MockClock
) -> None:
    """A server that never answers a send breaks the promise at hand."""
    world.hold_answers = trio.Event()
    played = await play_steps(*CONNECTED, "{as: alice, send: {to: $chat}}")
    assert played.findings[0].message == "there is no answer: no answer to a send"
    assert not played.findings[0].inconclusive


async def test_running_out_of_patience_on_an_overloaded_host_is_inconclusive(
    play_steps: Play, world: World, autojump_clock: MockClock
) -> None:
    """The wait proves nothing when this process itself was not let run."""
    world.hold_answers = trio.Event()

    played = await play_steps(
        *CONNECTED, "{as: alice, send: {to: $chat}}", patience=OutOfBreath(PATIENCE)
    )
    assert played.findings[0].inconclusive
    assert played.findings[0].message.endswith("; the host was overloaded")


@pytest.mark.parametrize("overloaded", [False, True])
async def test_a_lost_connection_shows_a_missing_goodbye_unless_the_host_was_overloaded(
    play_steps: Play, autojump_clock: MockClock, overloaded: bool
) -> None:
    """The close frame may have come, and the reset behind it, while this process was not let run."""
    patience = OutOfBreath(PATIENCE) if overloaded else Patience(PATIENCE)
    played = await play_steps(
        *CONNECTED,
        "{as: alice, drop: {}}",
        "{on: alice, expect: {closed: {code: 1012}}}",
        patience=patience,
    )
    (finding,) = (each for each in played.findings if each.kind == "step")
    assert "did not come before the connection ended" in finding.message
    assert finding.inconclusive is overloaded


# ── before, after, and beside the steps ───────────────────────────────────────────────────────


async def test_the_same_seed_gives_the_same_names_and_finds_free_ones(
    adapter: FakeAdapter, world: World, play_steps: Play
) -> None:
    """A target that has seen the seed before is given the next names of the series."""
    first = await play_steps("{as: alice, connect: {}}")
    known = set(world.users)
    second = await play_steps("{as: alice, connect: {}}")
    assert passed(first)
    assert passed(second)
    assert len(world.users) == 2 * len(known)
    again = World()
    adapter.world = again
    await play_steps("{as: alice, connect: {}}")
    assert set(again.users) == known


async def test_checkers_judge_what_no_step_looked_at(play_steps: Play, world: World) -> None:
    """A message delivered twice breaks DLV-1 although no step asks for it."""
    world.deliver = lambda line, entry: (
        [entry, entry] if entry["conversation_id"] == "c1" else [entry]
    )
    played = await play_steps(*CONNECTED, "{as: alice, send: {to: $chat}}", check="delivery")
    assert {identity for finding in played.findings for identity in finding.requirements} == {
        "DLV-1"
    }
    assert all(finding.kind == "checker" for finding in played.findings)


async def test_a_target_that_is_gone_is_trouble_and_no_finding(
    play_steps: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said about a server that is not there."""

    def gone(*_args: object) -> None:
        raise TargetTrouble("nobody there")

    monkeypatch.setattr(World, "create", gone)
    played = await play_steps("{as: alice, connect: {}}")
    assert played.trouble == "nobody there"
    assert played.findings == []


@pytest.mark.parametrize(
    "step",
    [
        "{as: alice, send: {to: $chat, length: 1000000000000000000}}",
        "{as: alice, upload: {type: image/png, size: 1000000000000000000}}",
    ],
)
async def test_beyond_a_limit_that_no_machine_holds_nothing_is_tried(
    play_steps: Play, step: str
) -> None:
    """A target may advertise any limit: that is no error of the harness, and nobody is to blame."""
    played = await play_steps("{as: alice, connect: {}}", step, needs="media")
    assert played.fault is None
    assert played.findings == []
    assert played.not_shown is not None
    assert "1000000000000000000 is more than msgcheck sends at once" in played.not_shown


async def test_a_scenario_that_does_not_end_is_given_up_at_its_deadline(
    adapter: FakeAdapter, world: World, catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """The harness ends, whatever the server does, and blames nobody for the length of a scenario."""
    world.hold_answers = trio.Event()
    text = scenario(*CONNECTED, "{as: alice, send: {to: $chat}}", head=HEAD) + "deadline: 2\n"
    stage = Stage(
        adapter=adapter,
        target=Target(url="memory:", capabilities=frozenset(), limits={}),
        patience=Patience(PATIENCE),
        seed=1,
        sentinels=Sentinels(1),
    )
    played = await play(variant_of(text, catalogue), stage)
    assert played.findings[0].message == "the scenario did not end within its deadline of 2 s"
    assert played.findings[0].inconclusive


async def test_a_restart_cuts_connections_and_the_scenario_goes_on(
    adapter: FakeAdapter, catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """The server is killed and back, and its clients connect again."""
    head = HEAD.replace("actors:", "needs: [restart]\nactors:")
    text = scenario(
        *CONNECTED,
        "{restart_server: {}}",
        "{on: alice, expect: {closed: {code: 1006}}}",
        "{as: alice, reconnect: {}}",
        "{as: alice, send: {to: $chat}}",
        head=head,
    )
    restarts: list[float] = []

    async def restart() -> None:
        await trio.sleep(1)
        restarts.append(trio.current_time())

    stage = await stage_of(adapter, outages={"restart": restart})
    played = await play(variant_of(text, catalogue), stage)
    assert passed(played), played.findings
    assert len(restarts) == 1
