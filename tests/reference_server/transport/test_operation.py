"""What the operator sees: the access log and the metrics, over real connections."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from reference_server.core.limits import Limits
from reference_server.logs import JsonLines

from ..people import PASSWORD, group, newcomer
from ..running import Running, running_server
from .peers import PATIENCE_S, hears, new_connection, online, over, send

SECRET_TEXT = "the-swallow-flies-at-noon"


class AccessLog(logging.Handler):
    """The lines of the access log as they are written, for a test to wait for."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._write, self._read = trio.open_memory_channel[dict[str, Any]](100)
        self._form = JsonLines()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self._write.send_nowait(json.loads(self._form.format(record)))

    async def next(self) -> dict[str, Any]:
        """The next line."""
        with trio.fail_after(PATIENCE_S):
            return await self._read.receive()


@pytest.fixture
def access_log(caplog: pytest.LogCaptureFixture) -> Iterator[AccessLog]:
    """The access log from here on."""
    caplog.set_level(logging.INFO, "reference_server.access")
    handler = AccessLog()
    logger = logging.getLogger("reference_server.access")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


async def metrics_of(server: Running) -> dict[str, float]:
    """`GET /metrics`, as series to values."""
    async with httpx.AsyncClient(base_url=server.url) as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = (line for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_a_request_is_one_line_under_the_id_that_its_answer_tells(
    server: Running, access_log: AccessLog
) -> None:
    """With who asked, for which scenario, by which route, what became of it and how long it took."""
    alice = await newcomer(server.service, "alice")
    async with httpx.AsyncClient(base_url=server.url) as http:
        answer = await http.get(
            "/v1.0/users/nobody",
            headers={**alice.authorization, "X-Msgcheck-Scenario": "accounts.unknown-user"},
        )
    line = await access_log.next()
    assert line.pop("duration_ms") > 0
    line.pop("time")
    assert line == {
        "level": "info",
        "logger": "reference_server.access",
        "event": "request",
        "request_id": answer.headers["X-Request-Id"],
        "scenario": "accounts.unknown-user",
        "user": "alice",
        "method": "GET",
        "route": "/v1.0/users/<user_id>",
        "status": 404,
        "code": "unknown_user",
    }


async def test_a_realtime_connection_is_a_request_and_an_end(
    server: Running, access_log: AccessLog
) -> None:
    """Both under one request id."""
    alice = await newcomer(server.service, "alice")
    async with over(server, new_connection)(alice) as peer:
        await online(peer)
        await server.service.accounts.logout(alice.identity)
        assert await peer.ended() == 4401
    begun, ended = await access_log.next(), await access_log.next()
    assert begun["status"] == 101
    assert ended["event"] == "connection ended"
    assert ended["request_id"] == begun["request_id"]
    assert (ended["user"], ended["device"], ended["close_code"]) == ("alice", "phone", 4401)


async def test_the_log_holds_no_token_no_password_and_no_text(
    server: Running, caplog: pytest.LogCaptureFixture, access_log: AccessLog
) -> None:
    """At the most talkative level."""
    caplog.set_level(logging.DEBUG)
    bob = await newcomer(server.service, "bob")
    async with httpx.AsyncClient(base_url=server.url) as http:
        await http.post("/v1.0/users", json={"user_id": "alice", "password": PASSWORD})
        login = await http.post("/v1.0/sessions", json={"user_id": "alice", "password": PASSWORD})
        token = login.json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        made = await http.post(
            "/v1.0/conversations", json={"kind": "direct", "members": ["bob"]}, headers=headers
        )
        where = f"/v1.0/conversations/{made.json()['conversation_id']}/messages"
        body = {"kind": "text", "text": SECRET_TEXT}
        await http.post(where, json={"client_message_id": "1", "body": body}, headers=headers)
        await http.post(where, content=f'{{"{SECRET_TEXT}', headers=headers)
    async with over(server, new_connection)(bob) as peer:
        await online(peer)
        await peer.says(f'{{"{SECRET_TEXT}')
        await peer.ended()
    for event in ["request"] * 6 + ["connection ended"]:
        assert (await access_log.next())["event"] == event
    formatter = JsonLines()
    whole = "\n".join(
        formatter.format(record)
        for record in caplog.records
        if record.name.partition(".")[0] in ("reference_server", "hypercorn", "quart")
    )
    for secret in (PASSWORD, token, bob.token, SECRET_TEXT):
        assert secret not in whole


async def test_a_scenario_that_is_no_id_is_not_logged(
    server: Running, access_log: AccessLog
) -> None:
    """A client writes nothing of its own making into the log."""
    async with httpx.AsyncClient(base_url=server.url) as http:
        await http.get("/healthz", headers={"X-Msgcheck-Scenario": "x" * 5_000})
    line = await access_log.next()
    assert "scenario" not in line


async def test_a_path_that_is_no_route_is_shortened(server: Running, access_log: AccessLog) -> None:
    """It is logged, for who looks for the typing error; without its query."""
    async with httpx.AsyncClient(base_url=server.url) as http:
        await http.get("/" + "x" * 5_000 + "?token=hush")
    line = await access_log.next()
    assert line["path"] == "/" + "x" * 199


async def test_metrics_follow_a_message(server: Running) -> None:
    """Connections, messages, fan-out, the batch that committed it, and the refusal of another."""
    alice = await newcomer(server.service, "alice")
    bob = await newcomer(server.service, "bob")
    chat = await group(server.service, alice, bob)  # who share no direct one are told no presence
    connect = over(server, new_connection)
    before = await metrics_of(server)
    async with connect(alice) as hers, connect(bob) as his:
        await online(hers)
        await online(his)
        await hers.says(send(chat, "hello"), send("nowhere", "lost"))
        await hears(hers, "sent")
        await hears(hers, "failed")
        await hears(his, "message")
        during = await metrics_of(server)
    assert during["messenger_connections"] == 2
    assert during["messenger_messages_total"] - before["messenger_messages_total"] == 1
    assert during["messenger_deliveries_total"] - before["messenger_deliveries_total"] == 1
    assert during["messenger_commit_seconds_count"] > before["messenger_commit_seconds_count"]
    assert (
        during["messenger_commit_batch_jobs_sum"] - before["messenger_commit_batch_jobs_sum"] >= 2
    )
    assert during['messenger_errors_total{code="unknown_conversation"}'] == 1
    shaken = 'messenger_http_requests_total{method="GET",route="/v1.0/chat",status="101"}'
    assert during[shaken] == 2


async def test_metrics_have_no_label_of_a_clients_making(server: Running) -> None:
    """A thousand unknown paths are one series."""
    async with httpx.AsyncClient(base_url=server.url) as http:
        for number in range(20):
            await http.request(f"X{number}", f"/{number}")
    figures = await metrics_of(server)
    requests = [name for name in figures if name.startswith("messenger_http_requests_total")]
    assert requests == ['messenger_http_requests_total{method="other",route="(none)",status="404"}']


async def test_metrics_ask_for_their_own_token_where_there_is_one(tmp_path: Path) -> None:
    """No user's token opens them, and theirs opens nothing else."""
    async with (
        running_server(tmp_path, Limits(), metrics_token="the operator's") as server,
        httpx.AsyncClient(base_url=server.url) as http,
    ):
        alice = await newcomer(server.service, "alice")
        operator = {"Authorization": "Bearer the operator's"}
        assert (await http.get("/metrics")).status_code == 401
        assert (await http.get("/metrics", headers=alice.authorization)).status_code == 401
        assert (await http.get("/metrics", headers=operator)).status_code == 200
        assert (await http.get("/v1.0/devices", headers=operator)).status_code == 401


async def test_an_answer_tells_where_its_time_went(server: Running) -> None:
    """`Server-Timing`: what waits for the writer and its commit, what reads, and the total."""
    alice = await newcomer(server.service, "alice")
    async with httpx.AsyncClient(base_url=server.url, headers=alice.authorization) as http:
        read = await http.get("/v1.0/devices")
        written = await http.patch("/v1.0/users/me", json={"display_name": "Alice"})
        neither = await http.get("/healthz")
    assert _hops(read) == ["read", "total"]
    assert _hops(written) == ["queue", "commit", "total"]
    assert _hops(neither) == ["total"]


def _hops(answer: httpx.Response) -> list[str]:
    return [metric.partition(";dur=")[0] for metric in answer.headers["Server-Timing"].split(", ")]
