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
    load_junit,
    load_markdown,
    load_terminal,
    markdown,
    terminal,
)
from .evidence import WIDTH
from .load_model import LoadResults
from .model import Results
from .reading import Record

Show = Callable[[Any, Console, Sequence[str]], None]


class Format(Struct, frozen=True):
    """One form, of a conformance run's record and of a load run's; not every form has both."""

    file: str
    of_run: Callable[[Results], bytes]
    of_load: Callable[[LoadResults], bytes] | None = None


class NoSuchForm(Exception):
    """A record of this kind has no such form."""


def made(name: str, record: Record) -> bytes:
    """A record in a form. Raises `NoSuchForm`."""
    form = FORMATS[name]
    if isinstance(record, Results):
        return form.of_run(record)
    if form.of_load is None:
        raise NoSuchForm(f"a load run has no form {name}: choose among {', '.join(_of_load())}")
    return form.of_load(record)


def _of_load() -> list[str]:
    return [name for name, form in FORMATS.items() if form.of_load is not None]


def _text(show: Show) -> Callable[[Any], bytes]:
    """What a terminal would show, in 80 columns."""

    def shown(record: Record) -> bytes:
        out = io.StringIO()
        show(record, Console(file=out, width=WIDTH), [])
        return out.getvalue().encode("utf-8", "replace")

    return shown


FORMATS: Final[Mapping[str, Format]] = {
    "html": Format("report.html", html.conformance.render, html.load.render),
    "junit": Format("junit.xml", junit.render, load_junit.render),
    "ctrf": Format("ctrf.json", ctrf.render),
    "markdown": Format("summary.md", markdown.render, load_markdown.render),
    "badge": Format("badge.svg", badge.render),
    "text": Format("summary.txt", _text(terminal.show), _text(load_terminal.show)),
}

BESIDE: Final = ("junit", "ctrf", "html")
"""The forms that every conformance run writes beside its `results.json`."""
BESIDE_LOAD: Final = ("junit", "html")
"""The forms that every load run writes."""
