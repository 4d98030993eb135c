"""Every form that a record can take, by name: the file it is written to, and what makes it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from rich.console import Console

from . import (
    badge,
    ctrf,
    html,
    junit,
    load_ctrf,
    load_junit,
    load_markdown,
    load_terminal,
    markdown,
    terminal,
)
from .evidence import WIDTH
from .load_model import LoadResults
from .model import Results
from .mutants_model import Matrix
from .reading import Record

Show = Callable[[Any, Console, Sequence[str]], None]


class Format(Struct, frozen=True):
    """One form: the file that it is written to, and what makes it of each kind of record that has it."""

    file: str
    of_run: Callable[[Results], bytes]
    of_load: Callable[[LoadResults], bytes]
    of_mutants: Callable[[Matrix], bytes] | None = None


class NoSuchForm(Exception):
    """A record of this kind has no such form."""


def made(name: str, record: Record) -> bytes:
    """A record in a form. Raises `NoSuchForm`."""
    form = FORMATS[name]
    if isinstance(record, Results):
        return form.of_run(record)
    if isinstance(record, LoadResults):
        return form.of_load(record)
    if form.of_mutants is None:
        forms = ", ".join(name for name, each in FORMATS.items() if each.of_mutants is not None)
        raise NoSuchForm(f"a kill matrix has no form {name}: it has {forms}")
    return form.of_mutants(record)


def _text(show: Show) -> Callable[[Any], bytes]:
    """What a terminal would show, in 80 columns."""

    def shown(record: Record) -> bytes:
        out = io.StringIO()
        show(record, Console(file=out, width=WIDTH), [])
        return out.getvalue().encode("utf-8", "replace")

    return shown


FORMATS: Final[Mapping[str, Format]] = {
    "html": Format("report.html", html.conformance.render, html.load.render, html.mutants.render),
    "junit": Format("junit.xml", junit.render, load_junit.render),
    "ctrf": Format("ctrf.json", ctrf.render, load_ctrf.render),
    "markdown": Format("summary.md", markdown.render, load_markdown.render),
    "badge": Format("badge.svg", badge.render, badge.render_load),
    "text": Format("summary.txt", _text(terminal.show), _text(load_terminal.show)),
}

BESIDE: Final = ("junit", "ctrf", "html")
"""The forms that every run writes beside its `results.json`."""
