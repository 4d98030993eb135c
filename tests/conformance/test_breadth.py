"""Every part of the contract, held against what a run met."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from conformance.breadth import Excuse, Exempt, Row, load_exempt, measure, parts, read_results
from conformance.contract import published
from conformance.problems import BadInput
from reports import reading
from reports.model import Met, Results, encode

from .results import results, scenario

CONTRACT = published()


def run(*capabilities: str, **met: Met) -> Results:
    """A run of scenarios that met these things."""
    played = [msgspec.structs.replace(scenario(name, "pass"), met=it) for name, it in met.items()]
    document = results(*played)
    facts = msgspec.structs.replace(document.run, capabilities=list(capabilities))
    return msgspec.structs.replace(document, run=facts)


def row(kind: str, name: str, document: Results, exempt: Exempt | None = None) -> Row:
    """What a run says of one part."""
    rows = measure(CONTRACT, document, exempt or Exempt())[kind]
    (found,) = (each for each in rows if each.part.name == name)
    return found


def test_the_parts_are_all_that_the_two_files_name() -> None:
    """Every operation, frames both ways, close codes, error codes; none twice."""
    named = {kind: [part.name for part in group] for kind, group in parts(CONTRACT).items()}
    assert tuple(named) == Exempt.__struct_fields__
    assert {"GET /healthz", "PUT /v1.0/blocks/{user_id}", "GET /v1.0/chat"} <= set(named["routes"])
    assert {"client typing", "server typing", "server welcome"} <= set(named["frames"])
    assert {"1000", "4409"} <= set(named["close_codes"])
    assert set(named["error_codes"]) == CONTRACT.statuses.keys()
    for names in named.values():
        assert len(names) == len(set(names))


def test_a_part_has_the_scenarios_that_met_it() -> None:
    """In the order of the run; variants of one scenario count once."""
    document = run(
        **{
            "a.b[via=http]": Met(error_codes=["unknown_user"]),
            "a.c": Met(close_codes=[4409], frames=["server pong"]),
            "a.b[via=realtime]": Met(error_codes=["unknown_user"]),
            "a.d": Met(error_codes=["unknown_user"]),
        }
    )
    assert row("error_codes", "unknown_user", document).scenarios == ("a.b", "a.d")
    assert row("close_codes", "4409", document).scenarios == ("a.c",)
    assert row("frames", "server pong", document).scenarios == ("a.c",)
    assert not row("frames", "server pong", document).is_gap
    assert row("frames", "server sent", document).is_gap


def test_an_operation_is_not_met_by_being_refused() -> None:
    """Who only ever asks without a token has not tried it."""
    refused = run(**{"a.b": Met(answers=["GET /v1.0/devices 401", "GET /v1.0/devices 404"])})
    assert row("routes", "GET /v1.0/devices", refused).is_gap
    answered = run(**{"a.b": Met(answers=["GET /v1.0/devices 200"])})
    assert row("routes", "GET /v1.0/devices", answered).scenarios == ("a.b",)
    upgraded = run(**{"a.b": Met(answers=["GET /v1.0/chat 101"])})
    assert not row("routes", "GET /v1.0/chat", upgraded).is_gap


def test_what_the_target_does_not_offer_is_no_gap() -> None:
    """Its scenarios were not applicable."""
    without = row("routes", "PUT /v1.0/blocks/{user_id}", run("groups"))
    assert without.excuse == Excuse(without.part.name, "the target has no capability blocking")
    assert not without.is_gap
    assert row("routes", "PUT /v1.0/blocks/{user_id}", run("blocking")).is_gap
    assert row("error_codes", "blocked", run()).excuse is not None


def test_an_exemption_excuses_with_its_reason_and_hides_no_scenario() -> None:
    """Another target may well be met with it."""
    exempt = Exempt(close_codes={"1001": "1012 will do"})
    assert row("close_codes", "1001", run(), exempt).excuse == Excuse("1001", "1012 will do")
    assert not row("close_codes", "1001", run(), exempt).is_gap
    met = run(**{"a.b": Met(close_codes=[1001])})
    assert row("close_codes", "1001", met, exempt).scenarios == ("a.b",)


def test_every_status_of_an_operation_is_a_part() -> None:
    """Refusals too; one can be exempted by itself, or with all of its status."""
    name = "GET /v1.0/devices 401"
    assert row("answers", name, run()).is_gap
    assert not row("answers", name, run(**{"a.b": Met(answers=[name])})).is_gap
    for named in (name, "401"):
        exempt = Exempt(answers={named: "nobody asks"})
        assert row("answers", name, run(), exempt).excuse == Excuse(named, "nobody asks")
        assert row("answers", "GET /v1.0/devices 200", run(), exempt).is_gap


def test_the_published_exemptions_are_of_things_that_there_are() -> None:
    """Each with a reason to argue with."""
    exempt = msgspec.structs.asdict(load_exempt(CONTRACT))
    reasons = [reason for group in exempt.values() for reason in group.values()]
    assert reasons
    assert all(len(reason) > 20 for reason in reasons)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("error_codes: {internel: a bug}", ":1:15: unknown error code `internel`: did you mean"),
        ("close_codes: {'4410': no}", ":1:15: unknown close code `4410`"),
        ("route: {}", ":1:1: unknown key `route`: did you mean `routes`?"),
        ("error_codes: {internal: 7}", ":1:25: "),
    ],
)
def test_a_mistake_in_the_exemptions_has_its_place(text: str, said: str, tmp_path: Path) -> None:
    """An exemption of something misspelt would excuse nothing."""
    file = tmp_path / "exempt.yaml"
    file.write_text(text)
    with pytest.raises(BadInput) as caught:
        load_exempt(CONTRACT, file)
    assert said in str(caught.value)


def test_the_results_of_a_run_are_read_back(tmp_path: Path) -> None:
    """With what was met."""
    document = run("groups", **{"a.b": Met(answers=["GET /healthz 200"], close_codes=[1012])})
    file = tmp_path / "results.json"
    file.write_bytes(encode(document))
    assert read_results(file) == document


def test_the_record_of_a_load_run_tells_nothing_of_breadth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a `results.json` too."""
    monkeypatch.setattr(reading, "read", lambda _path: object())
    with pytest.raises(BadInput, match="load run"):
        read_results(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"schema_version": 99}'])
def test_a_file_that_is_no_record_is_the_users_to_mend(
    content: bytes | None, tmp_path: Path
) -> None:
    """Named, and without a traceback."""
    file = tmp_path / "results.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadInput, match=r"results\.json"):
        read_results(file)
