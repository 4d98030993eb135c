"""Clearing away what nobody needs any more: at the start, and then every hour."""

from __future__ import annotations

import logging

import trio

from ..core.errors import ApiError
from ..storage.base import StoreTrouble
from . import Service

log = logging.getLogger(__name__)

EVERY_S = 3_600.0


async def tidy(service: Service) -> None:
    """Abandoned uploads, orphaned assets, blobs without an asset, old `to_device` ids; for ever."""
    while True:
        try:
            await service.uploads.clear_away()
            await service.media.clear_away()
            await service.to_device.clear_away()
        except (ApiError, StoreTrouble) as trouble:
            log.warning("what nobody needs could not be cleared away: %s", trouble)
        await trio.sleep(EVERY_S)
