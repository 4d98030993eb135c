"""From the target's address to a byte stream: TCP, with TLS on top for an ``https`` URL."""

from __future__ import annotations

import errno
import ssl
from urllib.parse import SplitResult

import trio

from ..base import TargetTrouble

Dialled = trio.SocketStream | trio.SSLStream[trio.SocketStream]
"""A connection to the target, encrypted or not."""

_PORTS = {"http": 80, "https": 443}


async def dial(address: SplitResult, tls: ssl.SSLContext | None) -> Dialled:
    """Connect to the host and port of a URL, with `tls` if it is given.

    Raises `OSError`, and `TargetTrouble` where it is this side that cannot.
    """
    host = address.hostname or ""
    try:
        stream = await trio.open_tcp_stream(host, address.port or _PORTS[address.scheme])
    except OSError as error:
        if _lacks_descriptors(error):
            raise TargetTrouble(
                "this machine lets msgcheck open no more connections (too many open files): raise "
                "`ulimit -n`, or play fewer scenarios at a time with --jobs"
            ) from error
        raise
    if tls is None:
        return stream
    secure = trio.SSLStream(stream, tls, server_hostname=host, https_compatible=True)
    try:
        await secure.do_handshake()
    except BaseException as error:
        await trio.aclose_forcefully(stream)
        if isinstance(error, trio.BrokenResourceError):
            raise OSError(f"TLS: {error.__cause__ or error}") from error
        raise
    return secure


def tls_for(address: SplitResult) -> ssl.SSLContext | None:
    """What `dial` needs for an ``https`` URL: the system's trusted issuers; None for ``http``."""
    if address.scheme != "https":
        return None
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _lacks_descriptors(error: BaseException) -> bool:
    """Whether it was this process or machine that had no descriptor left, for any of the addresses."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(_lacks_descriptors, error.exceptions))
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return True
    return error.__cause__ is not None and _lacks_descriptors(error.__cause__)


def authority(address: SplitResult) -> str:
    """The host and port as a `Host` header names them (RFC 9110 §7.2)."""
    hostname = address.hostname or ""
    if not hostname.isascii():
        hostname = hostname.encode("idna").decode()
    host = f"[{hostname}]" if ":" in hostname else hostname
    standard = address.port is None or address.port == _PORTS[address.scheme]
    return host if standard else f"{host}:{address.port}"


def socket_of(stream: Dialled) -> trio.socket.SocketType:
    """The socket below a stream."""
    return (
        stream.socket if isinstance(stream, trio.SocketStream) else stream.transport_stream.socket
    )
