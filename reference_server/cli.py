"""`msgcheck serve`: the reference server from the command line.

It prints one line on standard output when it serves, and logs to standard error. It stops in order on
SIGTERM and SIGINT and, with `--until-stdin-closes`, when whoever started it is gone.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import click
import trio

from . import logs
from .app import serve as serve_app
from .service import STRONG, THROWAWAY, PasswordCost, Rates
from .storage.base import StoreUnusable

LEVELS = ("debug", "info", "warning", "error")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the database. Without it, a temporary one that is removed at the end.",
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="warning",
    show_default=True,
    help="What to log, as lines of JSON on standard error; info is every request.",
)
@click.option(
    "--rate-sends", help="Messages of one user, for example 20/second. Default: no limit."
)
@click.option("--rate-requests", help="Other requests of one user. Default: no limit.")
@click.option("--rate-logins", help="Registrations and logins from one address. Default: no limit.")
@click.option(
    "--metrics-token",
    help="What `GET /metrics` asks for as bearer token; without it, it is open.",
)
@click.option(
    "--throwaway-accounts",
    "cost",
    flag_value=THROWAWAY,
    default=STRONG,
    type=click.UNPROCESSED,
    help="Hash passwords at the lowest cost: for test runs with many accounts that protect nothing.",
)
@click.option(
    "--until-stdin-closes",
    is_flag=True,
    help="Stop when standard input is closed, so that no server outlives the program that started it.",
)
def serve(
    host: str,
    port: int,
    data: Path | None,
    log_level: str,
    rate_sends: str | None,
    rate_requests: str | None,
    rate_logins: str | None,
    metrics_token: str | None,
    cost: PasswordCost,
    until_stdin_closes: bool,
) -> None:
    """Run the reference server of the Messenger API."""
    try:
        rates = Rates(sends=rate_sends, requests=rate_requests, logins=rate_logins)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    logs.set_up(log_level)
    with tempfile.TemporaryDirectory(prefix="msgcheck-") as temporary:
        if data is None:
            data = Path(temporary)
            click.echo(f"msgcheck serve: no --data given, keeping everything in {data}", err=True)
        try:
            start = partial(
                serve_app,
                data,
                host=host,
                port=port,
                cost=cost,
                rates=rates,
                metrics_token=metrics_token,
            )
            trio.run(_serve, start, until_stdin_closes)
        except* StoreUnusable as unusable:
            _give_up(str(unusable.exceptions[0]))
        except* OSError as trouble:
            _give_up(f"cannot listen on {host}:{port}: {trouble.exceptions[0]}.")


def _give_up(reason: str) -> None:
    click.echo(f"msgcheck serve: {reason}", err=True)
    sys.exit(2)


async def _serve(start: Callable[..., Awaitable[None]], until_stdin_closes: bool) -> None:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            nursery.start_soon(_stop_at_signal, signals, stop)
            if until_stdin_closes:
                nursery.start_soon(_stop_at_end_of_input, stop)

            async def run(task_status: trio.TaskStatus[list[str]]) -> None:
                await start(stop=stop, task_status=task_status)
                nursery.cancel_scope.cancel()

            urls = await nursery.start(run)
            click.echo(f"msgcheck serve: listening on {' '.join(urls)}")
            await stop.wait()
            click.echo("msgcheck serve: stopping", err=True)
            await trio.sleep_forever()


async def _stop_at_signal(signals: object, stop: trio.Event) -> None:
    async for _ in signals:  # type: ignore[attr-defined]  # trio's receiver has no public type
        stop.set()


async def _stop_at_end_of_input(stop: trio.Event) -> None:
    stream = trio.lowlevel.FdStream(0)
    while await stream.receive_some(1024):
        pass
    stop.set()
