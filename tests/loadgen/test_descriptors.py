"""Enough file descriptors, or a word about it before anything begins."""

from __future__ import annotations

import resource

import pytest

from loadgen.descriptors import allow
from loadgen.schedule import Load, Mix

TEXTS = Load(rate=1, warmup=0, duration=1)
FILES = Load(rate=1, warmup=0, duration=1, mix=Mix(media=1))
Limits = tuple[int, int]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Limits]:
    """What the system is asked for; it allows 100 now and 400 at most."""
    asked: list[Limits] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 400))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    return asked


def test_few_devices_need_nothing(asked: list[Limits]) -> None:
    """What is allowed is left as it is."""
    allow(20, TEXTS)
    assert asked == []


def test_the_limit_is_raised_as_far_as_it_may_be(asked: list[Limits]) -> None:
    """Because the target's process is started by this one, and needs as many."""
    allow(200, TEXTS)
    assert asked == [(400, 400)]


@pytest.mark.parametrize(("devices", "load"), [(400, TEXTS), (200, FILES)], ids=["texts", "files"])
def test_more_devices_than_descriptors_are_refused(
    devices: int, load: Load, asked: list[Limits]
) -> None:
    """Calls over HTTP beside the sockets count as well; it is told what to do."""
    with pytest.raises(ValueError, match=rf"{devices} devices need \d+ file descriptors.*ulimit"):
        allow(devices, load)
    assert asked == []


def test_where_there_is_no_limit_as_many_are_asked_for_as_are_needed(
    monkeypatch: pytest.MonkeyPatch, asked: list[Limits]
) -> None:
    """Asking for infinitely many is refused by some systems."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, resource.RLIM_INFINITY))
    allow(5000, TEXTS)
    assert asked[0][0] >= 5000
    assert asked[0][1] == resource.RLIM_INFINITY
