"""A run becomes its record, `results.json`, and the reports that are made from it."""

from __future__ import annotations

import platform
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from conformance.distribution import tool_version
from reports import load_model as report
from reports.formats import BESIDE, FORMATS, made
from reports.reading import FILE

from .budgets import Budget
from .gathering import Gathering
from .hops import HOPS
from .judging import judge
from .plan import Plan
from .wire import Trouble


class Measured(Struct, frozen=True, kw_only=True):
    """A run that is over, however it ended."""

    budget: Budget
    plan: Plan
    gathered: Gathering
    embedded: bool
    started_at: datetime
    seconds: float
    trouble: Trouble | None = None
    interrupted: bool = False


def results(measured: Measured) -> report.LoadResults:
    """The run as its document."""
    gathered = measured.gathered
    warmup, end = measured.plan.load.warmup, measured.plan.load.end
    judgement = judge(measured.budget, gathered, measured.trouble, interrupted=measured.interrupted)
    return report.LoadResults(
        schema_version=report.SCHEMA_VERSION,
        kind="load",
        run=_facts(measured),
        verdict=judgement.verdict,
        exit_status=judgement.exit_status,
        reasons=judgement.reasons,
        checks=judgement.checks,
        hops=[
            report.HopResult(
                hop=hop,
                count=gathered.corrected[hop].count,
                corrected=gathered.corrected[hop].percentiles(),
                waiting=gathered.waiting[hop].percentiles(),
                curve=gathered.corrected[hop].curve(),
                waiting_curve=gathered.waiting[hop].curve(),
                histogram=gathered.corrected[hop].encoded(),
            )
            for hop in HOPS
            if gathered.corrected[hop].count
        ],
        counts=report.LoadCounts(**msgspec.structs.asdict(gathered.counts)),
        causes=gathered.causes.counts,
        generator=report.GeneratorResult(
            lag_p50=gathered.lag.ms(50),
            lag_p99=gathered.lag.ms(99),
            lag_max=gathered.lag.max_ms,
            cpu_seconds=round(gathered.cpu, 3),
            cpu_us_per_message=round(gathered.cost(warmup, end) * 1e6, 1),
            reading_back_cpu_seconds=round(gathered.reading_back_cpu, 3),
            lag_limit=measured.budget.generator.lag_p99_ms,
        ),
        seconds=gathered.series(),
    )


def write(results: report.LoadResults, folder: Path) -> list[str]:
    """Write the reports; their names. Raises `OSError`."""
    written = []
    for name, content in (
        (FILE, report.encode(results)),
        *((FORMATS[form].file, made(form, results)) for form in BESIDE),
    ):
        (folder / name).write_bytes(content)
        written.append(str(folder / name))
    return written


def _facts(measured: Measured) -> report.LoadRun:
    budget, plan = measured.budget, measured.plan
    talks = plan.population.talks(plan.seed)
    return report.LoadRun(
        tool_version=tool_version(),
        target=plan.url,
        embedded=measured.embedded,
        budget=budget.id,
        title=budget.title,
        seed=plan.seed,
        users=plan.population.users,
        devices=plan.population.users * plan.population.devices,
        conversations=len(talks),
        processes=plan.processes,
        rate=plan.load.rate,
        arrivals=plan.load.arrivals,
        shape=plan.load.shape,
        warmup=plan.load.warmup,
        duration=plan.load.duration,
        started_at=measured.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        seconds=round(measured.seconds, 3),
        platform=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        interrupted=measured.interrupted,
    )
