"""What one process measured since it was last asked: raw microseconds, nothing summed up.

Recording is on the path of every message, so it is an append and no more; the process that gathers,
which has nothing else to do, makes histograms of it. Nothing is rounded and nothing is averaged on
the way, so what several processes measured adds up without loss.
"""

from __future__ import annotations

from array import array

from .hops import HOPS, LAG

TYPECODE = "Q"
"""Unsigned 64-bit microseconds, in the byte order of the machine that measured."""


class Samples:
    """Latencies since the last `take`, by hop."""

    def __init__(self) -> None:
        self.corrected = {hop: array(TYPECODE) for hop in HOPS}
        self.waiting = {hop: array(TYPECODE) for hop in HOPS}
        self.lag = array(TYPECODE)

    def take(self) -> dict[str, bytes]:
        """Everything recorded, by name; and begin anew."""
        taken = {f"{hop}/corrected": self.corrected[hop] for hop in HOPS}
        taken |= {f"{hop}/waiting": self.waiting[hop] for hop in HOPS}
        taken[LAG] = self.lag
        encoded = {name: values.tobytes() for name, values in taken.items() if values}
        for values in taken.values():
            del values[:]
        return encoded


def values(data: bytes) -> array[int]:
    """The values that a process sent, as microseconds."""
    made = array(TYPECODE)
    made.frombytes(data)
    return made
