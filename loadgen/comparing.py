"""`msgcheck compare A B`: the command around `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
import msgspec

from conformance.problems import BadInput, shown
from reports import load_model
from reports.differences import Difference
from reports.html import comparison

from .compare import LEVEL, Incomparable
from .compare import compare as differences_of

SLOWER: Final = 1
BUSIER: Final = 1.5
"""From how many times the lag on a machine is called busier; a slower server alone does not make it rise."""


@click.command()
@click.argument("before", type=click.Path(path_type=Path), metavar="A")
@click.argument("after", type=click.Path(path_type=Path), metavar="B")
@click.option(
    "--html",
    "picture",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Lay the two runs over each other in a page.",
)
def compare(before: Path, after: Path, picture: Path | None) -> None:
    """Tell whether load run B is slower than load run A.

    A and B are report folders, or their results.json. Differences inside the noise are not reported as
    differences.

    Exit status: 0 not slower; 1 slower; 2 the runs cannot be compared.
    """
    runs = _load(before), _load(after)
    try:
        found = differences_of(*runs)
    except Incomparable as error:
        raise BadInput(str(error)) from None
    if picture is not None:
        _put(picture, comparison.render(*runs, found))
    click.echo(f"{'hop':<22}{'':<6}{'A, ms':>10}{'B, ms':>10}   {LEVEL:.0%} interval of B - A")
    for each in found:
        click.echo(_line(each))
    slower = [each for each in found if each.verdict == "slower"]
    faster = [each for each in found if each.verdict == "faster"]
    click.echo("")
    if slower and (doubt := busier(*runs)):
        click.echo(doubt)
    click.echo(
        f"B is slower in {_named(slower)}"
        if slower
        else f"B is faster in {_named(faster)}"
        if faster
        else "no difference shown"
    )
    raise SystemExit(SLOWER if slower else 0)


def busier(before: load_model.LoadResults, after: load_model.LoadResults) -> str | None:
    """A word about the machine, if the generator itself was much later in the second run."""
    first, second = before.generator.lag_p99, after.generator.lag_p99
    if second <= BUSIER * first:
        return None
    return (
        f"the generator, too, was later in B (lag p99 {first:g} and {second:g} ms): the machine may have "
        "been busier. Measure both again, by turns"
    )


def _put(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{shown(file)} cannot be written: {error.strerror}") from None


def _load(path: Path) -> load_model.LoadResults:
    file = path / "results.json" if path.is_dir() else path
    try:
        return load_model.load(file)
    except OSError as error:
        raise BadInput(f"{shown(file)}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise BadInput(f"{shown(file)}: no record of a load run: {error}") from None


def _line(each: Difference) -> str:
    interval = f"{each.low:+.2f} … {each.high:+.2f}"
    told = "" if each.verdict == "no difference shown" else f"  {each.verdict}"
    return (
        f"{each.hop:<22}{each.percentile:<6}{each.before:>10.2f}{each.after:>10.2f}   "
        f"{interval}{told}"
    )


def _named(differences: list[Difference]) -> str:
    return ", ".join(f"{each.hop} {each.percentile}" for each in differences)
