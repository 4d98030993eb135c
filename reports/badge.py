"""A badge of the verdict as SVG, for a README.

Widths are of a usual sans-serif at 11 px; `textLength` makes any other fit.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from .load_model import LoadResults
from .model import Results
from .text import visible

LABEL: Final = "Messenger API"
_GOOD, _BAD, _OPEN = "#12693c", "#b3261a", "#7d5200"
_COLOURS: Final = {
    "conformant": _GOOD,
    "not conformant": _BAD,
    "undecided": _OPEN,
    "within budget": _GOOD,
    "budget broken": _BAD,
    "invalid": _OPEN,
}
_NARROW: Final = frozenset("fijlt.,:/ I")
_PADDING: Final = 8


def render(results: Results) -> bytes:
    """The SVG document."""
    kept = results.totals.requirements.get("pass", 0)
    judged = kept + sum(
        results.totals.requirements.get(verdict, 0) for verdict in ("fail", "flaky", "inconclusive")
    )
    return _drawn(
        LABEL, results.verdict, f"{kept}/{judged}", f"{kept} of {judged} requirements kept"
    )


def render_load(results: LoadResults) -> bytes:
    """The SVG document of a load run: the budget's name, and at how many messages a second it was judged."""
    rate = f"{results.run.rate:g}/s"
    told = f"{results.run.rate:g} messages a second"
    return _drawn(visible(results.run.budget), results.verdict, f"at {rate}", told)


def _drawn(label: str, verdict: str, figure: str, told: str) -> bytes:
    """A label, a verdict with its figure, and the figure in words for who cannot see it."""
    text = f"{verdict} {figure}"
    left, right = _width(label), _width(text)
    a, b = left + 2 * _PADDING, right + 2 * _PADDING
    title = escape(f"{label}: {verdict}, {told}", {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{a + b}" height="22" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<clipPath id="r"><rect width="{a + b}" height="22" rx="4"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{a}" height="22" fill="#333a42"/>'
        f'<rect x="{a}" width="{b}" height="22" fill="{_COLOURS[verdict]}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{_PADDING}" y="15" textLength="{left}">{escape(label)}</text>'
        f'<text x="{a + _PADDING}" y="15" textLength="{right}">{escape(text)}</text></g></svg>\n'
    ).encode()


def _width(text: str) -> int:
    return round(sum(4 if letter in _NARROW else 7 for letter in text))
