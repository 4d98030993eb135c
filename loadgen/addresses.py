"""Addresses that a run listens on: where a master waits for its workers, and where Locust's page is served.

A port that is taken is found out before anybody is registered. Locust would find out later: a master by
ending, its page by not being there.
"""

from __future__ import annotations

import socket
from typing import Final

from msgspec import Struct

PORTS: Final = range(1, 1 << 16)


class Address(Struct, frozen=True):
    """A place to listen on, or to connect to."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str, default: Address) -> Address:
    """`HOST`, `HOST:PORT`, `:PORT` or `PORT`; `[…]` around an IPv6 host. Raises `ValueError`."""
    host, colon, port = ("", ":", text) if text.isdigit() else text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, str(default.port)
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if (":" in host and not bracketed) or not (port.isdecimal() and int(port) in PORTS):
        raise ValueError(
            f"`{text}` is not HOST:PORT, with a port from {PORTS[0]} to {PORTS[-1]} "
            "(an IPv6 address stands in brackets)"
        )
    return Address(host or default.host, int(port))


def listenable(wanted: Address) -> Address:
    """The same with its host as a number (IPv4 before IPv6), if it can be listened on. Raises `OSError`."""
    found = socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, place = min(found, key=lambda each: each[0] != socket.AF_INET)
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(place)
    return Address(str(place[0]), wanted.port)


def free_port() -> int:
    """A loopback port that nobody listens on now, so that two runs do not meet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
