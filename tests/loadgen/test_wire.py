"""The pipe, the channel and the accounts file: what comes in is understood or refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from conformance.problems import BadInput
from loadgen.accounts import load_accounts
from loadgen.client import Channel, Disconnected, Entry, Message, Sent
from loadgen.hops import Counts
from loadgen.plan import Account
from loadgen.wire import Finished, Interval, Preparing, Report, Unpacker, packed

REPORTS: list[Report] = [
    Preparing(1, 2),
    Interval(second=3, counts=Counts(sent=4), samples={"a": b"\0\1"}, in_flight=5, cpu=0.5),
    Finished(6, 0.25),
]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_reports_survive_the_pipe_however_it_is_cut(cuts: list[int]) -> None:
    """A read may end anywhere."""
    data = b"".join(map(packed, REPORTS))
    unpacker, heard = Unpacker(), list[Report]()
    position = 0
    for cut in [*cuts, len(data)]:
        heard += unpacker.feed(data[position : position + cut])
        position += cut
    assert heard == REPORTS


class Server:
    """The other side of a channel."""

    def __init__(self) -> None:
        self._protocol = ServerProtocol()
        self.channel = Channel("http://localhost:1", "secret")
        self._protocol.receive_data(self.channel.data_to_send())
        (request,) = self._protocol.events_received()
        assert isinstance(request, Request)
        self.request = request
        self._protocol.send_response(self._protocol.accept(request))

    def says(self, *frames: Frame) -> list[object]:
        """What the channel makes of frames."""
        for frame in frames:
            self._protocol.send_frame(frame)
        return list(self.channel.receive(b"".join(self._protocol.data_to_send())))

    def hears(self) -> list[bytes]:
        """The texts that the channel sent, as a strict WebSocket implementation reads them."""
        self._protocol.receive_data(self.channel.data_to_send())
        heard = self._protocol.events_received()
        return [bytes(frame.data) for frame in heard if isinstance(frame, Frame)]


def encoded(frame: object) -> bytes:
    """A frame as JSON."""
    return msgspec.json.encode(frame)


def test_a_channel_shows_its_token_in_the_header_alone() -> None:
    """Tokens never travel in a URL."""
    request = Server().request
    assert request.headers["Authorization"] == "Bearer secret"
    assert "secret" not in request.path


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_of_any_length_is_read_by_others(length: int) -> None:
    """The header has three forms (RFC 6455, section 5.2)."""
    server = Server()
    server.says()
    text = b"x" * length
    server.channel.send(text)
    server.channel.send(b"next")
    assert server.hears() == [text, b"next"]


def test_frames_that_matter_are_read_and_others_passed_over() -> None:
    """Unknown types are allowed; so are members that nobody here looks at."""
    server = Server()
    sent = Sent("id", "c", 4)
    message = Message(Entry("c", 5, "bob", "x"))
    found = server.says(
        Frame(Opcode.TEXT, encoded(sent)),
        Frame(Opcode.TEXT, b'{"type":"presence","user_id":"bob"}'),
        Frame(Opcode.TEXT, encoded(message)[:10], fin=False),
        Frame(Opcode.CONT, encoded(message)[10:]),
    )
    assert found == [sent, message]


@pytest.mark.parametrize("text", [b"", b"[]", b'{"type":"sent"}', b'{"type":7}', b"no json"])
def test_nonsense_ends_the_connection_with_its_reason(text: bytes) -> None:
    """And never with a traceback."""
    with pytest.raises(Disconnected, match="a frame that is none"):
        Server().says(Frame(Opcode.TEXT, text))


def test_a_connection_that_ends_is_told() -> None:
    """Without a close frame, too."""
    server = Server()
    server.says()
    with pytest.raises(Disconnected, match="without a close frame"):
        list(server.channel.receive(b""))


def test_accounts_are_read_with_or_without_a_header(tmp_path: Path) -> None:
    """As many as are needed, in their order."""
    file = tmp_path / "users.csv"
    file.write_text("user_id,password\nalice, secret\n\nbob,word\ncarol,x\n")
    assert load_accounts(file, 2) == (Account("alice", "secret"), Account("bob", "word"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alice,secret\n", "it has 1 users, and 2 are needed"),
        ("alice,secret\nbob\n", r":2: a line is `user_id,password`"),
        ("alice,secret\nalice,word\n", "a user is in it twice"),
        ("alice,secret\nbob,\n", r":2: a line is"),
    ],
)
def test_a_wrong_accounts_file_is_refused_with_its_place(
    text: str, words: str, tmp_path: Path
) -> None:
    """Before anybody logs in."""
    file = tmp_path / "users.csv"
    file.write_text(text)
    with pytest.raises(BadInput, match=words):
        load_accounts(file, 2)
    with pytest.raises(BadInput, match="No such file"):
        load_accounts(tmp_path / "none.csv", 2)
