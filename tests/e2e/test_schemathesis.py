"""Schemathesis holds the started server against its published contract with generated requests.

It makes right requests and wrong ones out of ``openapi.yaml`` and wants of each answer that it is no
server error, that its status, content type and body are published, that wrong data and missing tokens
are refused. It does not judge whether data that fits a schema is accepted: an id that fits is mostly
nobody's.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from conformance.positions import read
from conformance.resources import OPENAPI
from reference_server.core.limits import CAPABILITIES

from .processes import serving

pytestmark = pytest.mark.side_by_side

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
)
ENDS_THE_SESSION = ("logout", "removeDevice")
"""Operations after which a token works no longer, so they come in a run of their own."""
NOT_OFFERED = tuple(
    operation["operationId"]
    for item in read(OPENAPI).value["paths"].values()
    for operation in item.values()
    if "x-capability" in operation and operation["x-capability"] not in CAPABILITIES
)
OF_BYTES = ("continueUpload", "overrideUpload")
"""Operations whose bodies are of a media type that Schemathesis has no generator for."""
LEFT_OUT = tuple({*NOT_OFFERED, *OF_BYTES})
PATIENCE_S = 100


class Account(NamedTuple):
    """A logged-in user and the group that it owns."""

    token: str
    conversation_id: str


class Generated(NamedTuple):
    """How a run ended and what it said."""

    status: int
    told: str


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in a process of its own, where bob is known."""
    data = tmp_path_factory.mktemp("server") / "data"
    with serving("reference_server", "--throwaway-accounts", data=data) as url:
        yield url


@pytest.fixture(scope="module")
def alice(url: str) -> Account:
    """Alice, in a group with bob where a message was sent."""
    with httpx.Client(base_url=f"{url}/v1.0", trust_env=False) as client:
        for user_id in ("alice", "bob"):
            credentials = {"user_id": user_id, "password": "correct horse battery"}
            asked(client, "/users", credentials)
        credentials = {"user_id": "alice", "password": "correct horse battery"}
        token = asked(client, "/sessions", credentials)["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        group = asked(client, "/conversations", {"kind": "group", "members": ["bob"]})
        hello = {"client_message_id": "one", "body": {"kind": "text", "text": "hello"}}
        asked(client, f"/conversations/{group['conversation_id']}/messages", hello)
    return Account(token, group["conversation_id"])


def asked(client: httpx.Client, path: str, body: Any) -> Any:
    """The answer to a POST that must succeed."""
    response = client.post(path, json=body)
    assert response.status_code == 201, response.text
    return response.json()


def schemathesis(folder: Path, url: str, account: Account | None, *options: str) -> Generated:
    """Generate requests for the operations that `options` choose, with an account's token or none."""
    lines = [
        f'base-url = "{url}"',
        "generation.deterministic = true",
        "generation.max-examples = 10",
        'checks.negative_data_rejection.expected-statuses = ["4xx"]',
    ]
    if account is not None:
        lines += [
            f'headers = {{ Authorization = "Bearer {account.token}" }}',
            f'parameters."path.conversation_id" = "{account.conversation_id}"',
            f'parameters."path.message_id" = "{account.conversation_id}.2"',
        ]
    config = folder / "schemathesis.toml"
    config.write_text("\n".join(lines), "utf-8")
    chosen = ["--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", *options]
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)]
    done = subprocess.run(
        [*command, "run", f"{url}/openapi.json", "--no-color", *chosen],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Generated(done.returncode, done.stdout + done.stderr)


def without(*operations: str) -> list[str]:
    """The options that leave out these operations."""
    return [word for each in operations for word in ("--exclude-operation-id", each)]


def only(*operations: str) -> list[str]:
    """The options that choose these operations."""
    return [word for each in operations for word in ("--include-operation-id", each)]


def test_nothing_undocumented_is_answered_to_a_user(
    url: str, alice: Account, tmp_path: Path
) -> None:
    """With a token that works to the end, for a conversation and a message that are there."""
    run = schemathesis(tmp_path, url, alice, *without(*ENDS_THE_SESSION, *LEFT_OUT))
    assert run.status == 0, run.told
    assert "401 Unauthorized (" not in run.told, run.told


def test_nothing_undocumented_is_answered_to_nobody(url: str, tmp_path: Path) -> None:
    """Without a token."""
    run = schemathesis(tmp_path, url, None, *without(*LEFT_OUT))
    assert run.status == 0, run.told


def test_nothing_undocumented_is_answered_at_the_end_of_a_session(
    url: str, alice: Account, tmp_path: Path
) -> None:
    """Logging out and removing devices; what comes behind is refused."""
    run = schemathesis(tmp_path, url, alice, *only(*ENDS_THE_SESSION))
    assert run.status == 0, run.told
