"""The contract as the server gives it away: ``/openapi.json``, and ``/docs`` to read (no token needed).

Both come from the files in ``specs/``, which a test holds against the routes and frames of this server:
what is served is what was tested. The page is rendered here, so it needs no script, nothing from
elsewhere, and shows the realtime channel beside the HTTP operations. What belongs to a capability that
this server does not offer is marked on the page.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from quart import Blueprint, Response

from ..core.limits import CAPABILITIES

SPECS = Path(__file__).resolve().parents[2] / "specs"
TEMPLATES = Path(__file__).parent / "templates"
PATHS = ("/openapi.json", "/docs")
_METHODS = ("get", "post", "put", "patch", "delete", "head")
_NOTHING_FROM_ELSEWHERE = "default-src 'none'; style-src 'unsafe-inline'"

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def routes() -> Blueprint:
    """The two routes; the files are read when they are first asked for."""
    blueprint = Blueprint("published", __name__)

    @blueprint.get("/openapi.json")
    async def openapi() -> Response:
        return Response(openapi_json(), content_type="application/json")

    @blueprint.get("/docs")
    async def docs() -> Response:
        headers = {"Content-Security-Policy": _NOTHING_FROM_ELSEWHERE}
        return Response(docs_html(), content_type="text/html; charset=utf-8", headers=headers)

    return blueprint


@cache
def openapi_json() -> bytes:
    """``openapi.yaml`` as JSON."""
    return msgspec.json.encode(_specification("openapi"))


@cache
def docs_html() -> str:
    """The page."""
    http, frames = _specification("openapi"), _specification("asyncapi")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(pretty=_pretty, prose=_prose)
    return environment.get_template("docs.html").render(
        http=http,
        operations=_operations(http),
        frames=[_frame(frames, key) for key in frames["components"]["messages"]],
        shapes=http["components"]["schemas"] | _parts(frames),
        channel=frames["channels"]["chat"],
        frames_info=frames["info"],
        codes=http["components"]["schemas"]["ErrorCode"]["x-status"],
        offered=CAPABILITIES,
    )


def _specification(name: str) -> Any:
    return yaml.load((SPECS / f"{name}.yaml").read_bytes(), _Loader)  # noqa: S506 - a safe one


def _operations(http: Any) -> dict[str, list[dict[str, Any]]]:
    """What the page shows of each operation, by tag."""
    by_tag: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in http["tags"]}
    for path, item in http["paths"].items():
        for method in _METHODS:
            if method in item:
                described = item[method]
                by_tag[described["tags"][0]].append(
                    {
                        "method": method.upper(),
                        "path": path,
                        "about": described,
                        "open": described.get("security") == [],
                        "parameters": [
                            _resolved(http, each)
                            for each in (
                                *item.get("parameters", ()),
                                *described.get("parameters", ()),
                            )
                        ],
                        "asks": _contents(described.get("requestBody", {})),
                        "answers": {
                            status: _resolved(http, each)
                            for status, each in described["responses"].items()
                        },
                    }
                )
    return by_tag


def _contents(described: Any) -> dict[str, Any]:
    """The schema's name and the examples of a body, by media type."""
    found: dict[str, Any] = {}
    for media_type, content in described.get("content", {}).items():
        examples = [each["value"] for each in content.get("examples", {}).values()]
        if "example" in content:
            examples.append(content["example"])
        found[media_type] = {"schema": _name(content.get("schema", {})), "examples": examples}
    return found


def _frame(frames: Any, key: str) -> dict[str, Any]:
    message = frames["components"]["messages"][key]
    sent = any(
        reference["$ref"].endswith(f"/{key}")
        for reference in frames["operations"]["sendToClient"]["messages"]
    )
    return {
        "about": message,
        "from": "server" if sent else "client",
        "schema": _resolved(frames, message["payload"]),
        "examples": [each["payload"] for each in message.get("examples", ())],
    }


def _parts(frames: Any) -> dict[str, Any]:
    """The shapes of the realtime channel that are no whole frames."""
    payloads = {_name(message["payload"]) for message in frames["components"]["messages"].values()}
    schemas = frames["components"]["schemas"].items()
    return {name: schema for name, schema in schemas if name not in payloads}


def _resolved(document: Any, value: Any) -> Any:
    while "$ref" in value:
        found = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def _name(schema: Any) -> str:
    reference: str = schema.get("$ref", "")
    return reference.rpartition("/")[2]


def _prose(text: str) -> Markup:
    """A description: the little of CommonMark that they use, paragraphs, `code` and **strong**."""
    escaped = str(escape(text.strip())).replace("\n\n", "<br><br>")
    for pattern, element in ((r"`([^`]+)`", "code"), (r"\*\*([^*]+)\*\*", "strong")):
        escaped = re.sub(pattern, rf"<{element}>\1</{element}>", escaped)
    return Markup(escaped)  # noqa: S704 - escaped above


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
