"""Work that is done for several things at the same time, with one trouble where a nursery has a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import trio

Item = TypeVar("Item")


async def side_by_side(items: Iterable[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    """Do `work` for all items at the same time; raise the first trouble, and leave off the others."""
    troubles: list[Exception] = []

    async def one(item: Item) -> None:
        try:
            await work(item)
        except Exception as trouble:
            troubles.append(trouble)
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for item in items:
            nursery.start_soon(one, item)
    if troubles:
        raise troubles[0]
