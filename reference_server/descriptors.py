"""How many connections there may be at once: what the process's limit of open files has room for.

A server that runs out of descriptors cannot accept, open its database or read a file. So it takes no
more connections than it can keep: its own needs are put aside, the rest is divided among those that have
not spoken yet, HTTP and the realtime channel. The limit itself is the operator's (`ulimit -n`,
systemd's `LimitNOFILE`); of its two values the server takes the hard one.
"""

from __future__ import annotations

import resource
from contextlib import suppress

from msgspec import Struct

OWN = 128
"""For the database and its readers, the listeners, and the files that the worker threads have open."""
MOST_SILENT = 4_096
"""Twice what the kernel lets wait for being accepted: they may all come at once, before any has spoken."""
MOST_HTTP = 5_000
MOST_CHAT = 100_000
"""However many descriptors there are: memory is bounded too."""
UNLIMITED = 1_048_576
"""What is asked for where the hard limit is none; Linux gives no more by default."""


class Capacity(Struct, frozen=True):
    """How many connections of each kind there may be at once.

    `silent` are those whose first request is still to come, `http` what Hypercorn has, `chat` the
    realtime channels.
    """

    silent: int
    http: int
    chat: int


def capacity(limit: int) -> Capacity:
    """What `limit` descriptors have room for.

    An HTTP connection counts twice, for the file that it may carry.
    """
    free = limit - OWN
    silent = min(MOST_SILENT, free // 4)
    http = min(MOST_HTTP, free // 8)
    chat = min(MOST_CHAT, free - silent - 2 * http)
    return Capacity(max(silent, 1), max(http, 1), max(chat, 1))


def limit() -> int:
    """How many descriptors this process may have."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def raise_limit() -> None:
    """Let this process have as many descriptors as it may."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = UNLIMITED if hard == resource.RLIM_INFINITY else hard
    with suppress(ValueError, OSError):  # where the system has a bound of its own, that has to do
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
