"""A latency budget: what a server must keep at which load. A page of YAML, read with its places.

The types are the language: the JSON Schema (`specs/budget.schema.json`) is made from them, and so is
every complaint about a file, with `file:line:column` and the closest valid key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from conformance.decoding import Complaint, decode
from conformance.positions import read
from conformance.problems import BadInput, unknown
from conformance.resources import BUDGETS

from .hops import HOPS, SPLIT, Hop
from .plan import Population
from .population import PAIR, SMALLEST_GROUP, GroupSizes
from .schedule import Arrivals, Load, Mix, Shape, Storm

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = r"^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$"
_RATE: Final = r"^([0-9]+(?:\.[0-9]+)?)/(s|m)$"
_PERCENTILE: Final = r"^p[0-9]{1,2}(\.[0-9]{1,3})?$|^max$"

Duration = Annotated[
    str,
    Meta(pattern=_DURATION, extra_json_schema={"description": "a duration, as 500ms, 10s or 5m"}),
]
Rate = Annotated[
    str, Meta(pattern=_RATE, extra_json_schema={"description": "a rate, as 200/s or 30/m"})
]
Percentile = Annotated[
    str, Meta(pattern=_PERCENTILE, extra_json_schema={"description": "p50, p99, p99.9 or max"})
]
Milliseconds = Annotated[float, Meta(gt=0, le=3_600_000)]
Count = Annotated[int, Meta(ge=0)]

MAX_USERS: Final = 100_000
MAX_RATE: Final = 50_000.0
"""Messages per second that a plan may have at its peak."""
MAX_SEALED: Final = 100_000
"""Encrypted messages of a run; they wait in memory, a kilobyte each."""
MAX_DURATION: Final = 7 * 24 * 3600.0
MAX_WAIT: Final = 3600.0
"""As long as a latency can be at most."""


class PopulationSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who there is, and who talks to whom: `pairs` or `groups`."""

    users: Annotated[int, Meta(ge=2, le=MAX_USERS)]
    pairs: Literal["random"] | None = None
    """Everybody has one partner."""
    groups: GroupSizes | None = None
    """Everybody is in one group; many are small, few are large."""
    devices: Annotated[int, Meta(ge=1, le=10)] = 1
    """Connected devices of each user."""
    text_bytes: Annotated[int, Meta(ge=1, le=16_384)] = 200
    """The length of a message."""
    read_after: Duration = "1s"
    """How long after a message came its reader says `read`."""
    prefill: Annotated[int, Meta(ge=0, le=10_000)] = 0
    """Entries that each conversation has before the load begins."""
    encrypted: bool = False
    """Whether conversations are end-to-end encrypted (Megolm, its keys inside Olm)."""
    asset_bytes: Annotated[int, Meta(ge=1, le=104_857_600)] = 100_000
    """The size of a file that is shared."""


class StormSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All connections are cut at once, without a close frame, and everybody connects again."""

    every: Duration
    within: Duration = "1s"
    """How long it takes until everybody has begun to connect, at random moments."""

    @property
    def planned(self) -> Storm:
        """The same in numbers."""
        return Storm(every=seconds(self.every), within=seconds(self.within))


class LoadSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is sent. The model is open: messages come as planned, whatever the server does."""

    rate: Rate
    """Messages sent, by all users together."""
    duration: Duration
    """What is measured."""
    warmup: Duration = "10s"
    """What goes before and is not measured."""
    model: Literal["open"] = "open"
    arrivals: Arrivals = "poisson"
    shape: Shape = "steady"
    mix: Mix = Mix(text=1)
    """What happens at an arrival."""
    storm: StormSpec | None = None
    """All connections are cut at once, again and again."""


class Correctness(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many deliveries may go wrong."""

    lost: Count = 0
    duplicated: Count = 0
    reordered: Count = 0
    history_mismatch: Count = 0
    asset_mismatch: Count = 0
    status_mismatch: Count = 0


class Errors(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many sends may fail, or stay without an answer."""

    ratio: Annotated[float, Meta(ge=0, le=1)] = 0.001


class GeneratorLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a run says nothing about the server, because the generator itself was late."""

    lag_p99_ms: Milliseconds = 5.0


Limits = dict[Percentile, Milliseconds]


class LatencyLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Milliseconds that a percentile of each hop may take, from the planned moment."""

    send_to_sent: Limits = {}
    """To the sender's `sent`."""
    sent_queue: Limits = {}
    """Of that, how long it waited at the server to be stored (capability `server_timing`)."""
    sent_commit: Limits = {}
    """Of that, how long storing it took."""
    sent_rest: Limits = {}
    """What remains: both ways, and the server's other work."""
    send_to_delivered: Limits = {}
    """To the message at each other device."""
    delivered_to_status: Limits = {}
    """From a recipient's `delivered` to the `status` at the sender."""
    read_to_status: Limits = {}
    """From a recipient's `read` to the `status` at the sender."""
    history_page: Limits = {}
    """To the answer with a page of the history."""
    media_upload: Limits = {}
    """To the answer that a file is stored; only then its message is sent."""
    media_download: Limits = {}
    """From a message with a file to the file, at each recipient."""
    connect_to_replayed: Limits = {}
    """From the planned moment of connecting again, after a storm, to the end of the replay."""

    def by_hop(self) -> dict[Hop, Limits]:
        """The limits of each hop, by percentile."""
        return {hop: getattr(self, hop) for hop in HOPS}


class Budget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a server must keep, at which load."""

    id: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    population: PopulationSpec
    load: LoadSpec
    latency_ms: LatencyLimits
    correctness: Correctness = Correctness()
    errors: Errors = Errors()
    generator: GeneratorLimits = GeneratorLimits()
    drain: Duration = "10s"
    """How long is waited at the end for what is on its way; what comes later is lost."""
    setup: Duration = "5m"
    """How long registering and connecting everybody may take."""

    @property
    def what_is_planned(self) -> Load:
        """The load in numbers."""
        return Load(
            rate=per_second(self.load.rate),
            warmup=seconds(self.load.warmup),
            duration=seconds(self.load.duration),
            shape=self.load.shape,
            arrivals=self.load.arrivals,
            mix=self.load.mix,
            storm=None if self.load.storm is None else self.load.storm.planned,
        )

    @property
    def highest_rate(self) -> float:
        """Messages per second that it can be planned with, by its shape and by what must be made ahead."""
        load = self.what_is_planned
        highest = MAX_RATE * load.rate / load.peak
        if self.population.encrypted:
            highest = min(highest, MAX_SEALED * load.rate / load.expected)
        return highest

    @property
    def needs(self) -> frozenset[str]:
        """The capabilities without which it cannot be run."""
        needed = {
            "groups": self.population.groups is not None,
            "media": self.load.mix.media > 0,
            "e2ee": self.population.encrypted,
            "server_timing": any(self.latency_ms.by_hop()[hop] for hop in SPLIT),
        }
        return frozenset(name for name, is_needed in needed.items() if is_needed)

    @property
    def people(self) -> Population:
        """The population in numbers."""
        spec = self.population
        return Population(
            users=spec.users,
            devices=spec.devices,
            groups=spec.groups,
            text_bytes=spec.text_bytes,
            asset_bytes=spec.asset_bytes,
            read_after=seconds(spec.read_after),
            prefill=spec.prefill,
            encrypted=spec.encrypted,
        )


def seconds(duration: str) -> float:
    """``500ms`` is 0.5. Raises `ValueError` for what is no duration."""
    return _number(_DURATION, duration, "a duration: 500ms, 10s, 5m or 1h")


def per_second(rate: str) -> float:
    """``30/m`` is 0.5. Raises `ValueError` for what is no rate."""
    found = re.match(_RATE, rate)
    if found is None:
        raise ValueError(f"`{rate}` is not a rate: 200/s or 30/m")
    return float(found[1]) / _UNITS[found[2]]


def _number(pattern: str, text: str, what: str) -> float:
    found = re.match(pattern, text)
    if found is None:
        raise ValueError(f"`{text}` is not {what}")
    return float(found[1]) * _UNITS[found[2]]


def percent(name: str) -> float:
    """``p99.9`` is 99.9, ``max`` is 100."""
    return 100.0 if name == "max" else float(name[1:])


def find(name: str) -> Path:
    """A budget file by its path, or a published one by its id. Raises `BadInput`."""
    if Path(name).is_file():
        return Path(name)
    published = {file.stem.replace("_", "-"): file for file in sorted(BUDGETS.glob("*.yaml"))}
    if name not in published:
        raise BadInput(f"--budget: there is no such file, and {unknown('budget', name, published)}")
    return published[name]


def load_budget(file: Path) -> Budget:
    """Read a budget. Raises `BadInput` with every mistake in it."""
    document = read(file)
    budget, problems = decode(document, Budget)
    if budget is not None:
        problems = [complaint.problem(document) for complaint in impossible(budget)]
    if budget is None or problems:
        raise BadInput("\n".join(map(str, problems)))
    return budget


def impossible(budget: Budget) -> Iterator[Complaint]:
    """What no run could be, though every value by itself is well formed."""
    yield from _impossible_people(budget.population)
    yield from _impossible_waits(budget)
    load = budget.what_is_planned
    if not 0 < load.duration <= MAX_DURATION:
        yield Complaint(("load", "duration"), "`duration` must be more than 0, and at most 7 days")
    if load.warmup > MAX_DURATION:
        yield Complaint(("load", "warmup"), "`warmup` must be at most 7 days")
    if not 0 < load.peak <= MAX_RATE:
        message = f"`rate` must be more than 0, and at most {MAX_RATE:g}/s at the peak of its shape"
        yield Complaint(("load", "rate"), message)
    elif load.rate * load.duration < 1:
        yield Complaint(("load", "rate"), "no message would be sent: raise `rate` or `duration`")
    if not load.mix.weights:
        yield Complaint(("load", "mix"), "`mix` needs an act with a weight above 0")
    if budget.population.encrypted:
        yield from _impossible_secrets(budget, load)
    if load.storm is not None and not 0 < load.storm.within < load.storm.every < load.end:
        message = "a storm needs 0 < within < every, and the first one must come before the end"
        yield Complaint(("load", "storm"), message)
    for hop, limits in budget.latency_ms.by_hop().items():
        ordered = sorted(limits, key=percent)
        for lower, higher in pairwise(ordered):
            if limits[lower] > limits[higher]:
                message = f"`{higher}` cannot be below `{lower}` ({limits[lower]:g} ms)"
                yield Complaint(("latency_ms", hop, higher), message)


def _impossible_waits(budget: Budget) -> Iterator[Complaint]:
    if not 0 < seconds(budget.setup) <= MAX_WAIT:
        yield Complaint(("setup",), "`setup` must be more than 0, and at most 1 hour")
    if seconds(budget.drain) > MAX_WAIT:
        yield Complaint(("drain",), "`drain` must be at most 1 hour")
    if seconds(budget.population.read_after) > MAX_WAIT:
        yield Complaint(("population", "read_after"), "`read_after` must be at most 1 hour")


def _impossible_secrets(budget: Budget, load: Load) -> Iterator[Complaint]:
    if load.mix.media or budget.population.prefill:
        message = (
            "`encrypted` goes with texts and reading alone: without media in `mix`, and `prefill`"
        )
        yield Complaint(("population", "encrypted"), message)
    if load.expected > MAX_SEALED:
        message = (
            f"`encrypted` messages are made before the run, {MAX_SEALED} at most, and these would be "
            f"{load.expected:.0f}: lower `rate` or `duration`"
        )
        yield Complaint(("population", "encrypted"), message)


def _impossible_people(people: PopulationSpec) -> Iterator[Complaint]:
    if (people.pairs is None) == (people.groups is None):
        yield Complaint(("population",), "`population` needs either `pairs` or `groups`")
    if people.pairs is not None and people.users % PAIR:
        message = f"`users` must be even for pairs, not {people.users}"
        yield Complaint(("population", "users"), message)
    sizes = people.groups
    if sizes is None:
        return
    if not 0 < sizes.share <= 1:
        message = "`share` must be more than 0, and at most 1"
        yield Complaint(("population", "groups", "share"), message)
    grouped = sizes.members(people.users)
    if not SMALLEST_GROUP <= sizes.smallest <= sizes.largest <= grouped:
        message = (
            f"`groups` needs {SMALLEST_GROUP} <= smallest <= largest <= users in groups, not "
            f"{sizes.smallest}, {sizes.largest} and {grouped}"
        )
        yield Complaint(("population", "groups"), message)
    if sizes.tail <= 0:
        yield Complaint(("population", "groups", "tail"), "`tail` must be more than 0")
