"""HOST:PORT on the command line, and ports that are taken."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.addresses import PORTS, Address, address, free_port, listenable

DEFAULT = Address("127.0.0.1", 5557)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("master.example", "master.example", 5557),
        ("master.example:6000", "master.example", 6000),
        (":6000", "127.0.0.1", 6000),
        ("6000", "127.0.0.1", 6000),
        ("10.0.0.7", "10.0.0.7", 5557),
        ("[::1]", "::1", 5557),
        ("[::1]:6000", "::1", 6000),
    ],
)
def test_what_is_left_out_is_the_default(text: str, host: str, port: int) -> None:
    """A host, a port, or both."""
    assert address(text, DEFAULT) == Address(host, port)


@pytest.mark.parametrize("text", ["a:b", "a:0", "a:65536", "a:-1", "::1", "a:", "0", "²"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """With what is one, and the ports that there are."""
    with pytest.raises(ValueError, match=r"is not HOST:PORT, with a port from 1 to 65535"):
        address(text, DEFAULT)


@given(st.sampled_from(["h", "10.0.0.1", "::1", "fe80::2"]), st.integers(PORTS[0], PORTS[-1]))
def test_an_address_is_read_as_it_is_told(host: str, port: int) -> None:
    """Also in brackets."""
    assert address(str(Address(host, port)), DEFAULT) == Address(host, port)


def test_a_port_that_is_taken_is_found_out() -> None:
    """And one that is free is given back with its host as a number, which is what ZeroMQ binds to."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            listenable(Address("localhost", other.getsockname()[1]))
    port = free_port()
    assert listenable(Address("localhost", port)) == Address("127.0.0.1", port)
