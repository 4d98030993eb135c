"""The faults that the reference server can be given: asked of the server itself, as a process.

A fault is known here by what it is called, which requirements it breaks and what a user sees of it; how
it does so is the server's own business.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from .problems import BadInput, unknown

_COMMAND = (sys.executable, "-m", "reference_server.faults")


class Fault(Struct, frozen=True):
    """A deliberate defect: its name, the requirements that it breaks, and a sentence on what shows."""

    name: str
    breaks: tuple[str, ...]
    shows: str


def known_faults() -> tuple[Fault, ...]:
    """All of them, in the contract's order."""
    told = subprocess.run(_COMMAND, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own
    return msgspec.json.decode(told.stdout, type=tuple[Fault, ...])


def choose_faults(names: Iterable[str], known: Sequence[Fault]) -> tuple[Fault, ...]:
    """Those of these names, each once. Raises `BadInput` with the one that was probably meant."""
    by_name = {each.name: each for each in known}
    for name in names:
        if name not in by_name:
            raise BadInput(f"{unknown('fault', name, by_name)} `msgcheck faults` lists them.")
    return tuple(by_name[name] for name in dict.fromkeys(names))


def check_faults(names: Sequence[str], target: str | None) -> None:
    """Whether a run against `target` (None: the reference server) can have these. Raises `BadInput`."""
    if names and target is not None:
        raise BadInput("--fault is for the reference server, not for a --target")
    if names:
        choose_faults(names, known_faults())


def server_options(names: Sequence[str], seed: int) -> list[str]:
    """The options that give the reference server these faults; rare ones strike by the seed."""
    words = [word for name in names for word in ("--fault", name)]
    return [*words, "--fault-seed", str(seed)] if words else []
