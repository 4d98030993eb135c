"""A TCP or TLS connection that can be cut, and that can stop reading.

A chat client's worst manners happen below its protocol: a phone that vanishes sends no close frame,
one that stalls stops reading while its kernel still accepts. A WebSocket library hides the socket
where both are done, so the suite dials itself (`dialling`) and hands the library this stream:

* :meth:`cut` resets the connection (``SO_LINGER`` of zero), so the peer sees an error, not an end.
* :meth:`freeze` holds back what was read last and reads no more, and has the kernel offer a small window.
  (A small *buffer* would make it drop what it had room for when it was sent. Its sender tries that again
  after twice the time each time, so after a long freeze nothing would come for longer than patience lasts.)
* interim answers (1xx, RFC 9110 §15.2) in front of the one to the handshake are passed over: any server may
  send them, and the library takes the first for a refusal.
* writes are serialised, so that raw bytes can go between the library's own frames.
* a write that fails is no end: a server that has closed the connection has said why before, and what it
  said may still be unread. The library would stop reading and tell of a cut; so only reading ends it.
"""

from __future__ import annotations

import re
import socket
import struct

import trio
from wsproto.frame_protocol import Opcode

from .dialling import Dialled, socket_of

_RESET = struct.pack("ii", 1, 0)
_WINDOW_CLAMP: int | None = getattr(socket, "TCP_WINDOW_CLAMP", None)  # Linux has it
_FROZEN_WINDOW = 16 * 1024
_THAWED_WINDOW = 512 * 1024
_HEAD_LIMIT = 64 * 1024
_INTERIM = re.compile(rb"HTTP/1\.1 1(?!01)\d\d\b.*?\r\n\r\n", re.DOTALL)


class WireStream(trio.abc.Stream):
    """A byte stream over one socket, TLS on top or not."""

    def __init__(self, stream: Dialled) -> None:
        self._stream = stream
        self._socket = socket_of(stream)
        self._writing = trio.Lock()
        self._open = trio.Event()
        self._open.set()
        self.ended = trio.Event()
        """Set when the peer has ended, or broken, its side."""
        self.shaking_hands = True
        """True until :meth:`forget_head`."""
        self.head = b""
        """The first bytes received while shaking hands: the answer to a refused handshake."""

    @property
    def frozen(self) -> bool:
        """Whether reading is suspended."""
        return not self._open.is_set()

    def freeze(self) -> None:
        """Read no more, and let the kernel offer to take in as little as it can."""
        self._open = trio.Event()
        self._offer(_FROZEN_WINDOW)

    def thaw(self) -> None:
        """Read again."""
        if self.frozen and self._socket.fileno() >= 0:
            self._offer(_THAWED_WINDOW)
        self._open.set()

    def _offer(self, window: int) -> None:
        if _WINDOW_CLAMP is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _WINDOW_CLAMP, window)

    def forget_head(self) -> None:
        """The handshake is over: keep no copy of what arrives."""
        self.shaking_hands = False
        self.head = b""

    def cut(self) -> None:
        """Reset the connection, whatever is under way on it."""
        # The descriptor may be gone already: then there is nothing left to reset.
        if self._socket.fileno() >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._socket.close()
        self._open.set()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write, after whoever is writing now; where nobody reads any more, only reading tells so."""
        async with self._writing:
            try:
                await self._stream.send_all(data)
            except trio.BrokenResourceError:
                if self.ended.is_set():
                    raise

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until a write would go through at once."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Read; while frozen, neither read nor hand over what a read under way brought."""
        data = await self._read(max_bytes)
        if self.shaking_hands and not self.head:
            data = await self._final_head(data)
        if self.shaking_hands and len(self.head) < _HEAD_LIMIT:
            self.head += data
        return data

    async def _read(self, max_bytes: int | None) -> bytes:
        await self._open.wait()
        try:
            data = bytes(await self._stream.receive_some(max_bytes))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended.set()
            raise
        await self._open.wait()
        if not data:
            self.ended.set()
        return data

    async def _final_head(self, data: bytes) -> bytes:
        """What begins with `data`, read on until a head that is not an interim one is whole."""
        gathered = data
        while data and len(gathered) < _HEAD_LIMIT:
            while interim := _INTERIM.match(gathered):
                gathered = gathered[interim.end() :]
            if b"\r\n\r\n" in gathered:
                break
            data = await self._read(None)
            gathered += data
        return gathered

    async def aclose(self) -> None:
        """Close the socket, without waiting for a peer that may not answer any more."""
        self._open.set()
        self.ended.set()
        await trio.aclose_forcefully(self._stream)


def raw_message(payload: bytes, *, opcode: Opcode) -> bytes:
    """One unfragmented client frame of RFC 6455 §5.2 around any payload, valid or not.

    The masking key is zero, which the RFC's masking algorithm leaves the payload unchanged by.
    """
    size = len(payload)
    first = 0x80 | opcode
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + bytes(4) + payload
