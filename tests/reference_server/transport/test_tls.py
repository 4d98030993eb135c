"""TLS on the one listener: HTTP and the realtime channel, on both lanes; who speaks no TLS is cut."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trio
import trustme

from reference_server import tls
from reference_server.core.limits import Limits

from ..people import direct, newcomer
from ..running import Running, running_server
from .peers import PATIENCE_S, Peer, hears, online, send, websocket_on

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def authority() -> trustme.CA:
    """Who signs the server's certificate."""
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client's context that trusts the authority."""
    made = ssl.create_default_context()
    authority.configure_trust(made)
    return made


@pytest.fixture
async def secured(tmp_path: Path, authority: trustme.CA) -> AsyncIterator[Running]:
    """A server with a certificate of its own."""
    certfile = tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certfile)
    context = tls.context(certfile, None)
    async with running_server(tmp_path / "data", Limits(), tls=context) as running:
        yield running


async def tls_stream(
    server: Running, trusting: ssl.SSLContext
) -> trio.SSLStream[trio.SocketStream]:
    """A connection to it, the handshake done."""
    plain = await server.connect()
    stream = trio.SSLStream(plain, trusting, server_hostname="127.0.0.1", https_compatible=True)
    await stream.do_handshake()
    return stream


async def test_http_is_served_over_tls(secured: Running, trusting: ssl.SSLContext) -> None:
    """Several requests on one connection; the URL that is told begins with https."""
    assert secured.url.startswith("https://127.0.0.1:")
    alice = await newcomer(secured.service, "alice")
    async with httpx.AsyncClient(
        base_url=secured.url, verify=trusting, headers=alice.authorization
    ) as http:
        for _ in range(3):
            assert (await http.get("/v1.0/devices")).status_code == 200


@pytest.mark.parametrize("first", [b"", REQUEST], ids=["fast lane", "reused connection"])
async def test_messages_go_over_tls_on_both_lanes(
    secured: Running, trusting: ssl.SSLContext, first: bytes
) -> None:
    """`wss`, many messages both ways at once, and a close that is told."""
    alice = await newcomer(secured.service, "alice")
    bob = await newcomer(secured.service, "bob")
    chat = await direct(secured.service, alice, bob)

    async def stream() -> trio.SSLStream[trio.SocketStream]:
        opened = await tls_stream(secured, trusting)
        if first:
            await opened.send_all(first)
            answer = b""
            while not answer.endswith(b"}"):
                answer += await opened.receive_some()
        return opened

    async def exchange(peer: Peer, name: str) -> None:
        await peer.says(*(send(chat, f"{name}-{number}") for number in range(100)))
        kinds = [(await peer.next())["type"] for _ in range(200)]
        assert sorted(kinds) == ["message"] * 100 + ["sent"] * 100

    with trio.fail_after(PATIENCE_S):
        async with (
            websocket_on(await stream(), alice) as hers,
            websocket_on(await stream(), bob) as his,
            trio.open_nursery() as nursery,
        ):
            await online(hers)
            await online(his)  # before the other speaks, or it would find some of it in its backlog
            nursery.start_soon(exchange, hers, "alice")
            nursery.start_soon(exchange, his, "bob")
        async with websocket_on(await stream(), alice) as hers:
            await hears(hers, "welcome")
            await secured.service.accounts.logout(alice.identity)
            assert await hers.ended() == 4401


async def test_a_client_that_speaks_no_tls_is_cut_and_others_are_served(
    secured: Running, trusting: ssl.SSLContext
) -> None:
    """Nothing of HTTP is answered in the clear."""
    async with await secured.connect() as plain:
        await plain.send_all(REQUEST)
        answer = b""
        try:
            while data := await plain.receive_some():
                answer += data
        except trio.BrokenResourceError:
            pass
        assert b"HTTP" not in answer
    async with httpx.AsyncClient(base_url=secured.url, verify=trusting) as http:
        assert (await http.get("/healthz")).status_code == 200


async def test_an_untrusted_certificate_is_the_clients_to_refuse(secured: Running) -> None:
    """The server goes on."""
    async with httpx.AsyncClient(base_url=secured.url) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("/healthz")


def test_a_key_that_is_not_the_certificates_is_refused(
    tmp_path: Path, authority: trustme.CA
) -> None:
    """At the start, in a sentence."""
    one, other = tmp_path / "cert.pem", tmp_path / "key.pem"
    authority.issue_cert("127.0.0.1").cert_chain_pems[0].write_to_path(one)
    authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(other)
    with pytest.raises(tls.CertificateUnusable, match=r"cert\.pem with the key .* belong together"):
        tls.context(one, other)
    with pytest.raises(tls.CertificateUnusable, match="--keyfile"):
        tls.context(one, None)
    with pytest.raises(tls.CertificateUnusable, match=r"none\.pem cannot be read: No such file"):
        tls.context(tmp_path / "none.pem", None)
