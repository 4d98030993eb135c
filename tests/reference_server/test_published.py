"""The contract as the server gives it away: to everyone, and to read without a network."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest
from quart_trio import QuartTrio

from conformance.positions import read
from conformance.resources import ASYNCAPI, OPENAPI
from reference_server.service import Service
from reference_server.transport.http import make_app


@pytest.fixture
def app(service: Service) -> QuartTrio:
    """The HTTP application."""
    return make_app(service)


async def test_openapi_json_is_the_published_file(app: QuartTrio) -> None:
    """No token is needed."""
    response = await app.test_client().get("/openapi.json")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert msgspec.json.decode(await response.get_data()) == read(OPENAPI).value


class Page(HTMLParser):
    """What a page names, and what it would fetch or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.foreign: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note its names and links."""
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name == "src":
                self.foreign.append(value or "")
        if tag in ("script", "link", "iframe"):
            self.foreign.append(tag)


async def test_the_page_works_offline(app: QuartTrio) -> None:
    """It fetches nothing and runs nothing, its links lead somewhere, and no token is needed."""
    response = await app.test_client().get("/docs")
    assert response.status_code == 200
    assert response.content_type == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    page = Page(await response.get_data(as_text=True))
    assert page.foreign == []
    assert len(page.ids) == len(set(page.ids))
    assert set(page.links) - {"openapi.json"} <= {f"#{name}" for name in page.ids}


async def test_the_page_shows_all_of_it(app: QuartTrio) -> None:
    """Every operation, shape, frame, error code and close code."""
    response = await app.test_client().get("/docs")
    text = await response.get_data(as_text=True)
    page = Page(text)
    http, frames = read(OPENAPI).value, read(ASYNCAPI).value
    for item in http["paths"].values():
        for method in item.keys() - {"parameters"}:
            assert f"operation-{item[method]['operationId']}" in page.ids
    shown = set(re.findall(r"<code>([^<]+)</code>", text)) | set(
        re.findall(r"<b>([^<]+)</b>", text)
    )
    assert http["components"]["schemas"].keys() <= shown
    assert set(http["components"]["schemas"]["ErrorCode"]["enum"]) <= shown
    assert frames["channels"]["chat"]["x-close-codes"].keys() <= shown
    assert {each["name"] for each in frames["components"]["messages"].values()} <= shown


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_a_wrong_method_is_405_without_a_token(app: QuartTrio, path: str) -> None:
    """As for every open path."""
    response = await app.test_client().post(path)
    assert response.status_code == 405
    assert msgspec.json.decode(await response.get_data())["code"] == "method_not_allowed"
