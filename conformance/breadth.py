"""How broad the suite is: every part of the published contract, with the scenarios that meet it.

The parts are what ``openapi.yaml`` and ``asyncapi.yaml`` name: operations, the statuses that each may
answer with, frame types by who writes them, close codes, error codes. Who meets them is measured, not
guessed from what scenarios say: a run notes for each scenario what came up on the wire while its steps
were played (`results.json`, `met`). To meet an operation is to be answered by it other than by a refusal.

A part that nothing met is a gap, unless it belongs to a capability that the target does not offer, or
``specs/exempt.yaml`` gives a reason why no scenario can bring it about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from reports import reading
from reports.model import Met, Results

from .contract import Contract
from .decoding import Complaint, decode
from .positions import read
from .problems import BadInput, unknown
from .resources import EXEMPT

REFUSED: Final = 400
"""Statuses from here on are refusals."""


class Exempt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`specs/exempt.yaml`: what need not be met, with the reasons; by kind, then by name or group."""

    routes: dict[str, str] = {}
    answers: dict[str, str] = {}
    frames: dict[str, str] = {}
    close_codes: dict[str, str] = {}
    error_codes: dict[str, str] = {}


class Part(Struct, frozen=True, kw_only=True):
    """One thing that the contract names."""

    name: str
    """``GET /v1.0/devices``, ``GET /v1.0/devices 401``, ``server sent``, ``4409``, ``unknown_user``."""
    capability: str | None = None
    """The optional capability that it belongs to."""
    group: str = ""
    """By what it can be exempted together with others: an answer's status. Most have none."""


class Excuse(Struct, frozen=True):
    """Why a part need not be met."""

    named: str
    """The part, or its group."""
    reason: str


class Row(Struct, frozen=True, kw_only=True):
    """A part, and what a run says of it."""

    part: Part
    scenarios: tuple[str, ...]
    """Ids of the scenarios that met it, in order."""
    excuse: Excuse | None = None

    @property
    def is_gap(self) -> bool:
        """Whether a scenario is missing."""
        return not self.scenarios and self.excuse is None


def parts(contract: Contract) -> dict[str, list[Part]]:
    """Everything that the contract names, by kind: the fields of `Exempt`."""
    return {
        "routes": [
            Part(name=each.name, capability=each.capability) for each in contract.operations
        ],
        "answers": [
            Part(name=f"{each.name} {status}", capability=each.capability, group=str(status))
            for each in contract.operations
            for status in each.answers
        ],
        "frames": [Part(name=each.name, capability=each.capability) for each in contract.frames],
        "close_codes": [Part(name=str(code)) for code in contract.close_codes],
        "error_codes": [
            Part(name=code, capability=contract.capability_of_code.get(code))
            for code in contract.statuses
        ],
    }


def measure(contract: Contract, results: Results, exempt: Exempt) -> dict[str, list[Row]]:
    """Every part of the contract with the scenarios of a run that met it, by kind."""
    met: dict[str, dict[str, dict[str, None]]] = {}
    for scenario in results.scenarios:
        for kind, name in _names(scenario.met):
            met.setdefault(kind, {}).setdefault(name, {})[scenario.id] = None
    offered = frozenset(results.run.capabilities)
    return {
        kind: [
            Row(
                part=part,
                scenarios=tuple(met.get(kind, {}).get(part.name, ())),
                excuse=_excuse(part, offered, getattr(exempt, kind)),
            )
            for part in group
        ]
        for kind, group in parts(contract).items()
    }


def load_exempt(contract: Contract, file: Path = EXEMPT) -> Exempt:
    """Read the exemptions. Raises `BadInput` with every mistake in them."""
    document = read(file)
    exempt, problems = decode(document, Exempt)
    if exempt is not None:
        problems = [each.problem(document) for each in _strangers(contract, exempt)]
    if exempt is None or problems:
        raise BadInput("\n".join(map(str, problems)))
    return exempt


def read_results(path: Path) -> Results:
    """The record of a conformance run, of a file or a report folder. Raises `BadInput`."""
    try:
        record = reading.read(path)
    except reading.Unreadable as error:
        raise BadInput(str(error)) from None
    if not isinstance(record, Results):
        raise BadInput(f"{path} is the record of a load run; breadth is measured by `msgcheck run`")
    return record


def _strangers(contract: Contract, exempt: Exempt) -> Iterator[Complaint]:
    for kind, group in parts(contract).items():
        known = dict.fromkeys(name for part in group for name in (part.name, part.group) if name)
        for name in getattr(exempt, kind):
            if name not in known:
                yield Complaint(
                    (kind, name), unknown(kind[:-1].replace("_", " "), name, known), "key"
                )


def _excuse(part: Part, offered: frozenset[str], reasons: Mapping[str, str]) -> Excuse | None:
    if part.capability is not None and part.capability not in offered:
        return Excuse(part.name, f"the target has no capability {part.capability}")
    names = (part.name, part.group)
    return next((Excuse(each, reasons[each]) for each in names if each in reasons), None)


def _names(met: Met) -> Iterable[tuple[str, str]]:
    """What was met, as kinds and names of parts."""
    yield from (("answers", answer) for answer in met.answers)
    for answer in met.answers:
        name, _, status = answer.rpartition(" ")
        if int(status) < REFUSED:
            yield "routes", name
    yield from (("frames", name) for name in met.frames)
    yield from (("close_codes", str(code)) for code in met.close_codes)
    yield from (("error_codes", code) for code in met.error_codes)
