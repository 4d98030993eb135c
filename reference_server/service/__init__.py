"""The use cases, which HTTP and WebSocket both call, so that they cannot disagree.

`kernel` runs them: a job decides (`core`) and writes (`storage`) inside the writer's transaction; after
the commit its posts go to the hub and its answer to the caller. `Service` is all of them together.
"""

from __future__ import annotations

from .accounts import STRONG, THROWAWAY, Accounts, PasswordCost
from .blocks import Blocks
from .conversations import Conversations
from .expiry import Expiry
from .kernel import Kernel
from .keys import Keys
from .media import Media
from .messages import Messages
from .presence import Presence
from .rates import RateLimiter, Rates
from .receipts import Receipts
from .to_device import ToDevice
from .typing import Typing
from .uploads import Uploads


class Service:
    """The use cases by subject."""

    def __init__(
        self, kernel: Kernel, cost: PasswordCost = STRONG, rates: Rates | None = None
    ) -> None:
        self.kernel = kernel
        self.rates = RateLimiter(rates or Rates())
        self.accounts = Accounts(kernel, cost)
        self.conversations = Conversations(kernel)
        self.messages = Messages(kernel)
        self.presence = Presence(kernel)
        self.receipts = Receipts(kernel)
        self.media = Media(kernel)
        self.uploads = Uploads(kernel, self.media)
        self.blocks = Blocks(kernel)
        self.expiry = Expiry(kernel)
        self.typing = Typing(kernel)
        self.keys = Keys(kernel)
        self.to_device = ToDevice(kernel)


__all__ = ["STRONG", "THROWAWAY", "Kernel", "PasswordCost", "Rates", "Service"]
