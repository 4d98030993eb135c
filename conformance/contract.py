"""The published contract, as something to hold answers and frames against.

``specs/openapi.yaml`` says what each operation may be asked and may answer, ``specs/asyncapi.yaml`` what
each frame looks like, with the shapes that both need in the former. Both are read once, when first
needed; each schema is compiled when the first answer or frame of its kind is judged::

    (method, path) ──> Operation ──(status, media type)──> Shape ──(body)──> Deviation …
    type of a frame ─────────────────────────────────────> Shape ──(frame)─> Deviation …
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from typing import Literal
from urllib.parse import quote, unquote

import jsonschema_rs
from msgspec import Struct

from .positions import read
from .resources import ASYNCAPI, OPENAPI
from .values import Json, pointer

Writer = Literal["client", "server"]

_BASE = "https://messenger.invalid/"
_HTTP = f"{_BASE}{OPENAPI.name}"
_FRAMES = f"{_BASE}{ASYNCAPI.name}"
_ACTIONS: Mapping[Writer, str] = {"client": "receive", "server": "send"}
"""What asyncapi.yaml, which speaks as the server, calls what each of the two writes."""
_SHOWN = 200
"""Characters of a complaint that a reader needs; beyond them it is the server's own text."""


class Deviation(Struct, frozen=True):
    """One place where a value is not as published."""

    pointer: str
    """An RFC 6901 pointer into the value; empty for all of it."""
    expected: str

    def __str__(self) -> str:
        return f"at {self.pointer}: {self.expected}" if self.pointer else self.expected


class Shape:
    """A published JSON Schema, compiled when it is first needed."""

    def __init__(self, uri: str, registry: jsonschema_rs.Registry) -> None:
        self._uri = uri
        self._registry = registry

    @cached_property
    def _validator(self) -> jsonschema_rs.Validator:
        return jsonschema_rs.validator_for(
            {"$ref": self._uri}, registry=self._registry, offline=True
        )

    def fits(self, value: Json) -> bool:
        """Whether `value` is of this shape."""
        return self._validator.is_valid(value)

    def deviations(self, value: Json) -> Iterator[Deviation]:
        """Where `value` is not of this shape."""
        try:
            if not self._validator.is_valid(value):
                for error in self._validator.iter_errors(value):
                    yield Deviation(pointer(error.instance_path), _shortened(_nearest(error)))
        except ValueError:  # the library's own end, far beyond the API's
            yield Deviation("", "JSON is nested at most 32 deep")


class Answer(Struct, frozen=True):
    """What an operation may answer with one status: shapes by media type, None for any bytes.

    Empty where no body is described.
    """

    contents: Mapping[str, Shape | None]

    def of(self, media_type: str) -> tuple[bool, Shape | None]:
        """Whether the media type is one of the published, and the shape to hold the body against."""
        family = f"{media_type.partition('/')[0]}/*"
        for known in (media_type, family, "*/*"):
            if known in self.contents:
                return True, self.contents[known]
        return not self.contents, None


class Operation(Struct, frozen=True):
    """One method of one path."""

    method: str
    path: str
    capability: str | None
    """The optional capability that it belongs to."""
    parameters: tuple[Shape, ...]
    """The parts of the path that are parameters, in order."""
    answers: Mapping[int, Answer]

    @property
    def name(self) -> str:
        """How a complaint calls it."""
        return f"{self.method} {self.path}"


class Frame(Struct, frozen=True):
    """A type of frame, and who writes it."""

    writer: Writer
    type: str
    capability: str | None

    @property
    def name(self) -> str:
        """How coverage calls it."""
        return f"{self.writer} {self.type}"


class Found(Struct, frozen=True):
    """A request's operation; `well_addressed` if the parameters in its path are of their shapes."""

    operation: Operation
    well_addressed: bool


class Contract:
    """Both files; see `published`."""

    def __init__(self, http: Json, frames: Json) -> None:
        self._http = http
        self._frames = frames
        self._registry = jsonschema_rs.Registry([(_HTTP, http), (_FRAMES, frames)])
        self.problem = self._shape(_HTTP, ("components", "schemas", "Problem"))
        errors = http["components"]["schemas"]["ErrorCode"]
        self.statuses: dict[str, int] = {
            code: int(status) for status, names in errors["x-status"].items() for code in names
        }
        """The HTTP status of each error code (§11)."""
        self.capability_of_code: dict[str, str] = {
            code: name for name, codes in errors["x-capabilities"].items() for code in codes
        }
        """The optional capability without which an error code has no use; most have none."""
        routes = map(self._route, range(len(http["paths"])), http["paths"])
        self._routes = sorted(routes, key=lambda route: route.rank)
        self._frame_shapes = dict(self._from_server())

    def find(self, method: str, target: str) -> Found | None:
        """The operation behind a request line; None where the contract has none."""
        path = target.partition("?")[0]
        for route in self._routes:
            if match := route.pattern.fullmatch(path):
                operation = route.operations.get(method)
                if operation is None:
                    return None
                parts = zip(operation.parameters, match.groups(), strict=True)
                return Found(operation, all(shape.fits(unquote(part)) for shape, part in parts))
        return None

    def frame(self, kind: str) -> Shape | None:
        """The shape of a frame from the server; None for a type that the contract does not know."""
        return self._frame_shapes.get(kind)

    @property
    def operations(self) -> list[Operation]:
        """Every operation, in the order of the file."""
        routes = sorted(self._routes, key=lambda route: route.place)
        return [each for route in routes for each in route.operations.values()]

    @property
    def frames(self) -> list[Frame]:
        """Every type of frame, clients' first."""
        return [
            Frame(writer, message["name"], message.get("x-capability"))
            for writer, action in _ACTIONS.items()
            for _, message in self._messages(action)
        ]

    @property
    def close_codes(self) -> list[int]:
        """Every code with which a connection may end."""
        return [int(code) for code in self._frames["channels"]["chat"]["x-close-codes"]]

    # ── reading the files ─────────────────────────────────────────────────────────────────────

    def _shape(self, document: str, path: tuple[str, ...]) -> Shape:
        return Shape(f"{document}#{quote(pointer(path))}", self._registry)

    def _route(self, place: int, path: str) -> _Route:
        item = self._http["paths"][path]
        pattern = re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(path))
        operations = {
            method.upper(): self._operation(method, path, item)
            for method in item
            if method in _METHODS
        }
        return _Route(place, path.count("{"), re.compile(pattern), operations)

    def _operation(self, method: str, path: str, item: Json) -> Operation:
        described = item[method]
        at = ("paths", path, method)
        return Operation(
            method=method.upper(),
            path=path,
            capability=described.get("x-capability"),
            parameters=tuple(
                self._shape(_HTTP, (*place, "schema"))
                for place in map(self._place, item.get("parameters", ()))
                if self._at(place)["in"] == "path"
            ),
            answers={
                int(status): self._answer((*at, "responses", status))
                for status in described["responses"]
            },
        )

    def _answer(self, at: tuple[str, ...]) -> Answer:
        answer = self._at(at)
        if "$ref" in answer:
            return self._answer(self._place(answer))
        return Answer(
            {
                media_type: self._shape(_HTTP, (*at, "content", media_type, "schema"))
                if "schema" in content
                else None
                for media_type, content in answer.get("content", {}).items()
            }
        )

    def _at(self, place: tuple[str, ...]) -> Json:
        found: Json = self._http
        for part in place:
            found = found[part]
        return found

    @staticmethod
    def _place(reference: Json) -> tuple[str, ...]:
        return tuple(reference["$ref"].removeprefix("#/").split("/"))

    def _from_server(self) -> Iterator[tuple[str, Shape]]:
        for key, message in self._messages(_ACTIONS["server"]):
            at = ("components", "messages", key, "payload")
            yield message["name"], self._shape(_FRAMES, at)

    def _messages(self, action: str) -> Iterator[tuple[str, Json]]:
        """What the server sends, or receives: keys and messages of asyncapi.yaml."""
        for operation in self._frames["operations"].values():
            if operation["action"] == action:
                for reference in operation["messages"]:
                    key = self._place(reference)[-1]
                    yield key, self._frames["components"]["messages"][key]


class _Route(Struct, frozen=True):
    place: int
    """Where it stands in the file."""
    rank: int
    """How many parameters it has: a path that has fewer goes first (OpenAPI 3.1, §4.8.8)."""
    pattern: re.Pattern[str]
    operations: Mapping[str, Operation]


_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})


@cache
def published() -> Contract:
    """The contract in ``specs/``."""
    return Contract(read(OPENAPI).value, read(ASYNCAPI).value)


def _nearest(error: jsonschema_rs.ValidationError) -> str:
    """What was expected; of several alternatives, of the first, the others being null."""
    alternatives = getattr(error.kind, "context", None)
    if alternatives and alternatives[0]:
        return _nearest(alternatives[0][0])
    return error.message


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
