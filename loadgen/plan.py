"""What a generator's process is told: plain data, from which it derives everything that it does."""

from __future__ import annotations

from msgspec import Struct

from .population import GroupSizes, Talk, groups, pairs
from .schedule import Load


class Account(Struct, frozen=True, array_like=True):
    """A user of the target that exists already."""

    user_id: str
    password: str


class Population(Struct, frozen=True, kw_only=True):
    """How many people, who talks to whom, and what they do."""

    users: int
    devices: int = 1
    groups: GroupSizes | None = None
    """None: everybody has one partner."""
    text_bytes: int = 200
    """The length of a message's text, in ASCII characters."""
    asset_bytes: int = 100_000
    """The size of a file that is shared."""
    read_after: float = 1.0
    """Seconds from the arrival of a message to its reader's `read`."""
    prefill: int = 0
    """Entries that each conversation has before the load begins."""
    encrypted: bool = False
    """Whether conversations are end-to-end encrypted."""

    def talks(self, seed: int) -> tuple[Talk, ...]:
        """The conversations."""
        if self.groups is None:
            return pairs(self.users, seed)
        return groups(self.users, self.groups, seed)


class Plan(Struct, frozen=True, kw_only=True):
    """One run, as every process of the generator knows it."""

    url: str
    run: str
    """A word that no other run has; ids of users and messages begin with it."""
    seed: int
    population: Population
    load: Load
    drain: float
    """Seconds for what is under way at the end to arrive; later it counts as lost."""
    setup: float
    """Seconds for everybody to be registered and connected."""
    accounts: tuple[Account, ...] = ()
    """None: users are registered."""
    processes: int = 1
    clean_up: bool = False
    """Whether what was left on the target is taken back in the end."""


def account(plan: Plan, user: int) -> Account:
    """Who this user is on the target."""
    if plan.accounts:
        return plan.accounts[user]
    return Account(f"load-{plan.run}-{user}", f"{plan.run}-{user}-password")
