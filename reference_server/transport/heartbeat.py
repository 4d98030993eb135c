"""One task that keeps an eye on all connections: pings, silence, expired tokens (§6).

It looks round every second or so instead of keeping a timer for each connection, which keeps an idle
connection small.
"""

from __future__ import annotations

import trio
from websockets.frames import Frame, Opcode

from ..hub import Closing, Control
from ..service import Kernel

LOOK_ROUND_S = 1.0
SILENT_INTERVALS = 2

_PING = Control(Frame(Opcode.PING, b"").serialize(mask=False))


async def watch(kernel: Kernel) -> None:
    """Ping every `heartbeat_interval_ms`, close who was silent for two intervals or has expired."""
    interval = kernel.limits.heartbeat_interval_ms / 1000
    while True:
        await trio.sleep(min(LOOK_ROUND_S, interval / 4))
        now = trio.current_time()
        wall = kernel.now()
        for subscriber in kernel.hub:
            if subscriber.identity.expires_at <= wall:
                subscriber.outbox.close(Closing(4401, "token expired"))
            elif now - subscriber.heard >= SILENT_INTERVALS * interval:
                subscriber.outbox.close(Closing(4408, "silent for too long"))
            elif now - subscriber.pinged >= interval:
                subscriber.pinged = now
                subscriber.outbox.push(_PING)
