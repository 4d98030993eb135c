"""Shrinking: the least plan that still fails.

Delta debugging: parts of a plan are taken away, large ones first, and whatever still fails is gone on with;
then users, devices and conversations go, and what is left of the moves is made simpler. Every part of a
plan is a plan, so nothing has to be repaired in between.

What is asked of the outside is one question, ``first_failing``: which of these plans, if any, still
fails? Whoever answers it may play them side by side, and each of them several times where a failure
comes and goes. It may also say `OutOfTime`, and then the least plan so far is the answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

import msgspec

from .plan import Move, Plan, user_of

FirstFailing = Callable[[Sequence[Plan]], Awaitable[int | None]]
"""Of these plans, the position of the first that fails; None if none of them does."""


class OutOfTime(Exception):
    """There is no time to play anything more."""


async def shrink(plan: Plan, first_failing: FirstFailing) -> Plan:
    """The least plan that was seen to fail, beginning from one that does."""
    least = plan
    try:
        while True:
            before = least
            async for smaller in _smaller(before, first_failing):
                least = smaller
            if least == before:
                return least
    except OutOfTime:
        return least


async def _smaller(plan: Plan, first_failing: FirstFailing) -> AsyncIterator[Plan]:
    """Ever smaller plans that fail, by every way there is to make one smaller."""
    size = max(len(plan.moves) // 2, 1)
    while size:
        begin = 0
        while begin < len(plan.moves):
            candidates = list(_without_chunk(plan, size, begin))
            found = await first_failing(candidates)
            if found is None:
                break
            plan, begin = candidates[found], begin + found * size
            yield plan
        size //= 2
    for ways in (_smaller_casts, _simpler_moves):
        while candidates := list(ways(plan)):
            found = await first_failing(candidates)
            if found is None:
                break
            plan = candidates[found]
            yield plan


def _without_chunk(plan: Plan, size: int, begin: int) -> Iterator[Plan]:
    for start in range(begin, len(plan.moves), size):
        yield _with_moves(plan, (*plan.moves[:start], *plan.moves[start + size :]))


def _smaller_casts(plan: Plan) -> Iterator[Plan]:
    """Without a user, a conversation, a member, or a device."""
    for user in plan.cast:
        if len(plan.cast) > 1:
            yield _without_user(plan, user)
    for name in plan.chats:
        chats = {key: chat for key, chat in plan.chats.items() if key != name}
        yield msgspec.structs.replace(plan, chats=chats)
    for user, devices in plan.cast.items():
        for device in devices:
            if len(devices) > 1:
                yield _without_device(plan, user, device)


def _without_user(plan: Plan, user: str) -> Plan:
    cast = {name: devices for name, devices in plan.cast.items() if name != user}
    chats = {}
    for name, chat in plan.chats.items():
        members = tuple(each for each in chat.members if each != user)
        if members and (chat.kind == "group" or members == chat.members):
            chats[name] = msgspec.structs.replace(chat, members=members)
    moves = (e for e in plan.moves if user not in (user_of(e.by), user_of(e.target)))
    return Plan(cast=cast, chats=chats, moves=tuple(moves))


def _without_device(plan: Plan, user: str, device: str) -> Plan:
    cast = plan.cast | {user: tuple(each for each in plan.cast[user] if each != device)}
    moves = (e for e in plan.moves if f"{user}.{device}" not in (e.by, e.target))
    return msgspec.structs.replace(plan, cast=cast, moves=tuple(moves))


def _simpler_moves(plan: Plan) -> Iterator[Plan]:
    for position, move in enumerate(plan.moves):
        for simpler in _simpler(move):
            moves = (*plan.moves[:position], simpler, *plan.moves[position + 1 :])
            yield _with_moves(plan, moves)


def _simpler(move: Move) -> Iterator[Move]:
    if move.count > 1:
        yield msgspec.structs.replace(move, count=move.count // 2)
        yield msgspec.structs.replace(move, count=move.count - 1)
    if move.via == "http":
        yield msgspec.structs.replace(move, via="realtime")


def _with_moves(plan: Plan, moves: tuple[Move, ...]) -> Plan:
    return msgspec.structs.replace(plan, moves=moves)
