"""The published data is what the code says it is."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from conformance.catalogue import load_catalogue
from conformance.coverage import cover
from conformance.loader import load_tree, scenario_files
from conformance.positions import read
from conformance.resources import REQUIREMENTS, REQUIREMENTS_SCHEMA, SCENARIO_SCHEMA, SCENARIOS
from conformance.schema import published

FILES = scenario_files(SCENARIOS)


@pytest.fixture(scope="module")
def scenario_schema() -> Draft202012Validator:
    """The published schema of scenario files."""
    schema = json.loads(SCENARIO_SCHEMA.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("file", [SCENARIO_SCHEMA, REQUIREMENTS_SCHEMA], ids=lambda file: file.name)
def test_the_schemas_are_current(file: Path) -> None:
    """After a change of the types: `python -m conformance.schema`."""
    assert file.read_text("utf-8") == published()[file]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_scenario_satisfies_the_schema(
    file: Path, scenario_schema: Draft202012Validator
) -> None:
    """So an editor that uses the schema never marks what the loader accepts."""
    problems = [
        f"{e.json_path}: {e.message}" for e in scenario_schema.iter_errors(read(file).value)
    ]
    assert problems == []


def test_the_scenarios_have_no_problems() -> None:
    """As `msgcheck lint` says."""
    assert list(map(str, load_tree([SCENARIOS]).problems)) == []


def test_a_scenario_lies_in_the_folder_of_its_area() -> None:
    """`status.delivered-then-read` is in `status/`."""
    for variant in load_tree([SCENARIOS]).variants:
        assert variant.file.parent.name == variant.scenario.id.split(".")[0]


def test_every_requirement_is_attacked_from_two_sides() -> None:
    """One scenario proves a promise where its author looked; a second one looks elsewhere."""
    proofs = cover(load_catalogue(), load_tree([SCENARIOS]).variants)
    rows = [row for _, area in proofs for row in area]
    assert [row.requirement.id for row in rows if len(row.scenarios) < 2] == []


def test_the_catalogue_satisfies_its_schema() -> None:
    """For tools that read the catalogue without this code."""
    schema = json.loads(REQUIREMENTS_SCHEMA.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(read(REQUIREMENTS).value)


def test_the_catalogue_holds_every_area_of_the_contract() -> None:
    """In its order, and numbered without a gap."""
    catalogue = load_catalogue()
    assert " ".join(area.prefix for area in catalogue.areas) == (
        "CONV ORD DLV STA PAG RT REL AST ENC SEC ERR LIM EPH"
    )
    for area in catalogue.areas:
        numbers = [int(each.id.partition("-")[2]) for each in area.requirements]
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ({"steps": [{"as": "alice", "conect": {}}]}, "$.steps[0]"),
        ({"steps": [{"as": "alice", "connect": {"wait": "raedy"}}]}, "$.steps[0].connect.wait"),
        ({"steps": [{"as": "alice", "connect": {}, "drop": {}}]}, "$.steps[0]"),
        ({"id": "Nonsense"}, "$.id"),
    ],
)
def test_the_schema_marks_what_the_loader_refuses(
    broken: dict[str, object], path: str, scenario_schema: Draft202012Validator
) -> None:
    """A misspelt verb, a wrong choice, two verbs, a malformed id."""
    step = {"as": "alice", "connect": {"wait": "$case.wait"}}
    right = {
        "id": "a.b",
        "title": "",
        "proves": ["ORD-1"],
        "actors": {"alice": {}},
        "steps": [step],
    }
    assert list(scenario_schema.iter_errors(right)) == []
    assert path in {error.json_path for error in scenario_schema.iter_errors(right | broken)}
