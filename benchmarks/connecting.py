"""What a connection costs: to make one, and to keep one that is idle; and what a start takes."""

from __future__ import annotations

import time
from typing import NamedTuple

import trio

from .device import Device
from .serving import Serving, client_of, newcomer, serving

AT_ONCE = 50
"""Handshakes under way at a time."""


class Connections(NamedTuple):
    """What a crowd of idle connections gave."""

    per_second: float
    cpu_us: float
    """Server CPU for one, from TCP to `replay_complete`."""
    memory_kib: float
    """Resident memory for each."""
    started_s: float
    """From the start of the process to its saying that it serves."""


def connections(number: int) -> Connections:
    """Connect so many devices, of a user each, and keep them all."""
    with serving() as server:
        with client_of(server) as http:
            tokens = [newcomer(http, f"user-{each}") for each in range(number)]
        return trio.run(_connect_all, server, tokens)


async def _connect_all(server: Serving, tokens: list[str]) -> Connections:
    devices = [await Device.connect(server.url, tokens[0])]  # what the first one needs is no one's
    rest = iter(tokens[1:])

    async def connect() -> None:
        for token in rest:
            devices.append(await Device.connect(server.url, token))

    memory, cpu, wall = server.resident_kib(), server.cpu_s(), time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(connect)
    number, seconds = len(devices) - 1, time.perf_counter() - wall
    made = Connections(
        number / seconds,
        (server.cpu_s() - cpu) / number * 1e6,
        (server.resident_kib() - memory) / number,
        server.started_s,
    )
    for device in devices:
        await device.aclose()
    return made
