"""What a run gave, made into its record: judged, and written to the report folder."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import click
from msgspec import Struct

from reports import model as report
from reports.formats import BESIDE, FORMATS, made
from reports.reading import FILE

from .adapters.base import Target
from .baseline import Baseline, excuse, states
from .campaign import AGAIN
from .catalogue import Catalogue
from .coverage import proved
from .distribution import tool_version
from .loader import Variant
from .patience import PATIENCE
from .verdicts import HARNESS, judge_run, requirements


class Options(Struct, frozen=True, kw_only=True):
    """The command line, checked."""

    target: str | None
    selectors: tuple[str, ...]
    expression: str | None
    jobs: int
    adapter: str
    restart_command: str | None
    stop_command: str | None
    baseline: Path | None
    report_dir: Path
    seed: int
    strict: bool
    faults: tuple[str, ...] = ()
    patience: float = PATIENCE
    replay: int = AGAIN
    trace: Path | None = None


class Measured(Struct, frozen=True, kw_only=True):
    """What the playing gave."""

    scenarios: list[report.Scenario]
    target: Target
    started_at: str
    seconds: float
    interrupted: bool
    remark: str | None


def judge(
    options: Options,
    measured: Measured,
    variants: Sequence[Variant],
    catalogue: Catalogue,
    known: Baseline,
) -> report.Results:
    """The run as its results document."""
    scenarios = [excuse(scenario, known) for scenario in measured.scenarios]
    proofs = {variant.name: proved(variant.scenario) for variant in variants}
    judged = requirements(catalogue, scenarios, proofs, measured.target.capabilities)
    baseline = states(known, scenarios, judged)
    judgement = judge_run(scenarios, baseline, interrupted=measured.interrupted)
    return report.Results(
        schema_version=report.SCHEMA_VERSION,
        run=_facts(options, measured),
        verdict=judgement.verdict,
        exit_status=judgement.exit_status,
        reasons=[*judgement.reasons, *([measured.remark] if measured.remark else [])],
        totals=report.Totals(
            scenarios=_totals([each.verdict for each in scenarios]),
            requirements=_totals([each.verdict for each in judged]),
        ),
        requirements=judged,
        scenarios=scenarios,
        baseline=baseline,
    )


def _facts(options: Options, measured: Measured) -> report.Run:
    return report.Run(
        tool_version=tool_version(),
        target=measured.target.url,
        embedded=options.target is None,
        adapter=options.adapter,
        capabilities=sorted(measured.target.capabilities),
        selection=[*options.selectors, *_expression(options)],
        seed=options.seed,
        jobs=options.jobs,
        strict=options.strict,
        started_at=measured.started_at,
        seconds=round(measured.seconds, 3),
        platform=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        interrupted=measured.interrupted,
        faults=list(options.faults),
    )


def _expression(options: Options) -> list[str]:
    return [] if options.expression is None else [f"-k {options.expression}"]


def _totals(verdicts: Sequence[report.RequirementVerdict]) -> dict[str, int]:
    counted = Counter(verdicts)
    return {
        verdict: counted[verdict]
        for verdict in get_args(report.RequirementVerdict)
        if counted[verdict]
    }


def write(results: report.Results, folder: Path) -> list[str]:
    """Write the reports; answer their names. What cannot be written is told, not hidden."""
    written: list[str] = []
    for name, content in (
        (FILE, report.encode(results)),
        *((FORMATS[name].file, made(name, results)) for name in BESIDE),
    ):
        file = folder / name
        try:
            file.write_bytes(content)
        except OSError as error:
            click.echo(f"msgcheck: {file} could not be written: {error.strerror}", err=True)
            raise SystemExit(HARNESS) from None
        written.append(str(file))
    return written
