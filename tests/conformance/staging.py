"""A stage to play on: a made-up server, with the settings that most tests want."""

from __future__ import annotations

from conformance.engine import Stage
from conformance.outages import Outages
from conformance.patience import Patience
from conformance.sentinels import Sentinels
from conformance.vault import Vault

from .fake import PATIENCE, FakeAdapter


async def stage_of(
    adapter: FakeAdapter,
    *,
    patience: Patience | None = None,
    outages: Outages | None = None,
    vault: Vault | None = None,
) -> Stage:
    """The stage of an adapter, seed 1."""
    return Stage(
        adapter=adapter,
        target=await adapter.discover(),
        patience=patience or Patience(PATIENCE),
        seed=1,
        sentinels=Sentinels(1),
        outages=outages or {},
        vault=vault,
    )
