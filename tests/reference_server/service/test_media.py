"""Media, where its files and its rows could part."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from hashlib import sha256
from typing import TypeVar

import pytest
import trio

from reference_server.service import Kernel, Service
from reference_server.service.kernel import Outcome
from reference_server.service.media import Claim
from reference_server.storage.base import Commands
from reference_server.storage.sqlite import SqliteStore

from ..people import Person, all_committed

T = TypeVar("T")
PATIENCE_S = 30
CONTENT = b"what nobody can read"
DIGEST = sha256(CONTENT).digest()


async def pieces() -> AsyncGenerator[bytes, None]:
    """An upload's body."""
    yield CONTENT


def next_job(monkeypatch: pytest.MonkeyPatch) -> trio.Event:
    """Set when the next job is in the writer's queue, and whoever gave it waits."""
    event, genuine = trio.Event(), Kernel.do_soon

    def noting(
        kernel: Kernel, deed: Callable[[Commands], Outcome[T]], done: Callable[..., None]
    ) -> None:
        genuine(kernel, deed, done)
        event.set()

    monkeypatch.setattr(Kernel, "do_soon", noting)
    return event


@pytest.mark.usefixtures("commits_apart")
async def test_who_leaves_while_the_row_is_written_takes_no_blob_along(
    service: Service, store: SqliteStore, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row comes all the same, so what clears away meanwhile must still find the blob held."""
    go_on = threading.Event()

    def clear_away(commands: Commands) -> bool:
        assert go_on.wait(PATIENCE_S)
        return store.blobs.remove_unless(DIGEST, commands.keeps_blob)

    async with aclosing(pieces()) as body, trio.open_nursery() as nursery:
        submitted = next_job(monkeypatch)
        service.kernel.writer.submit(clear_away, lambda _: None)
        claim = Claim(media_type="application/octet-stream", digest=None, size=None)
        nursery.start_soon(service.media.upload, alice.identity, claim, body)
        await submitted.wait()
        nursery.cancel_scope.cancel()
        for _ in range(10):  # whoever could end by being cancelled has
            await trio.lowlevel.cancel_shielded_checkpoint()
        go_on.set()
    await all_committed(service)
    with store.reading() as queries:
        assert queries.keeps_blob(DIGEST)
    assert store.blobs.path(DIGEST).exists()
