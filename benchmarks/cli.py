"""`msgcheck bench`: the table of the targets, with what this machine gives now.

It judges nobody: the exit status is 0 whatever the figures are, 2 for a wrong command line, and 3 where
not everything could be measured, because it was interrupted or something failed. What had been measured
by then is told and written all the same.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from conformance.distribution import tool_version

from .figures import Figure, Measure, Record, change, read_record, shown, verdict
from .serving import NotMeasured
from .table import BENCHMARKS, FULL, QUICK, Size, Values

NOT_WHOLE = 3
WIDTH_IN_A_FILE = 120
"""Columns, where no terminal tells its own: a line for each figure."""


def _read_old(
    _context: click.Context, _parameter: click.Parameter, file: Path | None
) -> Record | None:
    try:
        return None if file is None else read_record(file)
    except (ValueError, OSError) as wrong:
        raise click.BadParameter(str(wrong)) from wrong


def _check_folder(
    _context: click.Context, _parameter: click.Parameter, file: Path | None
) -> Path | None:
    """Find out before minutes of measuring whether the record can be written."""
    if file is not None and not os.access(file.parent, os.W_OK):
        raise click.BadParameter(f"{file.parent} is no folder that can be written to")
    return file


@click.command()
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(BENCHMARKS)),
    help="Only this one; as often as wanted.",
)
@click.option(
    "--runs",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="How often each is run; the median is told.",
)
@click.option(
    "--quick",
    "size",
    flag_value=QUICK,
    default=FULL,
    type=click.UNPROCESSED,
    help="Small and short, to see that they work: the figures say little.",
)
@click.option(
    "--json",
    "record_file",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    callback=_check_folder,
    metavar="FILE",
    help="Write all figures there, for --compare.",
)
@click.option(
    "--compare",
    "old",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    callback=_read_old,
    metavar="FILE",
    help="Show beside them what an earlier --json has.",
)
def bench(
    only: tuple[str, ...], runs: int, size: Size, record_file: Path | None, old: Record | None
) -> None:
    """Measure what the reference server costs here, against the targets.

    CPU time is the operating system's, of the whole server process, and hardly depends on what else the
    machine does; latencies, rates and times do.

    Ctrl-C ends it early: what has been measured is shown and written, with exit status 3.
    """
    if not sys.platform.startswith("linux"):
        raise click.UsageError("CPU time and memory are read from /proc, so this needs Linux.")
    with _ctrl_c_by_another_name():
        figures, trouble = _sitting(only or tuple(BENCHMARKS), runs, size)
    if figures:
        _tell(Record(tool_version(), size is QUICK, figures), record_file, old)
    if trouble is not None:
        click.echo(f"msgcheck: {trouble}", err=True)
        raise SystemExit(NOT_WHOLE)


@contextmanager
def _ctrl_c_by_another_name() -> Iterator[None]:
    """SIGTERM ends the sitting as Ctrl-C does."""
    before = signal.signal(
        signal.SIGTERM, lambda _number, _frame: signal.raise_signal(signal.SIGINT)
    )
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _sitting(names: Iterable[str], runs: int, size: Size) -> tuple[list[Figure], str | None]:
    """What the benchmarks gave, and why not all of them were run as often as asked, if so."""
    figures: list[Figure] = []
    for name in names:
        found: list[Values] = []
        trouble: str | None = None
        try:
            for number in range(1, runs + 1):
                click.echo(f"{name}: run {number} of {runs}", err=True)
                found.append(BENCHMARKS[name].run(size))
        except* NotMeasured as failures:
            trouble = f"{name}: {_first(failures)}"
        except* KeyboardInterrupt:
            trouble = f"interrupted in {name}; runs that had ended are told"
        figures += _figures(name, found)
        if trouble is not None:
            return figures, trouble
    return figures, None


def _figures(name: str, found: Sequence[Values]) -> Iterator[Figure]:
    """The figures of one benchmark, by its runs; none if there were none."""
    for measure in BENCHMARKS[name].measures if found else ():
        yield Figure(measure.name, measure.unit, [values[measure.name] for values in found])


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _tell(record: Record, record_file: Path | None, old: Record | None) -> None:
    if record_file is not None:
        record_file.write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_IN_A_FILE)
    console.print(_table(record, old))
    if record.quick:
        console.print("The targets are for the whole size, not for --quick.")
    if old is not None and old.quick != record.quick:
        console.print(
            "One of the two sittings was --quick: their loads differ, do not compare them."
        )


_MEASURES: dict[str, Measure] = {
    measure.name: measure for each in BENCHMARKS.values() for measure in each.measures
}


def _table(record: Record, old: Record | None) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("what")
    for title in ("median", "spread", "target"):
        table.add_column(title, justify="right")
    table.add_column("unit")
    table.add_column("")
    if old is not None:
        table.add_column("before", justify="right")
        table.add_column("change")
    for figure in record.figures:
        measure = _MEASURES[figure.name]
        cells = [
            measure.title,
            shown(figure.median),
            f"{figure.spread:.0%}",
            "" if measure.target is None else f"{measure.target:g}",
            measure.unit,
            "" if record.quick else verdict(measure, figure.median),
        ]
        before = None if old is None else old.find(figure.name)
        if before is not None:
            cells += [shown(before.median), change(measure, before, figure)]
        table.add_row(*cells)
    return table
