"""The requirement catalogue, and the map from it to scenarios."""

from pathlib import Path

import pytest

from conformance.catalogue import Catalogue, load_catalogue
from conformance.coverage import claims, cover, proved
from conformance.problems import BadInput

from .scenarios import load, scenario

CATALOGUE = """\
contract: Some API
capabilities: {groups: many at once}
codes: {malformed: 400}
areas:
  - prefix: ORD
    title: Order
    requirements:
      - {id: ORD-1, level: MUST, text: One., source: §1}
      - {id: ORD-2, level: SHOULD, text: Two., source: §2, capability: groups}
"""


def test_a_catalogue_is_read_by_area_and_by_id(tmp_path: Path) -> None:
    """Ids keep the order of the contract."""
    file = tmp_path / "requirements.yaml"
    file.write_text(CATALOGUE)
    catalogue = load_catalogue(file)
    assert [area.title for area in catalogue.areas] == ["Order"]
    assert list(catalogue.requirements) == ["ORD-1", "ORD-2"]
    assert catalogue.requirements["ORD-2"].capability == "groups"
    assert catalogue.requirements["ORD-1"].capability is None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("id: ORD-2", "id: ORD-1", ":9:14: `ORD-1` is here twice"),
        ("id: ORD-2", "id: DLV-2", ":9:14: an id of this area begins with `ORD-`"),
        ("capability: groups", "capability: group", "unknown capability `group`: did you mean"),
        ("SHOULD", "SHALL", "`level` must be one of `MUST`, `SHOULD`, not the text"),
        ("text: One., ", "", ":8:9: `requirements[0]` needs `text`"),
        ("contract: Some API\n", "", ":1:1: the file needs `contract`"),
    ],
)
def test_a_mistake_in_the_catalogue_has_its_place(
    before: str, after: str, said: str, tmp_path: Path
) -> None:
    """It is data that people write, like scenarios."""
    file = tmp_path / "requirements.yaml"
    file.write_text(CATALOGUE.replace(before, after))
    with pytest.raises(BadInput) as caught:
        load_catalogue(file)
    assert said in str(caught.value)


def test_steps_claim_beside_their_scenario(catalogue: Catalogue) -> None:
    """Nested steps too, each with its path, so that `explain` can show the line."""
    text = scenario(
        "{as: alice, connect: {}, proves: RT-2}",
        "{repeat: {times: 2, steps: [{as: alice, devices: {}, proves: [SEC-1, DLV-1]}]}}",
        "{together: [[{as: alice, devices: {}, proves: SEC-2}]]}",
    )
    [variant] = load(text, catalogue).variants
    assert [(claim.requirement, claim.path) for claim in claims(variant.scenario)] == [
        ("DLV-1", ("proves",)),
        ("RT-2", ("steps", 0)),
        ("SEC-1", ("steps", 1, "repeat", "steps", 0)),
        ("DLV-1", ("steps", 1, "repeat", "steps", 0)),
        ("SEC-2", ("steps", 2, "together", 0, 0)),
    ]
    assert proved(variant.scenario) == ("DLV-1", "RT-2", "SEC-1", "SEC-2")


def test_coverage_shows_every_requirement_with_its_scenarios(catalogue: Catalogue) -> None:
    """Variants of one scenario count once, and what nothing proves is shown empty."""
    text = scenario("{as: alice, send: {to: $chat, via: $via}}")
    text = text.replace("title:", "matrix: {via: [http, realtime]}\ntitle:")
    rows = {
        row.requirement.id: row.scenarios
        for _, area in cover(catalogue, load(text, catalogue).variants)
        for row in area
    }
    assert rows.keys() == catalogue.requirements.keys()
    assert rows["DLV-1"] == ("delivery.example",)
    assert rows["DLV-2"] == ()
