"""`msgcheck bench`: the table of the targets, with what this machine gives now.

It judges nobody: the exit status is 0 whatever the figures are, and 2 for a wrong command line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from .figures import Figure, Measure, Record, change, read_record, verdict
from .table import BENCHMARKS, FULL, QUICK, Size

DISTRIBUTION = "messenger-conformance"


def _read_old(
    _context: click.Context, _parameter: click.Parameter, file: Path | None
) -> Record | None:
    try:
        return None if file is None else read_record(file)
    except (ValueError, OSError) as wrong:
        raise click.BadParameter(str(wrong)) from wrong


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
    """
    if not sys.platform.startswith("linux"):
        raise click.UsageError("CPU time and memory are read from /proc, so this needs Linux.")
    figures: list[Figure] = []
    for name in only or BENCHMARKS:
        figures += _figures(name, runs, size)
    record = Record(version(DISTRIBUTION), size is QUICK, figures)
    if record_file is not None:
        record_file.write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
    console = Console()
    console.print(_table(record, old))
    if old is not None and old.quick != record.quick:
        console.print(
            "One of the two sittings was --quick: their loads differ, do not compare them."
        )


def _figures(name: str, runs: int, size: Size) -> Iterable[Figure]:
    """Run one benchmark as often as asked."""
    benchmark = BENCHMARKS[name]
    found = []
    for number in range(1, runs + 1):
        click.echo(f"{name}: run {number} of {runs}", err=True)
        found.append(benchmark.run(size))
    for measure in benchmark.measures:
        values = [values[measure.name] for values in found]
        yield Figure(measure.name, measure.unit, values)


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
            f"{figure.median:,.3g}" if figure.median < 100 else f"{figure.median:,.0f}",
            f"{figure.spread:.0%}",
            "" if measure.target is None else f"{measure.target:g}",
            measure.unit,
            verdict(measure, figure.median),
        ]
        before = None if old is None else old.find(figure.name)
        if before is not None:
            cells += [f"{before.median:,.3g}", change(measure, before, figure)]
        table.add_row(*cells)
    return table
