"""Accepting when there is nothing to accept with."""

from __future__ import annotations

import errno
from collections.abc import Iterable

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from reference_server.transport.accepting import RETRY_S, accept

Stream = trio.abc.Stream


class Listener(trio.abc.Listener[Stream]):
    """Gives these, one after the other: a connection, or the error of an attempt."""

    def __init__(self, outcomes: Iterable[Stream | OSError]) -> None:
        self._outcomes = iter(outcomes)
        self.closed = False

    async def accept(self) -> Stream:
        """The next."""
        await trio.lowlevel.checkpoint()
        for outcome in self._outcomes:
            if isinstance(outcome, OSError):
                raise outcome
            return outcome
        await trio.sleep_forever()
        raise AssertionError

    async def aclose(self) -> None:
        """Remember it."""
        self.closed = True


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_a_shortage_is_waited_out_and_told_once(
    code: int, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """As often as it fails, with a pause each time; then the connection is served, and closed."""
    theirs, ours = memory_stream_pair()
    listener = Listener([*(OSError(code, "Nothing left") for _ in range(20)), ours])
    served: list[Stream] = []

    async def serve(stream: Stream) -> None:
        served.append(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept, listener, serve, nursery)
        assert await theirs.receive_some() == b""
        nursery.cancel_scope.cancel()
    assert served == [ours]
    assert trio.current_time() == pytest.approx(20 * RETRY_S)
    assert [record.getMessage() for record in caplog.records] == [
        "no connection can be accepted at the moment: Nothing left"
    ]
    assert listener.closed


async def test_any_other_error_of_the_listener_is_not_hidden() -> None:
    """It would never accept again."""
    listener = Listener([OSError(errno.EBADF, "Bad file descriptor")])
    async with trio.open_nursery() as nursery:
        with pytest.raises(OSError, match="Bad file descriptor"):
            await accept(listener, Stream.aclose, nursery)
    assert listener.closed
