"""What every page is made of: one file, its styles and its script inside, nothing from elsewhere.

Whatever a record says is text. Two walls keep it so: Jinja2 escapes every value, and the page's
content security policy lets the browser run the one script whose hash it names, and load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ..text import count, visible

_HERE: Final = Path(__file__).parent
_ASSETS: Final = _HERE / "assets"

GLYPHS: Final[Mapping[str, str]] = {
    "pass": "✓",
    "fail": "✕",
    "flaky": "≈",
    "not applicable": "–",
    "inconclusive": "?",
    "error": "!",
    "not covered": "○",
    "conformant": "✓",
    "not conformant": "✕",
    "undecided": "?",
    "within budget": "✓",
    "budget broken": "✕",
    "invalid": "?",
}
"""A mark for each verdict, so that no verdict is told by its colour alone."""


def render(
    template: str,
    context: Mapping[str, Any],
    *,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
) -> bytes:
    """The page of a template. `styles` and `scripts` are files of `assets` beside those of every page."""
    sheets = [_asset(name) for name in ("report.css", *styles)]
    programs = [_asset(name) for name in ("report.js", *scripts)]
    html = (
        environment()
        .get_template(template)
        .render(
            context,
            styles=[Markup(sheet) for sheet in sheets],  # noqa: S704  ours
            scripts=[Markup(program) for program in programs],  # noqa: S704  ours
            policy=_policy(sheets, programs),
        )
    )
    return html.encode("utf-8", "replace")


def part(template: str, macro: str, *arguments: Any) -> Markup:
    """What a macro of a template makes of its arguments."""
    made: Markup = getattr(environment().get_template(template).module, macro)(*arguments)
    return made


@cache
def environment() -> Environment:
    """Templates that escape every value and refuse unknown names."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_told,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["slug"] = slug
    made.filters["compact"] = compact
    made.filters["prose"] = prose
    made.globals.update(count=count, glyphs=GLYPHS)
    return made


def slug(verdict: str) -> str:
    """A verdict as a class name."""
    return verdict.replace(" ", "-")


def compact(value: Any) -> str:
    """A value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def prose(text: str) -> Markup:
    """A sentence in which `backticks` mark code."""
    parts = [escape(visible(part)) for part in text.split("`")]
    if len(parts) % 2 == 0:
        return Markup("`").join(parts)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )


def _told(value: Any) -> Any:
    """What a template puts out; markup of ours is left alone."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(map(_source, scripts)),
        "style-src-elem": " ".join(map(_source, styles)),
        "style-src-attr": "'unsafe-inline'",  # the places of arrows; every value is a number of ours
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
