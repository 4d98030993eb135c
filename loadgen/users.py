"""The people of a load: each device is one Locust user, a greenlet that lives on its connection.

A device registers (or logs in), waits until its conversation is there, connects, and from then on only
reads: it passes every frame to the books and acknowledges what came. Sending is not its own idea; the
scheduler of the process makes it send when the plan says, without waiting for the socket.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from functools import cache, partial
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import gevent
import msgspec
from gevent import GreenletExit
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore
from gevent.monkey import get_original
from gevent.socket import wait_write
from locust import User, task
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import StopUser

from .accounting import Device
from .client import (
    Channel,
    Disconnected,
    Failed,
    Frame,
    Message,
    Problem,
    ReplayComplete,
    Sent,
    Status,
    ToDevice,
)
from .crew import Comeback, Crew, Seat, watermark
from .descriptors import SETTING_UP
from .host import GiveUp, clock
from .joining import POLL, create, log_in

READ_BYTES: Final = 16_384
"""Of one read. All of it is allocated before it is known how much comes, which is little nearly always."""
READ: Final = 1
"""The event loop's word for "there is something to read"."""
RECONNECT_AFTER: Final = 0.2
"""Seconds from the end of a connection to the next attempt."""
HTTP_PATIENCE: Final = 60.0
"""Seconds for one HTTP answer; registering is slow by intent (password hashing)."""
STOPPED: Final = "the users were stopped before the end, as Locust's page can do"
GOOD: Final = (200, 201, 204)
FILE: Final = "application/octet-stream"
JSON: Final = "application/json"


class Http:
    """HTTP calls of all devices, over connections that they share."""

    def __init__(self, url: str, environment: Environment, at_once: int = SETTING_UP) -> None:
        self._session = FastHttpSession(
            url,
            environment.events.request,
            None,
            insecure=False,
            concurrency=at_once,
            connection_timeout=HTTP_PATIENCE,
            network_timeout=HTTP_PATIENCE,
        )
        self._free = BoundedSemaphore(at_once)

    def must(self, method: str, path: str, *, token: str = "", content: Any = None) -> Any:
        """The JSON of a good answer, as :meth:`must_come`."""
        answer = self.must_come(method, path, token=token, content=content)
        try:
            return msgspec.json.decode(answer)
        except msgspec.DecodeError:
            raise GiveUp("refused", f"{method} {_kind(path)}: the answer is no JSON") from None

    def must_come(self, method: str, path: str, *, token: str = "", content: Any = None) -> bytes:
        """The content of a good answer. Raises `GiveUp` for another one, or if there is none.

        What is sent along is a file (bytes), or something that becomes JSON.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if content is not None:
            headers["Content-Type"] = FILE if isinstance(content, bytes) else JSON
            if not isinstance(content, bytes):
                content = msgspec.json.encode(content)
        with self._free:
            answer = self._session.request(
                method, path, name=_kind(path), data=content, headers=headers
            )
        if not answer.status_code:
            why = getattr(answer, "error", "no connection")
            text = f"{method} {_kind(path)}: no answer ({why})"
            raise GiveUp("unreachable", text, "no answer over HTTP")
        if answer.status_code not in GOOD:
            problem = _problem(answer.content or b"")
            raise GiveUp(
                "refused",
                f"{method} {_kind(path)} was answered with {answer.status_code} {problem.code} "
                f"{problem.detail}".rstrip(),
                f"{answer.status_code} {problem.code}",
            )
        return answer.content or b""


def _kind(path: str) -> str:
    """What calls are called together: their path without ids and query."""
    return "/".join(path.partition("?")[0].split("/")[:3])


def _problem(content: bytes) -> Problem:
    """What an error says of itself."""
    try:
        return msgspec.json.decode(content, type=Problem)
    except msgspec.MsgspecError:
        return Problem("without a problem document")


class DeviceUser(User):
    """One device. Locust makes as many as there are seats; each takes the next one."""

    crew: ClassVar[Crew | None] = None
    """None in a worker that was not given a share."""
    http: ClassVar[Http]

    @task
    def live(self) -> None:
        """Everything that the device does, once."""
        crew = self.crew
        if crew is not None and crew.boarding:
            try:
                _live(crew, self.http, crew.boarding.pop())
            except GiveUp as trouble:
                crew.give_up(trouble)
            except GreenletExit:
                crew.give_up(GiveUp("internal", STOPPED))
                raise
            except Exception as error:
                crew.give_up(GiveUp("internal", f"a device failed: {error!r}"))
                raise
        raise StopUser


def _live(crew: Crew, http: Http, seat: Seat) -> None:
    name, token = log_in(crew, http, seat)
    crew.logged_in(seat, name, seat.device_id, token)
    meeting = seat.meeting
    meeting.absent -= 1
    if not meeting.absent:
        meeting.token = token
        meeting.talk = create(crew, http, meeting, seat.user)
    while meeting.talk is None:
        if crew.trouble or crew.closing:
            return
        gevent.sleep(POLL)
    device = Device(name, meeting.talk)
    meeting.talk.devices.append(device)
    connection = Connection(crew, device, seat, token)
    while not crew.closing:
        try:
            connection.run()
        except (Disconnected, OSError) as error:
            if not connection.joined:
                raise GiveUp("unreachable", f"a device could not connect: {error}") from None
        device.stream.reconnected()
        if connection.comeback is None:
            crew.left()
        gevent.sleep(connection.rest)


class Connection:
    """A device on its socket. It may be run again after it ended."""

    def __init__(self, crew: Crew, device: Device, seat: Seat, token: str) -> None:
        self.device = device
        self.seat = seat
        self.live = False
        self.joined = False
        self.comeback: Comeback | None = None
        self._crew = crew
        self.token = token
        self._unwritten = bytearray()
        self._secure = crew.plan.url.startswith("https")
        self._handlers: dict[type[Frame], Callable[[Any, int], None]] = {
            Message: self._came,
            Sent: partial(crew.accounting.sent, device),
            Status: partial(crew.accounting.status, device),
            Failed: self._failed,
            ToDevice: self._aside,
            ReplayComplete: self._replayed,
        }

    @property
    def rest(self) -> float:
        """Seconds until it is to be run again."""
        if self.comeback is None or self.comeback.began:
            return RECONNECT_AFTER
        return max(0, self.comeback.planned - clock()) / 1e6

    def run(self) -> None:
        """Connect, and be connected until the end. Raises `Disconnected` or `OSError`."""
        url = self._crew.plan.url
        if self.comeback is not None and not self.comeback.began:
            self.comeback.began = clock()
        self._channel = Channel(url, self.token)
        self._socket = sock = _connected(url)
        self._ended: AsyncResult[None] = AsyncResult()
        readable = gevent.get_hub().loop.io(sock.fileno(), READ)
        try:
            self._flush()
            readable.start(self._read)
            self._ended.get()
        finally:
            self.live = False
            readable.stop()
            readable.close()
            self._unwritten.clear()
            sock.close()

    def _read(self) -> None:
        """Take what there is. Called by the event loop itself, so this must not wait."""
        now = 0
        try:
            while True:
                data = self._socket.recv(READ_BYTES)
                now = clock()
                for frame in self._channel.receive(data):
                    if handle := self._handlers.get(type(frame)):
                        handle(frame, now)
                if len(data) < READ_BYTES and not self._secure:
                    break
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except Exception as error:
            self._ended.set_exception(error)
            return
        self._flush()
        self._crew.host.look(now)

    def send(self, frame: bytes) -> None:
        """Write a frame without waiting."""
        self._channel.send(frame)
        self._flush()

    def cut(self, comeback: Comeback) -> None:
        """End without a word."""
        if self.live:
            self.live = False
            self.comeback = comeback
            self._ended.set_exception(Disconnected("cut by the plan"))

    def close(self) -> None:
        """Begin the closing handshake."""
        if self.live:
            self.live = False
            self._channel.close()
            self._flush()

    def _came(self, frame: Message, now: int) -> None:
        crew, device = self._crew, self.device
        if crew.accounting.came(device, frame.message, now):
            self._channel.send(watermark("delivered", device, frame.message.seq))
            crew.will_read(self, now)
            if frame.message.body.asset_id is not None:
                crew.saw_file(self, frame.message.body.asset_id, now)

    def _failed(self, frame: Failed, _now: int) -> None:
        self._crew.accounting.failed(frame)

    def _aside(self, frame: ToDevice, _now: int) -> None:
        self._crew.got_aside(self, frame)

    def _replayed(self, _frame: ReplayComplete, now: int) -> None:
        self.live = True
        if not self.joined:
            self.joined = True
            self._crew.joined(self)
            return
        if back := self.comeback:
            self._crew.accounting.connected_again(back.planned, back.began, now, back.measured)
            self.comeback = None
        self._crew.is_back(self)

    def _flush(self) -> None:
        data = self._channel.data_to_send()
        if self._unwritten:
            self._unwritten += data
        elif data:
            written = self._write(data)
            if written < len(data):
                self._unwritten += data[written:]
                gevent.spawn(self._write_rest, self._socket)

    def _write(self, data: bytes) -> int:
        """Write what the socket takes at once."""
        try:
            return self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0
        except OSError:
            return len(data)  # the reading side meets the same end, and tells

    def _write_rest(self, sock: socket.socket) -> None:
        """Write what the socket did not take, when it takes it."""
        try:
            while self._unwritten and sock is self._socket:
                wait_write(sock.fileno())
                del self._unwritten[: self._write(bytes(self._unwritten[:READ_BYTES]))]
        except OSError:
            self._unwritten.clear()


def _connected(url: str) -> socket.socket:
    """A socket that never waits. Without TLS it is the system's own: gevent's does more for each call."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    secure = parts.scheme == "https"
    sock = socket.create_connection(
        (parts.hostname, parts.port or (443 if secure else 80)), timeout=HTTP_PATIENCE
    )
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if secure:
        sock = _tls().wrap_socket(sock, server_hostname=parts.hostname)
        sock.settimeout(0.0)
        return sock
    plain: socket.socket = get_original("socket", "socket")(fileno=sock.detach())
    plain.setblocking(False)
    return plain


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the system's certificates takes longer than a handshake."""
    return ssl.create_default_context()
