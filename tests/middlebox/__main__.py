"""`python -m tests.middlebox URL`: stand in front of the server at URL until standard input closes."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from urllib.parse import urlsplit

from .http import Box

PREFIX = "/chat.api/~1"


async def serve(url: str, seed: int) -> None:
    """Listen on the IPv6 loopback if there is one."""
    behind = urlsplit(url)
    box = Box(behind.hostname or "", behind.port or 80, PREFIX, seed)
    host = "::1" if _has_ipv6() else "127.0.0.1"
    server = await asyncio.start_server(box.serve, host, 0)
    port = server.sockets[0].getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    print(f"listening on http://{shown}:{port}{PREFIX}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="tests.middlebox", description=main.__doc__)
    parser.add_argument("url", help="the server behind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(serve(options.url, options.seed))


if __name__ == "__main__":
    main()
