"""The contract's two files are right in themselves: valid, whole, and true of their own examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from conformance.contract import published
from conformance.positions import read
from conformance.resources import ASYNCAPI, OPENAPI

HTTP: Any = read(OPENAPI).value
FRAMES: Any = read(ASYNCAPI).value
DOCUMENTS = {"openapi.yaml": HTTP, "asyncapi.yaml": FRAMES}
BASE = "https://messenger.invalid/"
REGISTRY = jsonschema_rs.Registry([(BASE + name, document) for name, document in DOCUMENTS.items()])
CHANNEL = FRAMES["channels"]["chat"]
MESSAGES: dict[str, Any] = FRAMES["components"]["messages"]


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from walk(each)


def look_up(document: str, reference: str) -> Any:
    """What a reference in `document` means. Raises `KeyError`."""
    name, _, pointer = reference.partition("#")
    found = DOCUMENTS[name or document]
    for part in pointer.strip("/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def test_openapi_yaml_is_valid_openapi() -> None:
    """By the OpenAPI Initiative's own schema for 3.1, references included."""
    validate(HTTP)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_is_published_with_a_yaml_problem(name: str) -> None:
    """A key that comes twice would silently hide the first."""
    assert read({"openapi.yaml": OPENAPI, "asyncapi.yaml": ASYNCAPI}[name]).problems == ()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_reference_leads_somewhere(name: str) -> None:
    """In the file itself or in the other one."""
    references = [each["$ref"] for each in walk(DOCUMENTS[name]) if "$ref" in each]
    assert references
    for reference in references:
        look_up(name, reference)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_reference_stands_alone(name: str) -> None:
    """JSON Schema's draft 7, which AsyncAPI means, ignores what stands beside it."""
    assert [each for each in walk(DOCUMENTS[name]) if "$ref" in each and len(each) > 1] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_schema_is_left_unused(name: str) -> None:
    """What nothing refers to is a leftover."""
    used = {
        each["$ref"].rpartition("/")[2]
        for document in DOCUMENTS.values()
        for each in walk(document)
        if "$ref" in each
    }
    assert set(DOCUMENTS[name]["components"]["schemas"]) - used == set()


def test_objects_are_open() -> None:
    """A server may send more members than are named."""
    for document in DOCUMENTS.values():
        closed = [each for each in walk(document) if each.get("additionalProperties") is False]
        assert closed == []


def test_what_may_be_null_or_empty_is_never_required() -> None:
    """Such members may be left out (§1); arrays that are never empty say so with `minItems`."""
    for name, document in DOCUMENTS.items():
        for schema in walk(document):
            for member in (
                schema.get("required", ()) if isinstance(schema.get("required"), list) else ()
            ):
                described = schema.get("properties", {}).get(member, {})
                while "$ref" in described:
                    described = look_up(name, described["$ref"])
                kinds = described.get("type", [])
                kinds = [kinds] if isinstance(kinds, str) else kinds
                assert "null" not in kinds, (name, member)
                alternatives = [each.get("type") for each in described.get("anyOf", ())]
                assert "null" not in alternatives, (name, member)


def test_every_operation_has_its_name_tag_and_summary() -> None:
    """And the tag is one of those described."""
    tags = {tag["name"] for tag in HTTP["tags"]}
    names = []
    for item in HTTP["paths"].values():
        for method in item.keys() - {"parameters"}:
            names.append(item[method]["operationId"])
            assert item[method]["summary"]
            assert set(item[method]["tags"]) <= tags
    assert len(names) == len(set(names))


def test_every_operation_but_the_open_ones_may_answer_401() -> None:
    """Registration, login, discovery and health alone need no token (SEC-1)."""
    for path, item in HTTP["paths"].items():
        for method in item.keys() - {"parameters"}:
            operation = item[method]
            is_open = operation.get("security") == []
            unauthorized = {"$ref": "#/components/responses/unauthorized"}
            assert (operation["responses"].get("401") == unauthorized) != is_open, (method, path)


def test_every_code_has_one_status() -> None:
    """The catalogue of codes and their table by status are the same."""
    codes = HTTP["components"]["schemas"]["ErrorCode"]
    tabled = [code for names in codes["x-status"].values() for code in names]
    assert sorted(tabled) == sorted(codes["enum"])
    assert set().union(*codes["x-capabilities"].values()) <= set(tabled)


@pytest.mark.parametrize("name", HTTP["components"]["responses"])
def test_every_refusal_has_the_status_of_its_codes(name: str) -> None:
    """And is used with that status; its description explains each of its codes."""
    response = HTTP["components"]["responses"][name]
    problem = response["content"].get("application/problem+json")
    uses = {
        status
        for operation in walk(HTTP["paths"])
        for status, each in operation.get("responses", {}).items()
        if each == {"$ref": f"#/components/responses/{name}"}
    }
    assert uses, "it is not used"
    if problem is None:
        return
    described = problem["schema"]["allOf"][1]["properties"]
    code = described["code"]
    for each in code.get("enum", [code.get("const")]):
        assert f"`{each}`" in response["description"]
        assert {str(published().statuses[each])} == uses == {str(described["status"]["const"])}


def examples() -> Iterator[Any]:
    """Every example, with the schema that it is of."""
    for name, schema in HTTP["components"]["schemas"].items():
        uri = f"{BASE}openapi.yaml#/components/schemas/{name}"
        for number, example in enumerate(schema.get("examples", ())):
            yield pytest.param({"$ref": uri}, example, id=f"{name}-{number}")
    for content in walk(HTTP):
        if "schema" in content and ("example" in content or "examples" in content):
            values = [each["value"] for each in content.get("examples", {}).values()]
            values += [content["example"]] if "example" in content else []
            schema = in_full(content["schema"])
            for value in values:
                yield pytest.param(schema, value, id=str(value)[:50])
    for key, message in MESSAGES.items():
        uri = f"{BASE}asyncapi.yaml#/components/messages/{key}/payload"
        for number, example in enumerate(message["examples"]):
            yield pytest.param({"$ref": uri}, example["payload"], id=f"{key}-{number}")


def in_full(schema: Any) -> Any:
    """A schema out of openapi.yaml whose references say where they lead from anywhere."""
    if isinstance(schema, dict):
        return {
            key: f"{BASE}openapi.yaml{value}" if key == "$ref" else in_full(value)
            for key, value in schema.items()
        }
    return [in_full(each) for each in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize(("schema", "example"), list(examples()))
def test_every_example_is_of_its_shape(schema: Any, example: Any) -> None:
    """A wrong example would be copied first."""
    validator = jsonschema_rs.validator_for(schema, registry=REGISTRY, offline=True)
    assert [error.message for error in validator.iter_errors(example)] == []


def test_asyncapi_yaml_is_whole() -> None:
    """Of AsyncAPI 3.0's objects it has what they need, and each frame stands in all its places."""
    assert FRAMES["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= FRAMES["info"].keys()
    assert CHANNEL["address"] in HTTP["paths"]
    listed = {reference["$ref"] for reference in CHANNEL["messages"].values()}
    assert listed == {f"#/components/messages/{key}" for key in MESSAGES}
    spoken: dict[str, list[str]] = {"send": [], "receive": []}
    for operation in FRAMES["operations"].values():
        assert operation["channel"] == {"$ref": "#/channels/chat"}
        spoken[operation["action"]] += [each["$ref"] for each in operation["messages"]]
    assert sorted(spoken["send"] + spoken["receive"]) == sorted(
        f"#/channels/chat/messages/{key}" for key in CHANNEL["messages"]
    )
    assert all(reference.endswith("Request") for reference in spoken["receive"])


@pytest.mark.parametrize("key", MESSAGES)
def test_a_frame_is_told_by_its_type(key: str) -> None:
    """Its name is the constant `type` of its payload, and its key says who sends it."""
    message = MESSAGES[key]
    schema = look_up("asyncapi.yaml", message["payload"]["$ref"])
    assert key.removesuffix("Request") == message["name"]
    assert schema["properties"]["type"] == {"const": message["name"]}
    assert "type" in schema["required"]
