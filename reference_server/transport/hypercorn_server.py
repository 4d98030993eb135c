"""Hypercorn's server of one TCP connection, which lets go when the peer has left.

Hypercorn's own waits for the keep-alive timeout even when the peer has closed its end and no further
request can come. Until then the connection would keep its descriptor and its place among the others.
"""

from __future__ import annotations

from hypercorn.trio.tcp_server import TCPServer


class ConnectionServer(TCPServer):
    """Serves one connection until either side ends it."""

    async def _read_data(self) -> None:
        await super()._read_data()
        await self.idle_task.stop()
