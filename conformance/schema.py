"""The published JSON Schemas (2020-12), made from the same types that the loader uses.

An editor completes and checks scenario files with `specs/scenario.schema.json`. It allows what the
types allow, describes every key by the docstring behind it in `language`, and lets a matrix parameter
(``$via``) stand wherever a typed value does; rules that need more than one key are the linter's.

``python -m conformance.schema`` writes the files anew after a change of `language` or `catalogue`; a test
fails while they are out of date.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from reports import mutants_model as mutants

from . import catalogue
from .language import accounts, encryption, escapes, media, messaging, realtime, scenario, step
from .language.grammar import VERBS
from .resources import MUTANTS_SCHEMA, REQUIREMENTS_SCHEMA, SCENARIO_SCHEMA

Schema = dict[str, Any]

_PARAMETER: Final[Schema] = {
    "type": "string",
    "pattern": r"^\$[a-z]",
    "description": "A matrix parameter, `$name` or `$name.path`.",
}
_LANGUAGE: Final = (accounts, encryption, escapes, media, messaging, realtime, scenario, step)
_STEP: Final = "#/$defs/Step"
_SUBSCHEMAS: Final = ("items", "additionalProperties")


def scenario_schema() -> Schema:
    """The schema of a scenario file."""
    schema = schema_of(scenario.Scenario, "A conformance scenario", *_LANGUAGE)
    definitions = schema["$defs"]
    for name, definition in definitions.items():
        if name != scenario.Scenario.__name__:
            _allow_parameters(definition)
    definitions["Parameter"] = _PARAMETER
    definitions[step.Step.__name__]["oneOf"] = [{"required": [verb]} for verb in VERBS]
    return schema


def requirements_schema() -> Schema:
    """The schema of the requirement catalogue."""
    return schema_of(catalogue.Catalogue, "The requirement catalogue", catalogue)


def published() -> dict[Path, str]:
    """Each published schema file with what it must hold."""
    made = {
        SCENARIO_SCHEMA: scenario_schema(),
        REQUIREMENTS_SCHEMA: requirements_schema(),
        MUTANTS_SCHEMA: mutants.schema(),
    }
    return {
        file: json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for file, schema in made.items()
    }


def schema_of(kind: type[msgspec.Struct], title: str, *modules: ModuleType) -> Schema:
    """The schema of a type, its members described by the docstrings of the modules that define it."""
    schema = msgspec.json.schema(kind)
    for definition in schema["$defs"].values():
        definition["description"] = inspect.cleandoc(definition["description"])
    for struct, field, words in chain.from_iterable(map(_field_docstrings, modules)):
        definition = schema["$defs"].get(struct.__name__)
        if definition is not None:
            name = struct.__struct_encode_fields__[struct.__struct_fields__.index(field)]
            definition["properties"][name].setdefault("description", words)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **schema,
    }


def _field_docstrings(module: ModuleType) -> Iterator[tuple[type[msgspec.Struct], str, str]]:
    """Every struct's documented fields: struct, field, and the string literal below the field."""
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        struct = getattr(module, node.name)
        if not issubclass(struct, msgspec.Struct):
            continue
        for field, below in zip(node.body, node.body[1:], strict=False):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str() as words)),
                ):
                    yield struct, name, inspect.cleandoc(words)


def _allow_parameters(definition: Schema) -> None:
    """Let a parameter stand for each typed value of an object; steps are always written out."""
    properties = definition.get("properties", {})
    for name, schema in properties.items():
        properties[name] = _or_parameter(schema)


def _or_parameter(schema: Schema) -> Schema:
    for key in _SUBSCHEMAS:
        if isinstance(schema.get(key), dict):
            schema[key] = _or_parameter(schema[key])
    typed = {"type", "enum", "$ref", "anyOf"} & schema.keys()
    free_text = schema.get("type") == "string" and "pattern" not in schema
    if not typed or free_text or _holds_steps(schema):
        return schema
    about: Schema = {key: schema.pop(key) for key in ("description", "default") if key in schema}
    return {**about, "if": {"$ref": "#/$defs/Parameter"}, "else": schema}


def _holds_steps(schema: Schema) -> bool:
    return f'"{_STEP}"' in json.dumps(schema)


if __name__ == "__main__":
    for path, text in published().items():
        path.write_text(text, encoding="utf-8")
        print(path)
