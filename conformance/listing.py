"""What `list`, `explain` and `coverage` print: for people in 80 columns, for programs as JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.text import Text

from reports.text import count

from . import breadth
from .catalogue import Area, Catalogue, Requirement
from .coverage import Row, claims, proved, scenarios_of
from .faults import Fault
from .loader import Variant
from .problems import BadInput, closest, shown

FEW: Final = 3
"""Scenarios that are named beside a part of the contract; of more, the number."""


class Coverage(Struct, frozen=True, kw_only=True):
    """What `coverage` has to show."""

    requirements: Sequence[tuple[Area, list[Row]]]
    contract: Mapping[str, list[breadth.Row]] = {}
    """Parts of the contract by kind; empty without the results of a run."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is without a scenario."""
        proved = all(row.scenarios for _, rows in self.requirements for row in rows)
        return proved and not any(row.is_gap for rows in self.contract.values() for row in rows)


def _console() -> Console:
    """Colours on a terminal, plain text in 80 columns elsewhere; brackets are no markup."""
    return Console(highlight=False, markup=False, emoji=False)


def _indented(console: Console, text: str, style: str = "", by: int = 2) -> None:
    _hanging(console, " " * by, Text(text, style))


def _hanging(console: Console, lead: str, text: Text) -> None:
    """Print `text` wrapped behind `lead`, its further lines below its first."""
    lines = text.wrap(console, max(console.width - len(lead), 20))
    for number, line in enumerate(lines):
        line.rstrip()
        console.print(Text.assemble(lead if number == 0 else " " * len(lead), line))


def _print_json(value: Any) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


# ── list ──────────────────────────────────────────────────────────────────────────────────────


def _scenarios_text(variants: Iterable[Variant]) -> None:
    console = _console()
    by_id = scenarios_of(variants)
    for name, group in by_id.items():
        scenario = group[0].scenario
        console.print(Text.assemble((name, "bold"), "  ", (", ".join(proved(scenario)), "cyan")))
        _indented(console, scenario.title)
        if group[0].params:
            _indented(console, " ".join(each.name.removeprefix(name) for each in group), "dim")
    variant_count = sum(map(len, by_id.values()))
    console.print(f"{count(len(by_id), 'scenario')}, {count(variant_count, 'variant')}")


def _scenarios_json(variants: Iterable[Variant]) -> None:
    _print_json(
        [
            {
                "id": name,
                "title": group[0].scenario.title,
                "proves": proved(group[0].scenario),
                "needs": group[0].scenario.needs,
                "tags": group[0].scenario.tags,
                "file": shown(group[0].file),
                "variants": [variant.name for variant in group],
            }
            for name, group in scenarios_of(variants).items()
        ]
    )


SCENARIOS: Final[dict[str, Callable[[Iterable[Variant]], None]]] = {
    "text": _scenarios_text,
    "json": _scenarios_json,
}
"""How scenarios are printed, by form."""


# ── explain ───────────────────────────────────────────────────────────────────────────────────


def explain(name: str, catalogue: Catalogue, variants: Sequence[Variant]) -> None:
    """Print what a requirement demands or what a scenario does. Raises `BadInput` for neither."""
    by_id = scenarios_of(variants)
    if name in catalogue.requirements:
        _explain_requirement(catalogue.requirements[name], catalogue, variants)
    elif name in by_id:
        _explain_scenario(by_id[name], catalogue)
    else:
        near = closest(name, (*catalogue.requirements, *by_id))
        hint = f"did you mean `{near}`?" if near else "`msgcheck coverage` shows the requirements"
        raise BadInput(f"`{name}` is no requirement and no scenario that is known here: {hint}")


def _explain_requirement(
    requirement: Requirement, catalogue: Catalogue, variants: Sequence[Variant]
) -> None:
    console = _console()
    console.print(Text.assemble((requirement.id, "bold"), f"  {requirement.level}"))
    _indented(console, requirement.text)
    console.print(f"Source: {catalogue.contract}, {requirement.source}")
    if requirement.capability is not None:
        console.print(
            f"Needs the capability `{requirement.capability}`; not applicable without it."
        )
    provers = {
        name: group[0]
        for name, group in scenarios_of(variants).items()
        if requirement.id in proved(group[0].scenario)
    }
    if not provers:
        console.print("No scenario proves it yet.")
        return
    console.print(f"Proved by {count(len(provers), 'scenario')}:")
    for name, variant in provers.items():
        _indented(console, name, "bold")
        _indented(console, variant.scenario.title, by=4)
        for claim in claims(variant.scenario):
            if claim.requirement == requirement.id:
                # In one piece, to be clicked on or copied.
                console.print(Text(f"    {variant.where(claim.path)}", "dim"), soft_wrap=True)


def _explain_scenario(group: Sequence[Variant], catalogue: Catalogue) -> None:
    console = _console()
    scenario = group[0].scenario
    console.print(Text(scenario.id, "bold"))
    _indented(console, scenario.title)
    console.print(f"File: {shown(group[0].file)}", soft_wrap=True)
    if scenario.needs:
        console.print(f"Needs: {', '.join(scenario.needs)}")
    if group[0].params:
        console.print("Variants:")
        for variant in group:
            _indented(console, variant.name)
    console.print("Proves:")
    for name in proved(scenario):
        _indented(console, f"{name}  {catalogue.requirements[name].text}")


# ── coverage ──────────────────────────────────────────────────────────────────────────────────


def _coverage_text(coverage: Coverage) -> None:
    console = _console()
    for area, rows in coverage.requirements:
        console.print(Text(f"{area.title} ({area.prefix})", "bold"))
        for row in rows:
            _covered(console, f"{row.requirement.id:<8}", row.scenarios)
    for kind, parts in coverage.contract.items():
        console.print(Text(_words(kind).capitalize(), "bold"))
        width = max(len(each.part.name) for each in parts)
        for each in parts:
            if each.scenarios or each.is_gap:
                _covered(console, f"{each.part.name:<{width}}", each.scenarios, FEW)
        for reason, names in _excused(parts).items():
            _hanging(console, "  –  ", Text(f"{', '.join(names)}: {reason}", "dim"))
    rows = [row for _, group in coverage.requirements for row in group]
    missing = [row.requirement.id for row in rows if not row.scenarios]
    _told(console, len(rows), "requirements have a scenario", missing)
    for kind, parts in coverage.contract.items():
        due = [each for each in parts if each.scenarios or each.excuse is None]
        gaps = [each.part.name for each in parts if each.is_gap]
        _told(console, len(due), f"{_words(kind)} were met", gaps)


def _covered(
    console: Console,
    name: str,
    scenarios: Sequence[str],
    most: int | None = None,
) -> None:
    """One line for what is covered, or two where its name is long."""
    lead = f"  {name} {len(scenarios) or '–':>3}  "
    if len(lead) > console.width // 2:
        console.print(f"  {name}".rstrip())
        lead = f"      {len(scenarios) or '–':>3}  "
    named = ", ".join(scenarios[:most])
    if len(scenarios) > len(scenarios[:most]):
        named += f" and {len(scenarios) - len(scenarios[:most])} more"
    _hanging(console, lead, Text(named) if named else Text("no scenario", "red"))


def _told(console: Console, total: int, words: str, missing: Sequence[str]) -> None:
    console.print(f"{total - len(missing)} of {total} {words}.")
    if missing:
        _hanging(console, "Without one: ", Text(", ".join(missing)))


def _excused(parts: Iterable[breadth.Row]) -> dict[str, list[str]]:
    """What nothing met and need not be met, by the reason."""
    names: dict[str, dict[str, None]] = {}
    for each in parts:
        if not each.scenarios and each.excuse is not None:
            names.setdefault(each.excuse.reason, {})[each.excuse.named] = None
    return {reason: list(named) for reason, named in names.items()}


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _coverage_json(coverage: Coverage) -> None:
    requirements = [
        {
            "id": row.requirement.id,
            "area": area.title,
            "level": row.requirement.level,
            "capability": row.requirement.capability,
            "scenarios": row.scenarios,
        }
        for area, rows in coverage.requirements
        for row in rows
    ]
    contract = {
        kind: [
            {
                "name": each.part.name,
                "capability": each.part.capability,
                "scenarios": each.scenarios,
                "excuse": each.excuse and each.excuse.reason,
            }
            for each in parts
        ]
        for kind, parts in coverage.contract.items()
    }
    _print_json({"requirements": requirements, **contract})


COVERAGE: Final[dict[str, Callable[[Coverage], None]]] = {
    "text": _coverage_text,
    "json": _coverage_json,
}
"""How coverage is printed, by form."""


# ── faults ────────────────────────────────────────────────────────────────────────────────────


def _faults_text(faults: Sequence[Fault]) -> None:
    console = _console()
    for each in faults:
        console.print(Text.assemble((each.name, "bold"), "  ", (", ".join(each.breaks), "cyan")))
        _indented(console, each.shows)
    console.print(f"{count(len(faults), 'fault')}; run one with `msgcheck serve --fault NAME`")


FAULTS: Final[dict[str, Callable[[Sequence[Fault]], None]]] = {
    "text": _faults_text,
    "json": _print_json,
}
"""How faults are printed, by form."""
