"""Requests and what to expect of their answers."""

from __future__ import annotations

from typing import Any

import httpx

from ...people import Person


async def ask(
    client: httpx.AsyncClient,
    who: Person | None,
    method: str,
    path: str,
    body: object = None,
    **options: Any,
) -> httpx.Response:
    """A request, with a JSON body if one is given; never answered with a 5xx."""
    headers = dict(who.authorization if who else {}) | options.pop("headers", {})
    if body is not None:
        options["json"] = body
    answer = await client.request(method, path, headers=headers, **options)
    assert answer.status_code < 500, answer.text
    return answer


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document (RFC 9457) that the answer must be, in the shape of §1 (ERR-1)."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["code"]) == (status, code), document
    assert document["status"] == status
    assert all(document[member] for member in ("type", "title", "detail"))
    return document


def pointers(document: dict[str, Any]) -> list[str]:
    """The places that a problem points at."""
    return [place["pointer"] for place in document["errors"]]


def good(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The JSON object that the answer must be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document
