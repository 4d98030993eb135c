"""Every kind of move, by its name."""

from __future__ import annotations

from typing import Final

from .base import Kind
from .connecting import CONNECTING
from .groups import GROUPS
from .looking import LOOKING
from .media import MEDIA
from .probing import PROBING
from .relating import RELATING
from .sealing import SEALING
from .talking import TALKING

KINDS: Final[dict[str, Kind]] = {
    **TALKING,
    **RELATING,
    **CONNECTING,
    **GROUPS,
    **LOOKING,
    **SEALING,
    **MEDIA,
    **PROBING,
}
