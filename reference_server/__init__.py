"""The reference server of the Messenger API: small enough to read, quick enough to measure against.

Layers, each of which knows only those to its right::

    transport ─> service ─> core        decisions, no I/O
                    │  └──> storage     one writer, group commit; readers beside it
                    └─────> hub         who is connected, bounded outboxes

`core` is pure; `service` holds the use cases that HTTP and WebSocket share; `app` puts it together.
Nothing is published before it is committed, and no step calls back up.
"""
