"""Texts that others chose, made safe to look at.

Names, frames and messages in a record come from servers and from scenario files. What a reader cannot
see, or what would move the letters around it, is shown as an escape: control characters (a terminal
obeys some), bidirectional overrides (they make a text read as another, Unicode TR36), lone surrogates.
"""

from __future__ import annotations

import re
from typing import Final

_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""`text` with what cannot be seen as ``\u{1b}``; newlines and tabs stay."""
    return _UNSEEN.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", text)


def count(number: int, noun: str) -> str:
    """``1 frame``, ``2 frames``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
