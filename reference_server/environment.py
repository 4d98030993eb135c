"""Options from the environment, and complaints that say where a wrong value came from.

Every option may be given as a variable, ``MSGCHECK_SERVE_`` and its name. A variable with that prefix
which no option reads ends the start with status 2, as an unknown key of the configuration file does and
for the same reason: who misspells ``MSGCHECK_SERVE_METRICS_TOKEN`` believes the figures to be protected. A
warning would stand at the head of a log that nobody reads while the server seems to work.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches

import click
from click.core import ParameterSource

from .config import Config

PREFIX = "MSGCHECK_SERVE"
_HEAD = f"{PREFIX}_"


class ConfiguredCommand(click.Command):
    """A command whose options may also stand in the environment and in a file."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, name the source of what is wrong, and refuse variables that nobody reads.

        Raises `click.UsageError`.
        """
        try:
            rest = super().parse_args(ctx, args)
        except click.BadParameter as wrong:
            wrong.param_hint = _source(ctx, wrong.param) or wrong.param_hint
            raise
        unknown = unknown_variables(os.environ, self.params)
        if unknown and not ctx.resilient_parsing:
            raise click.UsageError("\n".join(unknown), ctx)
        return rest


def unknown_variables(environment: Iterable[str], options: Iterable[click.Parameter]) -> list[str]:
    """A sentence for each variable with the prefix that none of the options reads."""
    readable = {
        variable(each): each.allow_from_autoenv
        for each in options
        if isinstance(each, click.Option) and each.name != "help"
    }
    known = {name.removeprefix(_HEAD): name for name, read in readable.items() if read}
    sentences = []
    for name in sorted(environment):
        if not name.upper().startswith(_HEAD) or name in known.values():
            continue
        if name in readable:
            sentences.append(f"{name} is not read: that is only for the command line.")
            continue
        # Without the prefix, which would make everything look alike.
        close = get_close_matches(name.upper().removeprefix(_HEAD), known, n=1)
        names = ", ".join(sorted(known.values()))
        advice = f"did you mean {known[close[0]]}?" if close else f"known are {names}."
        sentences.append(f"{name} in the environment is no setting: {advice}")
    return sentences


def variable(option: click.Parameter) -> str:
    """The variable that gives an option."""
    return _HEAD + (option.name or "").upper()


def _source(context: click.Context, option: click.Parameter | None) -> str | None:
    """What to call an option's value that came from elsewhere than the command line."""
    if option is None or option.name is None:
        return None
    source = context.get_parameter_source(option.name)
    if source is ParameterSource.ENVIRONMENT:
        return variable(option)
    if source is ParameterSource.DEFAULT_MAP and isinstance(context.obj, Config):
        return context.obj.places.get(option.name)
    return None
