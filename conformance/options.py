"""Options and arguments that several commands have, each of them worded, bounded and checked once.

What differs from command to command is an argument here: a default, a bound, a help text. An option that
only one command has stands with that command. `cli`, whose commands play nothing, keeps its own: it imports
nothing heavy, so that ``msgcheck --help`` is there at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any, TypeVar

import click

from .commanding import target_url
from .patience import PATIENCE

Command = TypeVar("Command", bound=Callable[..., Any])


class Seconds(click.FloatRange):
    """A time in seconds within a range; ``nan`` is below and above nothing, and no time."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds. Raises `click.BadParameter`."""
        seconds: float = super().convert(value, param, ctx)
        if isnan(seconds):
            self.fail(f"{value!r} is no number of seconds.", param, ctx)
        return seconds


SEEDS = 1_000_000
"""How many seeds there are to draw from; short ones are easier to repeat."""

selectors_argument = click.argument("selectors", nargs=-1, metavar="[SELECTOR]...")
"""Which scenarios; see `selection.choose`."""

target_option = click.option(
    "--target", metavar="URL", callback=target_url, help="The server under test."
)
"""Where the server is; None: one is started."""

patience_option = click.option(
    "--patience",
    default=PATIENCE,
    show_default=True,
    type=Seconds(0.1, 600),
    metavar="SECONDS",
    help="How long to wait for what must come.",
)
"""Seconds that a wait lasts, for every command that plays scenarios."""


expression_option = click.option(
    "-k", "expression", metavar="EXPR", help="Only what matches, as in pytest."
)
"""Which of them; see `selection.parse_expression`."""


def jobs_option(explained: str, *, default: int, most: int) -> Callable[[Command], Command]:
    """How much is done side by side."""
    return click.option(
        "--jobs",
        default=default,
        show_default=True,
        type=click.IntRange(1, most),
        metavar="N",
        help=explained,
    )


def report_dir_option(explained: str, *, default: str) -> Callable[[Command], Command]:
    """The folder for what a command writes, as a `Path`."""
    return click.option(
        "--report-dir",
        metavar="DIR",
        type=click.Path(path_type=Path),
        default=Path(default),
        show_default=True,
        help=explained,
    )


def seed_option(explained: str) -> Callable[[Command], Command]:
    """A seed that is drawn where none is given, so the command always has one."""
    return click.option(
        "--seed",
        type=click.IntRange(0),
        metavar="N",
        callback=_drawn,
        help=f"{explained} Default: drawn, and reported.",
    )


def _drawn(_context: click.Context, _option: click.Parameter, value: int | None) -> int:
    return secrets.randbelow(SEEDS) if value is None else value
