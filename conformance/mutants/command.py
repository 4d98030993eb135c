"""`msgcheck mutants`: the suite against each fault and against the healthy server."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

import click
import trio
from msgspec import Struct
from rich.console import Console

from reports.formats import FORMATS, made
from reports.model import Results
from reports.mutants_model import SCHEMA_VERSION, Control, Matrix, Promise, Scope, Trial, encode
from reports.reading import MATRIX

from ..catalogue import Catalogue, load_catalogue
from ..commanding import check_writable
from ..coverage import proved
from ..distribution import tool_version
from ..faults import Fault, choose_faults, known_faults
from ..loader import Variant
from ..options import (
    expression_option,
    jobs_option,
    patience_option,
    report_dir_option,
    selectors_argument,
)
from ..problems import BadInput
from ..selection import choose, selector_of
from ..speaking import console_of_a_run
from ..verdicts import CONFORMANT, HARNESS, NOT_CONFORMANT
from . import judging, showing
from .trials import Conditions, NoResults, Run, play_all


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be done: the faults to play, and the chosen variants."""

    known: tuple[Fault, ...]
    chosen: tuple[Fault, ...]
    variants: tuple[Variant, ...]
    scope: Scope
    selection: tuple[str, ...]
    """What the user chose; empty for everything."""

    @property
    def is_whole(self) -> bool:
        """Whether every fault meets every scenario that could kill it."""
        return self.chosen == self.known and not self.selection

    def run(self, fault: Fault | None) -> Run | None:
        """The run for a fault, or for the healthy server; None where there is nothing to play."""
        if fault is None or self.scope == "suite":
            return Run(fault=fault, selectors=_selectors(self.variants) if self.selection else [])
        provers = [
            each
            for each in self.variants
            if not set(fault.breaks).isdisjoint(proved(each.scenario))
        ]
        return Run(fault=fault, selectors=_selectors(provers)) if provers else None


def _selectors(variants: Iterable[Variant]) -> list[str]:
    return list(dict.fromkeys(map(selector_of, variants)))


@click.command()
@selectors_argument
@expression_option
@click.option("--fault", "names", multiple=True, metavar="NAME", help="Only this fault.")
@click.option(
    "--sample", type=click.IntRange(1), metavar="N", help="Only so many faults, drawn by the seed."
)
@click.option(
    "--scope",
    type=click.Choice(get_args(Scope)),
    default="suite",
    show_default=True,
    help="Play each fault against the whole suite, or only against what proves what it breaks.",
)
@jobs_option("Faults side by side.", default=2, most=64)
@patience_option
@report_dir_option(
    f"Where {MATRIX} and its page go, and a folder for each fault with the reports of its run.",
    default="msgcheck-mutants",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="What the sample, the runs and rare faults draw from.",
)
def mutants(
    selectors: tuple[str, ...],
    expression: str | None,
    names: tuple[str, ...],
    sample: int | None,
    scope: Scope,
    jobs: int,
    patience: float,
    report_dir: Path,
    seed: int,
) -> None:
    """Judge the suite: play it against each fault of the reference server, and against the healthy one.

    A fault is killed by an assertion or a checker of a requirement that it breaks, never by a crash or
    a timeout. SELECTORs are those of `msgcheck run`.

    Exit status: 0 all bars are met; 1 one is not; 2 the command line or a scenario file is wrong; 3
    a run gave no results.
    """
    catalogue = load_catalogue()
    known = known_faults()
    variants = choose(selectors, expression, catalogue)
    selection = (*selectors, *([f"-k {expression}"] if expression is not None else []))
    if names:
        candidates = choose_faults(names, known)
    else:
        candidates = _claimed(known, variants) if selection and scope == "proving" else known
    plan = Plan(
        known=known,
        chosen=_drawn(candidates, sample, seed),
        variants=variants,
        scope=scope,
        selection=selection,
    )
    conditions = Conditions(
        seed=seed, flight=16 // jobs or 1, patience=patience, report_dir=report_dir
    )
    check_writable(report_dir)
    console = console_of_a_run(highlight=False, markup=False, emoji=False)
    matrix = _judged(plan, catalogue, conditions, jobs, console)
    page = FORMATS["html"].file
    for name, content in ((MATRIX, encode(matrix)), (page, made("html", matrix))):
        _put(report_dir / name, content)
    showing.show(matrix, console, f"{report_dir}/ {MATRIX}, {page}")
    raise SystemExit(matrix.exit_status)


def _claimed(known: tuple[Fault, ...], variants: Iterable[Variant]) -> tuple[Fault, ...]:
    """The faults that some of the chosen scenarios claim to see. Raises `BadInput` if there are none."""
    claims = {name for each in variants for name in proved(each.scenario)}
    found = tuple(each for each in known if not claims.isdisjoint(each.breaks))
    if not found:
        raise BadInput(
            f"no fault breaks what these scenarios prove ({', '.join(sorted(claims))}): leave "
            "--scope out to play every fault against them"
        )
    return found


def _put(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        click.echo(f"msgcheck: {file} could not be written: {error.strerror}", err=True)
        raise SystemExit(HARNESS) from None


def _drawn(faults: tuple[Fault, ...], sample: int | None, seed: int) -> tuple[Fault, ...]:
    if sample is None or sample >= len(faults):
        return faults
    drawn = random.Random(seed).sample(range(len(faults)), sample)  # noqa: S311 - to be repeatable
    return tuple(faults[number] for number in sorted(drawn))


def _judged(
    plan: Plan, catalogue: Catalogue, conditions: Conditions, jobs: int, console: Console
) -> Matrix:
    """Do the runs and judge them. Raises `SystemExit` if the healthy server gave no results."""
    runs = [run for fault in (None, *plan.chosen) if (run := plan.run(fault)) is not None]
    progress = showing.Progress(console, len(runs))
    trials: dict[str, Trial] = {
        fault.name: judging.not_played(fault, "no scenario proves what it breaks")
        for fault in plan.chosen
        if plan.run(fault) is None
    }
    healthy: list[Results] = []

    def done(run: Run, outcome: Results | NoResults) -> None:
        if run.fault is None:
            if isinstance(outcome, NoResults):
                console.print(f"the healthy server: {outcome}", soft_wrap=True)
                return
            healthy.append(outcome)
            progress.control(judging.control_of(outcome))
            return
        trials[run.fault.name] = (
            judging.not_played(run.fault, str(outcome))
            if isinstance(outcome, NoResults)
            else judging.trial_of(run.fault, outcome)
        )
        progress.trial(trials[run.fault.name])

    began = time.monotonic()
    try:
        trio.run(play_all, runs, jobs, conditions, done)
    except* KeyboardInterrupt:
        kept = "holds what was played" if healthy else "is none without the healthy server"
        click.echo(f"msgcheck: interrupted: the matrix {kept}", err=True)
        for fault in plan.chosen:
            trials.setdefault(fault.name, judging.not_played(fault, "interrupted before its end"))
    if not healthy:
        raise SystemExit(HARNESS)
    return _matrix(
        plan,
        catalogue,
        conditions.seed,
        healthy[0],
        [trials[each.name] for each in plan.chosen],
        time.monotonic() - began,
    )


def _matrix(
    plan: Plan,
    catalogue: Catalogue,
    seed: int,
    healthy: Results,
    trials: Sequence[Trial],
    seconds: float,
) -> Matrix:
    control = judging.control_of(healthy)
    rows = judging.rows(dict.fromkeys(each.scenario.id for each in plan.variants), trials)
    whole = rows if plan.is_whole else None
    bars = judging.bars(catalogue, healthy.run.capabilities, plan.known, trials, whole, control)
    return Matrix(
        schema_version=SCHEMA_VERSION,
        kind="mutants",
        tool_version=tool_version(),
        seed=seed,
        scope=plan.scope,
        selection=list(plan.selection),
        killed=sum(each.verdict == "killed" for each in trials),
        faults=len(trials),
        false_alarms=len(control.false_alarms),
        control=control,
        requirements=[
            Promise(id=each.id, area=each.area, level=each.level, text=each.text)
            for each in healthy.requirements
        ],
        trials=list(trials),
        scenarios=rows,
        bars=bars,
        exit_status=_exit_status(trials, control, all(bar.met is not False for bar in bars)),
        seconds=round(seconds, 1),
    )


def _exit_status(trials: Sequence[Trial], control: Control, met: bool) -> Literal[0, 1, 3]:
    """A run without results, or scenarios that nobody can judge, leave the rest undecided."""
    if any(each.verdict == "not played" for each in trials) or control.unjudged:
        return HARNESS
    return CONFORMANT if met else NOT_CONFORMANT
