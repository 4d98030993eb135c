"""Every form that a record can take, by name: the file it is written to, and what makes it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct
from rich.console import Console

from . import badge, ctrf, html, junit, markdown, terminal
from .evidence import WIDTH
from .model import Results


class Format(Struct, frozen=True):
    """One form of a record."""

    file: str
    render: Callable[[Results], bytes]


def _text(results: Results) -> bytes:
    out = io.StringIO()
    terminal.show(results, Console(file=out, width=WIDTH), [])
    return out.getvalue().encode("utf-8", "replace")


FORMATS: Final[Mapping[str, Format]] = {
    "html": Format("report.html", html.render),
    "junit": Format("junit.xml", junit.render),
    "ctrf": Format("ctrf.json", ctrf.render),
    "markdown": Format("summary.md", markdown.render),
    "badge": Format("badge.svg", badge.render),
    "text": Format("summary.txt", _text),
}

BESIDE: Final = ("junit", "ctrf", "html")
"""The forms that every run writes beside its `results.json`."""
