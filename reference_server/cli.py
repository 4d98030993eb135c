"""`msgcheck serve`: the reference server from the command line.

It prints one line on standard output when it serves, and logs to standard error. It stops in order on
SIGTERM and SIGINT and, with `--until-stdin-closes`, when whoever started it is gone. Options may
also stand in a file (`config`) or in the environment (`environment`).
"""

from __future__ import annotations

import logging
import re
import signal
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from math import isnan
from pathlib import Path
from typing import NoReturn

import click
import trio

from . import collector, config, descriptors, logs, tls
from .app import serve as serve_app
from .environment import PREFIX, ConfiguredCommand
from .service import STRONG, THROWAWAY, PasswordCost, Rates
from .storage.base import StoreTrouble, StoreUnusable
from .transport.front_door import HEAD_TIMEOUT_S

log = logging.getLogger(__name__)

LEVELS = ("debug", "info", "warning", "error")
NOT_IN_A_FILE = ("config", "limit", "until_stdin_closes", "fault", "fault_seed", "help")
"""What is said in another way there, or concerns only who starts the server."""
FILE = click.Path(path_type=Path, dir_okay=False)
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""A bearer token as RFC 6750, section 2.1, has it."""


def _read_config(context: click.Context, _parameter: click.Parameter, path: Path | None) -> None:
    """Take the options' defaults from the file, and keep its limits for `serve`."""
    context.obj = config.Config({}, {}, {})
    if path is None:
        return
    own = {
        each.name: _kind(each)
        for each in context.command.params
        if each.name and each.name not in NOT_IN_A_FILE and not each.name.startswith("rate_")
    }
    try:
        found = config.read(path, own)
    except config.ConfigError as wrong:
        _give_up(str(wrong))
    context.default_map = found.options
    context.obj = found


def _kind(option: click.Parameter) -> config.Kind:
    """What the file must have for an option."""
    kinds = ((click.IntRange, config.WHOLE), (click.FloatRange, config.NUMBER))
    if isinstance(option, click.Option) and option.is_flag:
        return config.TRUTH
    return next((kind for of, kind in kinds if isinstance(option.type, of)), config.TEXT)


def _rate(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """See to it that a rate can be read, while it is known where it came from."""
    try:
        Rates(sends=text)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from None
    return text


def _bearer(_context: click.Context, _option: click.Parameter, token: str | None) -> str | None:
    """See to it that a token can be presented: an empty one would leave the door open."""
    if token is not None and _TOKEN.fullmatch(token) is None:
        raise click.BadParameter(
            "a token is one or more of A-Z a-z 0-9 - . _ ~ + / and = at its end"
        )
    return token


def _seconds(_context: click.Context, _option: click.Parameter, seconds: float) -> float:
    """Keep out ``nan``, with which no comparison holds and so no range."""
    if isnan(seconds):
        raise click.BadParameter("nan is no number of seconds")
    return seconds


def _cost(_context: click.Context, _option: click.Parameter, throwaway: bool) -> PasswordCost:
    return THROWAWAY if throwaway else STRONG


@click.command(
    cls=ConfiguredCommand,
    context_settings={"auto_envvar_prefix": PREFIX, "help_option_names": ["-h", "--help"]},
)
@click.option(
    "--config",
    type=FILE,
    callback=_read_config,
    is_eager=True,
    expose_value=False,
    help="A TOML file with these options as defaults; [rates] and [limits] are tables of it.",
)
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
@click.option("--certfile", type=FILE, help="Certificate chain (PEM): serve https and wss.")
@click.option("--keyfile", type=FILE, help="Its key (PEM), if it is not in the same file.")
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="warning",
    show_default=True,
    help="What to log, as lines of JSON on standard error; info is every request.",
)
@click.option(
    "--rate-sends",
    callback=_rate,
    help="Messages of one user, for example 20/second. Default: no limit.",
)
@click.option(
    "--rate-requests", callback=_rate, help="Other requests of one user. Default: no limit."
)
@click.option(
    "--rate-logins",
    callback=_rate,
    help="Registrations and logins from one address. Default: no limit.",
)
@click.option(
    "--limit",
    multiple=True,
    metavar="NAME=VALUE",
    help="A limit of discovery, for example max_devices=20. As often as wanted.",
)
@click.option(
    "--head-timeout",
    callback=_seconds,
    default=HEAD_TIMEOUT_S,
    show_default=True,
    type=click.FloatRange(0, 3600, min_open=True),
    metavar="SECONDS",
    help="How long a new connection may take for its first request's head, TLS included.",
)
@click.option(
    "--metrics-token",
    callback=_bearer,
    help="What `GET /metrics` asks for as bearer token; without it, it is open.",
)
@click.option(
    "--throwaway-accounts",
    is_flag=True,
    callback=_cost,
    help="Hash passwords at the lowest cost: for test runs with many accounts that protect nothing.",
)
@click.option(
    "--until-stdin-closes",
    is_flag=True,
    help="Stop when standard input is closed, so that no server outlives the program that started it.",
)
@click.option(
    "--fault",
    multiple=True,
    metavar="NAME",
    allow_from_autoenv=False,
    help="Break a promise on purpose; `msgcheck faults` lists how. As often as wanted.",
)
@click.option(
    "--fault-seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    allow_from_autoenv=False,
    metavar="N",
    help="What a fault that strikes rarely draws from.",
)
@click.pass_obj
def serve(
    file: config.Config,
    host: str,
    port: int,
    data: Path | None,
    certfile: Path | None,
    keyfile: Path | None,
    log_level: str,
    rate_sends: str | None,
    rate_requests: str | None,
    rate_logins: str | None,
    limit: tuple[str, ...],
    head_timeout: float,
    metrics_token: str | None,
    throwaway_accounts: PasswordCost,
    until_stdin_closes: bool,
    fault: tuple[str, ...],
    fault_seed: int,
) -> None:
    """Run the reference server of the Messenger API."""
    try:
        limits = config.limits_of(file.limits | config.parse_limits(limit))
        rates = Rates(sends=rate_sends, requests=rate_requests, logins=rate_logins)
        secured = _tls(certfile, keyfile)
    except (config.ConfigError, tls.CertificateUnusable, ValueError) as wrong:
        _give_up(str(wrong))
    logs.set_up(log_level)
    descriptors.raise_limit()
    if fault:
        _break(fault, fault_seed)
    with tempfile.TemporaryDirectory(prefix="msgcheck-") as temporary:
        if data is None:
            data = Path(temporary)
            click.echo(f"msgcheck serve: no --data given, keeping everything in {data}", err=True)
        start = partial(
            serve_app,
            data,
            host=host,
            port=port,
            limits=limits,
            cost=throwaway_accounts,
            rates=rates,
            tls=secured,
            metrics_token=metrics_token,
            head_timeout_s=head_timeout,
        )
        try:
            trio.run(_serve, start, until_stdin_closes)
        except* StoreUnusable as unusable:
            _give_up(str(unusable.exceptions[0]))
        except* StoreTrouble as trouble:
            _give_up(f"the store in {data} cannot be read: {trouble.exceptions[0]}.")
        except* OSError as refused:
            _give_up(f"cannot listen on {host}:{port}: {refused.exceptions[0]}.")


def _tls(certfile: Path | None, keyfile: Path | None) -> ssl.SSLContext | None:
    if certfile is None and keyfile is not None:
        raise config.ConfigError("--keyfile is of no use without --certfile.")
    return None if certfile is None else tls.context(certfile, keyfile)


def _break(names: tuple[str, ...], seed: int) -> None:
    """Put faults in, and leave no doubt about it. Only here does the server know of them."""
    from . import faults

    try:
        chosen = faults.chosen(names)
    except faults.UnknownFault as wrong:
        _give_up(str(wrong))
    faults.put_in(chosen, seed)
    click.echo("msgcheck serve: FAULTY ON PURPOSE, to try a test suite on; not for use:", err=True)
    for each in chosen:
        click.echo(f"  {each.name} ({', '.join(each.breaks)}): {each.shows}", err=True)
        logs.note(log, logging.WARNING, "fault", fault=each.name, breaks=each.breaks, seed=seed)


def _give_up(reason: str) -> NoReturn:
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
            collector.settle()
            click.echo(f"msgcheck serve: listening on {' '.join(urls)}")
            await stop.wait()
            click.echo("msgcheck serve: stopping", err=True)
            await trio.sleep_forever()


async def _stop_at_signal(signals: AsyncIterator[int], stop: trio.Event) -> None:
    async for _ in signals:
        stop.set()


async def _stop_at_end_of_input(stop: trio.Event) -> None:
    stream = trio.lowlevel.FdStream(0)
    while await stream.receive_some(1024):
        pass
    stop.set()
