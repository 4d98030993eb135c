"""The kernel: what is durable is answered, whatever becomes of telling others."""

from __future__ import annotations

import pytest

from reference_server.events import Post
from reference_server.service import Service

from ..people import Person, direct, say


async def test_who_asked_is_answered_though_telling_others_fails(
    service: Service,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A bug in publishing is logged; the entry is in the log, and the next is published again."""
    chat = await direct(service, alice, bob)

    def broken(_: Post) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(service.kernel.hub, "publish", broken)
        assert (await say(service, alice, chat, "one")).seq == 1
    assert [r.exc_info[0] for r in caplog.records if r.exc_info] == [ZeroDivisionError]
    before = service.kernel.hub.entries
    assert (await say(service, alice, chat, "two")).seq == 2
    assert service.kernel.hub.entries == before + 1
