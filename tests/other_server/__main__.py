"""`python -m tests.other_server [--rich]`: serve until standard input closes."""

from __future__ import annotations

import argparse
import asyncio
import sys

from aiohttp import web

from .messenger import Messenger
from .nature import PLAIN, RICH
from .web import Site


async def serve(messenger: Messenger, host: str, port: int) -> None:
    """Serve until standard input closes."""
    runner = web.AppRunner(Site(messenger).application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    print(f"listening on http://{host}:{runner.addresses[0][1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for user in messenger.house.users.values():
        for line in user.lines:
            line.end(1001)
    await runner.cleanup()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="tests.other_server", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rich", action="store_true", help="with optional capabilities")
    options = parser.parse_args()
    messenger = Messenger(options.seed, RICH if options.rich else PLAIN)
    asyncio.run(serve(messenger, options.host, options.port))


if __name__ == "__main__":
    main()
