"""A badge of the verdict as SVG, for a README.

Widths are of a usual sans-serif at 11 px; `textLength` makes any other fit.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from .model import Results

LABEL: Final = "Messenger API"
_COLOURS: Final = {"conformant": "#12693c", "not conformant": "#b3261a", "undecided": "#7d5200"}
_NARROW: Final = frozenset("fijlt.,:/ I")
_PADDING: Final = 8


def render(results: Results) -> bytes:
    """The SVG document."""
    kept = results.totals.requirements.get("pass", 0)
    judged = kept + sum(
        results.totals.requirements.get(verdict, 0) for verdict in ("fail", "flaky", "inconclusive")
    )
    told = f"{results.verdict} {kept}/{judged}"
    left, right = _width(LABEL), _width(told)
    a, b = left + 2 * _PADDING, right + 2 * _PADDING
    title = escape(f"{LABEL}: {results.verdict}, {kept} of {judged} requirements kept")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{a + b}" height="22" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<clipPath id="r"><rect width="{a + b}" height="22" rx="4"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{a}" height="22" fill="#333a42"/>'
        f'<rect x="{a}" width="{b}" height="22" fill="{_COLOURS[results.verdict]}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{_PADDING}" y="15" textLength="{left}">{escape(LABEL)}</text>'
        f'<text x="{a + _PADDING}" y="15" textLength="{right}">{escape(told)}</text></g></svg>\n'
    ).encode()


def _width(text: str) -> int:
    return round(sum(4 if letter in _NARROW else 7 for letter in text))
