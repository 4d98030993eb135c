"""The guide to writing scenarios tells the truth."""

import re
from pathlib import Path

import pytest

from conformance.catalogue import load_catalogue
from conformance.language.grammar import MODIFIERS, VERBS
from conformance.language.scenario import Scenario
from conformance.lint import KNOWN_FRAMES
from conformance.loader import load_document
from conformance.matching import OPERATORS, TYPES
from conformance.positions import parse

GUIDE = (Path(__file__).parents[2] / "docs" / "writing-a-scenario.md").read_text("utf-8")


def test_its_first_scenario_is_right() -> None:
    """With the checkers and the parameter that it goes on to add."""
    first, checks, matrix = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)[:3]
    document = parse(Path("offline.yaml"), first + checks)
    assert load_document(document, load_catalogue()).problems == ()
    head, steps = first.split("steps:\n")
    rest = "".join(steps.splitlines(keepends=True)[2:])
    document = parse(Path("offline.yaml"), head + matrix + rest)
    loaded = load_document(document, load_catalogue())
    assert loaded.problems == ()
    assert all(f"`{variant.name}`" in GUIDE for variant in loaded.variants)


@pytest.mark.parametrize(
    "word", [*VERBS, *MODIFIERS, *OPERATORS, *TYPES, *Scenario.__struct_encode_fields__]
)
def test_it_explains_every_word_of_the_language(word: str) -> None:
    """Verbs, modifiers, operators, types, keys of the file."""
    assert re.search(rf"[`{{]{re.escape(word)}[`:]", GUIDE), word


def test_the_frames_it_names_exist() -> None:
    """Those in its examples."""
    named = re.findall(r"(?:expect|never): \{([a-z_]+):", GUIDE)
    assert named
    assert set(named) <= set(KNOWN_FRAMES)
