"""The messenger adapter's verbs over HTTP, against answers made up by each test."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from conformance.adapters.base import (
    Impatient,
    Malformed,
    RawRequest,
    Refusal,
    SendCall,
    TargetTrouble,
    Unanswered,
)
from conformance.adapters.messenger import MessengerAdapter, manners
from conformance.adapters.messenger.adapter import MessengerSession
from conformance.adapters.messenger.client import MessengerClient
from conformance.adapters.messenger.http11 import NoAnswer, NotConnected, Reply, TimedOut
from conformance.adapters.messenger.rest import path_of
from conformance.history import (
    Accepted,
    ConversationSeen,
    History,
    PageRead,
    Refused,
    Restarted,
    Sending,
    WalkDone,
    Wire,
)
from conformance.patience import Patience

from .made_up import BASE, Asked, reply, session_with

Json = Any
Handler = Callable[[Asked], Reply]


class Server:
    """What answers; a test sets `handler`."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.handler: Handler = lambda _request: reply(200, {})

    def __call__(self, request: Asked) -> Reply:
        """Answer a request."""
        self.requests.append(request)
        return self.handler(request)

    def answers(self, *answers: Json, status: int = 200) -> None:
        """Give these JSON answers, one after the other."""
        waiting = iter(answers)
        self.handler = lambda _request: reply(status, next(waiting))


@pytest.fixture
def server() -> Server:
    """The made-up server."""
    return Server()


@pytest.fixture
async def session(server: Server, history: History, nursery: trio.Nursery) -> MessengerSession:
    """A session whose HTTP goes to the made-up server."""
    return session_with(server, history, nursery)


@pytest.fixture
def alice(session: MessengerSession) -> MessengerClient:
    """Alice's device, logged in."""
    client = session.client("alice.main")
    client.user_id, client.device_id, client.token = "alice", "phone", "secret"
    return client


def _query(request: Asked) -> bytes:
    return request.target.partition(b"?")[2]


def entry(seq: int) -> Json:
    """A log entry."""
    return {"conversation_id": "c1", "seq": seq, "message_id": f"m{seq}", "body": {}}


def page(*seqs: int, before: str | None, after: str, older: bool, newer: bool) -> Json:
    """A page of the history; empty members are left out, as a server may."""
    answer: Json = {"after": after, "has_older": older, "has_newer": newer}
    if seqs:
        answer["items"] = [entry(seq) for seq in seqs]
    if before is not None:
        answer["before"] = before
    return answer


def conversation(conversation_id: str, *users: str) -> Json:
    """A direct conversation."""
    member = {"role": "member", "joined_seq": 1, "delivered_seq": 0, "read_seq": 0}
    members = [{"user_id": user, **member} for user in users]
    return {
        "conversation_id": conversation_id,
        "kind": "direct",
        "head_seq": 0,
        "members": members,
    }


# ── requests ──────────────────────────────────────────────────────────────────────────────────


def test_ids_and_queries_are_escaped() -> None:
    """An id of any characters stays one segment of the path."""
    assert path_of("users", "a/b ?ü") == "/v1.0/users/a%2Fb%20%3F%C3%BC"
    assert path_of("x", query={"limit": 0, "before": None, "after": ""}) == "/v1.0/x?limit=0&after="


async def test_requests_go_below_the_targets_address_with_the_token(
    server: Server, alice: MessengerClient
) -> None:
    """A target may live below a path; its log can be read beside the scenario that is named."""
    server.answers({"user_id": "bob"})
    await alice.profile("bob")
    (request,) = server.requests
    assert request.target == b"/below/v1.0/users/bob"
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["x-msgcheck-scenario"] == "a.b"


async def test_a_raw_request_goes_out_as_it_is_written(
    server: Server, alice: MessengerClient
) -> None:
    """Dots and escapes are not tidied up, and a header of the scenario's own wins."""
    assert alice.raw is not None
    headers = {"authorization": "Basic x"}
    request = RawRequest(method="GET", path="/v1.0/a/../b%2F?x=é", headers=headers, content=None)
    answer = await alice.raw.request(request)
    assert answer["status"] == 200
    assert server.requests[0].target == b"/below/v1.0/a/../b%2F?x=%C3%A9"
    assert server.requests[0].headers["authorization"] == "Basic x"


# ── refusals and other trouble ────────────────────────────────────────────────────────────────


async def test_a_problem_document_is_a_refusal_with_all_its_members(
    server: Server, alice: MessengerClient
) -> None:
    """Scenarios match on them."""
    problem = {"code": "unknown_user", "detail": "nobody", "status": 404, "hint": [1]}
    media_type = "application/problem+json; charset=utf-8"
    server.handler = lambda _: reply(404, problem, Content_Type=media_type)
    with pytest.raises(Refusal) as refusal:
        await alice.profile("bob")
    assert refusal.value.body == problem
    assert refusal.value.flaw is None


@pytest.mark.parametrize(
    ("content_type", "body", "flaw"),
    [
        ("application/json", '{"code": "x"}', "its content type is application/json"),
        ("text/html", "<h1>", "its content type is text/html"),
        ("application/problem+json", '{"title": "x"}', "it has no `code`"),
        ("application/problem+json", "[1]", "it has no `code`"),
    ],
)
async def test_a_refusal_that_is_no_problem_document_says_what_is_wrong(
    server: Server, alice: MessengerClient, content_type: str, body: str, flaw: str
) -> None:
    """It refuses all the same, but has no code."""
    server.handler = lambda _: reply(403, body.encode(), Content_Type=content_type)
    with pytest.raises(Refusal) as refusal:
        await alice.profile("bob")
    assert refusal.value.code is None
    assert flaw in (refusal.value.flaw or "")


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (NotConnected("refused"), TargetTrouble),
        (TimedOut(5), Impatient),
        (NoAnswer("reset"), Unanswered),
    ],
)
async def test_trouble_on_the_network_is_told_apart(
    server: Server, alice: MessengerClient, error: Exception, trouble: type[Exception]
) -> None:
    """Gone, silent, or broken off: three different things."""

    def fail(_request: Asked) -> Reply:
        raise error

    server.handler = fail
    with pytest.raises(trouble) as caught:
        await alice.profile("bob")
    assert type(caught.value) is trouble


async def test_nobody_is_blamed_for_a_server_that_the_suite_killed(
    server: Server, session: MessengerSession, alice: MessengerClient, history: History
) -> None:
    """While it restarts, a refused connection is an answer that did not come."""

    def refuse(_request: Asked) -> Reply:
        raise NotConnected("refused")

    server.handler = refuse

    async def restart() -> None:
        with pytest.raises(Unanswered):
            await alice.profile("bob")

    await session.server_away("restart", restart)
    assert any(isinstance(event, Restarted) for event in history)
    with pytest.raises(TargetTrouble):
        await alice.profile("bob")


@pytest.mark.parametrize(
    ("status", "body", "requirements"),
    [
        (500, {"code": "internal"}, ["SEC-4", "ERR-1"]),
        (502, "bad gateway", ["SEC-4", "ERR-1"]),
        (503, {"code": "unavailable"}, []),
        (404, {"code": "unknown_user"}, []),
    ],
)
async def test_a_server_error_is_never_right(
    server: Server,
    alice: MessengerClient,
    history: History,
    status: int,
    body: Json,
    requirements: list[str],
) -> None:
    """Whatever was asked; but a server in trouble may say `unavailable`."""
    server.answers(body, status=status)
    with pytest.raises(Refusal):
        await alice.profile("bob")
    assert [violation.requirement for violation in manners.check(history)] == requirements


async def test_a_success_of_another_shape_is_malformed(
    server: Server, alice: MessengerClient
) -> None:
    """With the place of the first deviation."""
    server.answers({"conversation_id": 5, "kind": "direct", "head_seq": 0})
    with pytest.raises(Malformed, match=r"conversation_id"):
        await alice.conversation("c1")


# ── what answers mean ─────────────────────────────────────────────────────────────────────────


async def test_a_message_over_http_is_a_send_with_its_outcome(
    server: Server, alice: MessengerClient, history: History
) -> None:
    """Call and answer share an operation; the answer has the names a realtime one has."""
    message = {**entry(3), "created_at": "t", "client_message_id": "k"}
    server.answers({"message": message, "duplicate": True})
    call = SendCall(conversation_id="c1", client_message_id="k", body={"kind": "text"})
    answer = await alice.send_message(call)
    assert (answer["seq"], answer["duplicate"], answer["client_message_id"]) == (3, True, "k")
    sending, accepted = (e for e in history if isinstance(e, (Sending, Accepted)))
    assert isinstance(sending, Sending)
    assert isinstance(accepted, Accepted)
    assert sending.op == accepted.op
    assert sending.conn is None
    assert accepted.duplicate


async def test_a_raw_request_that_posts_a_message_is_noted_as_a_send(
    server: Server, alice: MessengerClient, history: History
) -> None:
    """Or the checkers would find an entry that nobody sent."""
    answers = iter(
        [
            reply(201, {"message": {**entry(1), "created_at": "t"}, "duplicate": False}),
            reply(422, {"code": "invalid_body"}),
        ]
    )
    server.handler = lambda _request: next(answers)
    assert alice.raw is not None
    post = RawRequest(
        method="POST",
        path="/v1.0/conversations/c1/messages",
        headers={},
        content=b'{"client_message_id": "k", "body": {}}',
    )
    await alice.raw.request(post)
    await alice.raw.request(post)
    noted = [type(event) for event in history if not isinstance(event, Wire)]
    assert noted == [Sending, Accepted, Sending, Refused]


async def test_a_conversation_without_its_members_is_seen_without_them(
    server: Server, alice: MessengerClient, history: History
) -> None:
    """Left out of a large group's listing is unknown; one who has left has none."""
    plain = {"kind": "group", "head_seq": 4}
    server.answers(
        {
            "items": [
                {"conversation_id": "a", **plain},
                {"conversation_id": "b", **plain, "left": True},
            ]
        }
    )
    await alice.conversations()
    seen = {e.conversation_id: e.members for e in history if isinstance(e, ConversationSeen)}
    assert seen == {"a": None, "b": {}}


async def test_conversations_of_hidden_users_are_taken_out_of_lists(
    server: Server, session: MessengerSession, alice: MessengerClient
) -> None:
    """The barrier's sentinel is nobody's acquaintance."""
    session.sentinel("sentinel-1")
    server.answers(
        {
            "items": [
                conversation("c1", "alice", "bob"),
                conversation("c9", "alice", "sentinel-1"),
            ],
            "next_cursor": None,
        }
    )
    answer = await alice.walk_conversations()
    assert [item["conversation_id"] for item in answer["items"]] == ["c1"]


async def test_a_hidden_users_doings_leave_only_hidden_raw_events(
    server: Server, session: MessengerSession, history: History
) -> None:
    """And its conversations are known as hidden from then on."""
    sentinel = session.sentinel("sentinel-1")
    server.answers(conversation("c9", "sentinel-1", "alice"))
    await sentinel.create_direct(["alice"])
    assert all(isinstance(event, Wire) and event.hidden for event in history)
    assert sentinel.notebook.hidden_conversations == {"c9"}


# ── pages and walks ───────────────────────────────────────────────────────────────────────────


async def test_a_page_has_its_empty_members_put_back(
    server: Server, alice: MessengerClient, history: History
) -> None:
    """A server may leave out `items` and `before` when there are none."""
    server.answers(page(before=None, after="x", older=False, newer=False))
    answer = await alice.page("c1", limit=3)
    assert (answer["items"], answer["before"]) == ([], None)
    (read,) = [event for event in history if isinstance(event, PageRead)]
    assert (read.limit, read.direction, read.start, read.walk) == (3, None, True, None)


async def test_a_walk_before_goes_from_the_latest_page_to_the_oldest(
    server: Server, alice: MessengerClient, history: History
) -> None:
    """Its items are in ascending order, and its `after` cursor is the newest page's."""
    server.answers(
        page(3, 4, before="older", after="newest", older=True, newer=False),
        page(1, 2, before=None, after="a", older=False, newer=True),
    )
    walked = await alice.walk("c1", "before", limit=2)
    assert [item["seq"] for item in walked.items] == [1, 2, 3, 4]
    assert walked.after == "newest"
    assert [_query(request) for request in server.requests] == [
        b"limit=2",
        b"limit=2&before=older",
    ]
    pages = [event for event in history if isinstance(event, PageRead)]
    assert [(read.direction, read.start, read.walk) for read in pages] == [
        (None, True, 1),
        ("before", False, 1),
    ]
    (done,) = [event for event in history if isinstance(event, WalkDone)]
    assert done.whole
    assert done.asked == pages[0].asked


async def test_a_walk_after_begins_at_the_oldest_entry_or_where_one_left_off(
    server: Server, alice: MessengerClient, history: History
) -> None:
    """An empty cursor, or the one that was kept."""
    server.answers(
        page(1, before=None, after="one", older=False, newer=True),
        page(2, before="b", after="two", older=True, newer=False),
        page(before="b", after="two", older=True, newer=False),
    )
    walked = await alice.walk("c1", "after")
    again = await alice.walk("c1", "after", start=walked.after)
    assert [item["seq"] for item in walked.items] == [1, 2]
    assert again.items == []
    assert [_query(request) for request in server.requests] == [
        b"after=",
        b"after=one",
        b"after=two",
    ]
    assert [e.whole for e in history if isinstance(e, WalkDone)] == [True, False]


async def test_a_walk_that_gets_nowhere_is_given_up(server: Server, alice: MessengerClient) -> None:
    """A cursor that does not advance would have the suite walk for ever."""
    stuck = page(before="b", after="x", older=True, newer=True)
    server.answers(*[stuck] * 5)
    with pytest.raises(Malformed, match="does not come to an end") as complaint:
        await alice.walk("c1", "after")
    assert complaint.value.requirement == "PAG-2"


async def test_a_request_can_be_repeated_by_hand_without_its_token(
    server: Server, alice: MessengerClient, history: History
) -> None:
    """The command quotes what a shell would take apart."""
    server.answers({"user_id": "it's"})
    await alice.register("it's", "secret-word", None)
    (request,) = [e for e in history if isinstance(e, Wire) and e.kind == "request"]
    command = MessengerAdapter(BASE, Patience()).repeat_by_hand(request.n, history)
    assert command == (
        "curl -i -X POST -H 'Content-Type: application/json' "
        '-H "Authorization: Bearer $TOKEN" '
        """--data-binary '{"user_id":"it'"'"'s","password":"secret-word"}' """
        f"{BASE}/v1.0/users"
    )
