"""The command `msgcheck`.

Each command imports what it needs when it runs, so that ``msgcheck --help`` is there at once; ``run``
and ``report`` live in modules of their own. A `BadInput` that reaches the group is the user's to mend:
its text goes to stderr and the exit status is 2, like click's own for a wrong command line.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from reports.text import count

from .distribution import DISTRIBUTION
from .problems import BadInput, unknown
from .speaking import prepare

if TYPE_CHECKING:
    from .breadth import Row
    from .loader import Variant

_ELSEWHERE: Final = {
    "run": ("conformance.run", "Play scenarios against a server, and judge it."),
    "report": ("reports.cli", "Make a report of a run: a page to look at, and others."),
    "load": ("loadgen.cli", "Load a server, and judge it by a latency budget."),
    "bench": ("benchmarks.cli", "Measure what the reference server costs on this machine."),
    "compare": ("loadgen.comparing", "Tell whether one load run is slower than another."),
    "mutants": ("conformance.mutants.command", "Judge the suite: does it catch broken servers?"),
    "explore": ("conformance.explore.command", "Play scenarios that nobody wrote."),
}
"""Commands that are imported only when they are called: module (the attribute has the command's
name) and the line that ``--help`` shows."""


_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What the system says where there is no room for what is printed."""


class _Commands(click.Group):
    """A group that imports commands late and reports bad input."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_ELSEWHERE, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        command = getattr(import_module(_ELSEWHERE[cmd_name][0]), cmd_name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, line) for name, (_, line) in _ELSEWHERE.items()]
        for name in super().list_commands(ctx):
            command = super().get_command(ctx, name)
            if command is not None:
                rows.append((name, command.get_short_help_str(60)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(unknown("command", args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        prepare()
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            click.echo(f"msgcheck: it could not be written: {error.strerror}", err=True)
            ctx.exit(2)
        except BadInput as error:
            click.echo(f"msgcheck: {error}" if "\n" not in str(error) else str(error), err=True)
            ctx.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=DISTRIBUTION, prog_name="msgcheck")
def main() -> None:
    """Tell whether a chat server keeps the promises of the Messenger API."""


_selectors = click.argument("selectors", nargs=-1, metavar="[SELECTOR]...")
_expression = click.option(
    "-k", "expression", metavar="EXPR", help="Words with `and`, `or`, `not`, as in pytest."
)
_form = click.option("--json", "form", flag_value="json", default="text", help="For programs.")


@main.command("list")
@_selectors
@_expression
@_form
def list_(selectors: tuple[str, ...], expression: str | None, form: str) -> None:
    """Show scenarios: id, title, what they prove.

    A SELECTOR is a file or folder, a scenario's id or its beginning up to a dot, a requirement's id,
    or a tag.
    """
    from . import listing
    from .catalogue import load_catalogue
    from .selection import choose

    listing.SCENARIOS[form](choose(selectors, expression, load_catalogue()))


@main.command()
@click.argument("name", metavar="ID")
def explain(name: str) -> None:
    """Tell what a requirement demands, or what a scenario does.

    ID is a requirement's (`ORD-4`), with its text, level, source and the scenarios that prove it, or
    a scenario's (`ordering.one-order`).
    """
    from . import listing
    from .catalogue import load_catalogue

    listing.explain(name, load_catalogue(), _published())


@main.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
def lint(paths: tuple[Path, ...]) -> None:
    """Check scenario files, and show every mistake with its place.

    PATH is a file or folder; without one, the published scenarios are checked.
    """
    from .catalogue import load_catalogue
    from .loader import load_tree
    from .resources import SCENARIOS

    loaded = load_tree(paths or (SCENARIOS,), load_catalogue())
    for problem in loaded.problems:
        click.echo(problem)
    scenarios = len({variant.scenario.id for variant in loaded.variants})
    good = f"{count(scenarios, 'scenario')} right ({count(len(loaded.variants), 'variant')})"
    if loaded.problems:
        files = len({problem.file for problem in loaded.problems})
        bad = f"{count(len(loaded.problems), 'problem')} in {count(files, 'file')}"
        click.echo(f"{bad}; {good}", err=True)
        sys.exit(2)
    click.echo(good)


@main.command()
@click.option(
    "--results",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="A run's results.json, or its folder: what it met of the contract.",
)
@_form
def coverage(results: Path | None, form: str) -> None:
    """Show which scenarios prove which requirement.

    With --results, also which scenarios of that run met which route, frame type, close code and error
    code of the contract. Whatever has no scenario is an error: exit status 1.
    """
    from . import listing
    from .catalogue import load_catalogue
    from .coverage import cover

    shown = listing.Coverage(
        requirements=cover(load_catalogue(), _published()),
        contract={} if results is None else _met_by(results),
    )
    listing.COVERAGE[form](shown)
    if form == "text" and results is None:
        hint = "routes, frames and codes: msgcheck coverage --results msgcheck-report"
        click.echo(hint, err=True)
    if not shown.is_whole:
        sys.exit(1)


@main.command()
@_form
def faults(form: str) -> None:
    """Show the faults that the reference server can be given, with the requirements that they break."""
    from . import listing
    from .faults import known_faults

    listing.FAULTS[form](known_faults())


@main.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="Run the reference server.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> NoReturn:
    """Run the reference server in place of this process; it has its own options and exit status."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "reference_server", *arguments])  # noqa: S606


def _met_by(file: Path) -> dict[str, list[Row]]:
    from .breadth import load_exempt, measure, read_results
    from .contract import published

    contract = published()
    return measure(contract, read_results(file), load_exempt(contract))


def _published() -> tuple[Variant, ...]:
    from .resources import SCENARIOS
    from .selection import load

    return load([SCENARIOS])
