"""`msgcheck report`: a run's record, made into something to look at. Nothing is run again."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NoReturn

import click

from .formats import FORMATS, NoSuchForm, made
from .reading import Unreadable, read

STDOUT: Final = Path("-")


@click.command()
@click.argument("results", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option(
    "-f",
    "--format",
    "names",
    multiple=True,
    type=click.Choice(list(FORMATS)),
    default=("html",),
    show_default=True,
    help="What to make; may be given more than once.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where it goes, - for standard output. Default: beside RESULTS, under its usual name.",
)
def report(results: Path, names: tuple[str, ...], output: Path | None) -> None:
    """Make a report of a run: a page to look at, or a form for other programs.

    RESULTS is the results.json of `msgcheck run` or `msgcheck load`, the mutants.json of `msgcheck
    mutants`, or the folder that holds it.

    Exit status: 0 made; 2 the command line or RESULTS is wrong, or the report cannot be written.
    """
    if output is not None and len(names) > 1:
        raise click.UsageError("--output takes one --format; without it, each has its usual name.")
    try:
        record = read(results)
    except Unreadable as error:
        _refuse(str(error))
    folder = results if results.is_dir() else results.parent
    for name in dict.fromkeys(names):
        try:
            content = made(name, record)
        except NoSuchForm as error:
            _refuse(str(error))
        _put(content, output or folder / FORMATS[name].file)


def _put(content: bytes, file: Path) -> None:
    if file == STDOUT:
        click.echo(content, nl=False)
        return
    try:
        file.write_bytes(content)
    except OSError as error:
        _refuse(f"{file} cannot be written: {error.strerror}")
    click.echo(file)


def _refuse(why: str) -> NoReturn:
    click.echo(f"msgcheck: {why}", err=True)
    raise SystemExit(2)
