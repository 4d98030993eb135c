"""What a campaign tells while it runs. Reporters subscribe; nothing depends on them.

CampaignStarted ─▶ (VariantStarted ─▶ VariantEnded)* ─▶ PhaseStarted ─▶ … ─▶ CampaignEnded
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from reports.model import Scenario


class CampaignStarted(Struct, frozen=True):
    """It begins, with this many variants to play."""

    total: int


class PhaseStarted(Struct, frozen=True):
    """What is done from now on: ``all``, ``restarts``, ``again``."""

    name: str
    total: int


class VariantStarted(Struct, frozen=True):
    """A variant is being played."""

    name: str


class VariantEnded(Struct, frozen=True):
    """A variant has its verdict, or its final one if it was played again."""

    scenario: Scenario


class CampaignEnded(Struct, frozen=True):
    """Nothing is played any more."""

    interrupted: bool


CampaignEvent = CampaignStarted | PhaseStarted | VariantStarted | VariantEnded | CampaignEnded
Listener = Callable[[CampaignEvent], None]
