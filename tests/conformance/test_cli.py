"""The commands that look at scenarios and requirements without playing any."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest
from click.testing import CliRunner, Result

from conformance import resources
from conformance.breadth import Exempt
from conformance.catalogue import Catalogue
from conformance.cli import main
from conformance.contract import published
from reports.model import Met, encode

from .results import results
from .results import scenario as result
from .scenarios import scenario

Msgcheck = Callable[..., Result]

CONNECT = "{as: alice, connect: {}, proves: RT-2}"


@pytest.fixture
def msgcheck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Msgcheck:
    """Run the command in a folder of its own, where one scenario is all that is published."""
    folder = tmp_path / "published"
    folder.mkdir()
    text = scenario(CONNECT, "{as: alice, send: {to: $chat, via: $via}}")
    matrix = "matrix: {via: [http, realtime]}\ntags: [slow]\ntitle:"
    (folder / "example.yaml").write_text(text.replace("title:", matrix))
    monkeypatch.setattr(resources, "SCENARIOS", folder)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="msgcheck")

    return run


def test_help_names_every_command(msgcheck: Msgcheck) -> None:
    """One line each, those that run something first."""
    shown = msgcheck("--help")
    assert shown.exit_code == 0
    commands = [line.split()[0] for line in shown.stdout.split("Commands:")[1].splitlines() if line]
    assert commands == [
        "run", "report", "load", "bench", "compare", "mutants", "explore", "coverage", "explain", "faults",
        "lint", "list", "serve",
    ]  # fmt: skip


def test_version_names_the_program(msgcheck: Msgcheck) -> None:
    """For bug reports."""
    assert msgcheck("--version").stdout.startswith("msgcheck, version ")


def test_help_imports_nothing_heavy() -> None:
    """`msgcheck --help` is there at once: the engine's libraries are loaded by `run` alone."""
    program = (
        "import sys; from conformance.cli import main; main(['--help'], standalone_mode=False);"
        "print(*{'trio', 'h11', 'rich', 'yaml', 'msgspec'} & sys.modules.keys(), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.split() == ["msgspec"]


# ── list ──────────────────────────────────────────────────────────────────────────────────────


def test_list_shows_id_title_claims_and_variants(msgcheck: Msgcheck) -> None:
    """Square brackets are printed as they are, and no line is longer than 80 columns."""
    shown = msgcheck("list")
    assert shown.exit_code == 0
    assert shown.stdout == (
        "delivery.example  DLV-1, RT-2\n"
        "  A message arrives\n"
        "  [via=http] [via=realtime]\n"
        "1 scenario, 2 variants\n"
    )


def test_list_speaks_json(msgcheck: Msgcheck) -> None:
    """For programs."""
    [shown] = json.loads(msgcheck("list", "-k", "http", "--json").stdout)
    assert shown == {
        "id": "delivery.example",
        "title": "A message arrives",
        "proves": ["DLV-1", "RT-2"],
        "needs": ["groups", "relations", "restart", "stop"],
        "tags": ["slow"],
        "file": str(Path("published") / "example.yaml"),
        "variants": ["delivery.example[via=http]"],
    }


def test_list_of_nothing_is_a_wrong_command_line(msgcheck: Msgcheck) -> None:
    """Exit status 2, one paragraph on stderr."""
    shown = msgcheck("list", "delivry")
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert shown.stderr.startswith("msgcheck: `delivry` is no file, scenario,")
    assert "did you mean `delivery`?" in shown.stderr


# ── explain ───────────────────────────────────────────────────────────────────────────────────


def test_explain_tells_a_requirement_with_what_proves_it(msgcheck: Msgcheck) -> None:
    """Text, level, source, and the scenarios with the very line of the claim."""
    shown = msgcheck("explain", "RT-2").stdout
    assert shown.startswith("RT-2  MUST\n  `welcome` comes first;")
    assert "Source: Messenger API v1.0, §6 The realtime channel\n" in shown
    assert "Proved by 1 scenario:\n  delivery.example\n    A message arrives\n" in shown
    assert f"{Path('published') / 'example.yaml'}:14:5" in shown


def test_explain_is_honest_about_what_nothing_proves(msgcheck: Msgcheck) -> None:
    """And about capabilities."""
    shown = msgcheck("explain", "ENC-3").stdout
    assert "Needs the capability `e2ee`" in shown
    assert shown.endswith("No scenario proves it yet.\n")


def test_explain_tells_a_scenario(msgcheck: Msgcheck) -> None:
    """What it proves in the words of the contract, where it lies, its variants."""
    shown = msgcheck("explain", "delivery.example").stdout
    assert shown.startswith("delivery.example\n  A message arrives\nFile: published")
    assert "Needs: groups, relations, restart, stop\n" in shown
    assert "  delivery.example[via=http]\n" in shown
    assert "  DLV-1  Each accepted message reaches each connected member device" in shown


@pytest.mark.parametrize(
    ("name", "near"), [("ODR-1", "ORD-1"), ("delivery.exmple", "delivery.exam")]
)
def test_explain_names_the_nearest_for_an_unknown_id(
    name: str, near: str, msgcheck: Msgcheck
) -> None:
    """A requirement or a scenario."""
    shown = msgcheck("explain", name)
    assert shown.exit_code == 2
    assert f"did you mean `{near}" in shown.stderr


# ── lint ──────────────────────────────────────────────────────────────────────────────────────


def test_lint_is_content_with_right_files(msgcheck: Msgcheck) -> None:
    """Without a path, with the published ones."""
    shown = msgcheck("lint")
    assert (shown.exit_code, shown.stdout) == (0, "1 scenario right (2 variants)\n")


def test_lint_shows_each_mistake_as_file_line_column(msgcheck: Msgcheck) -> None:
    """In the form that editors and terminals jump to; exit status 2."""
    Path("mine").mkdir()
    Path("mine/a.yaml").write_text(scenario("{as: alice, expcet: {sent: {}}}", "{as: bob}"))
    shown = msgcheck("lint", "mine")
    assert shown.exit_code == 2
    file = Path("mine") / "a.yaml"
    assert shown.stdout == (
        f"{file}:12:17: unknown key `expcet`: did you mean `expect`?\n"
        f"{file}:13:5: a step has exactly one verb; this one has none\n"
    )
    assert shown.stderr == "2 problems in 1 file; 0 scenarios right (0 variants)\n"


def test_lint_of_a_path_that_is_not_there_is_a_wrong_command_line(msgcheck: Msgcheck) -> None:
    """It says so in one line."""
    shown = msgcheck("lint", "nowhere")
    assert (shown.exit_code, shown.stderr) == (2, "msgcheck: nowhere: no such file or folder\n")


# ── coverage ──────────────────────────────────────────────────────────────────────────────────


def test_coverage_fails_while_a_requirement_has_no_scenario(msgcheck: Msgcheck) -> None:
    """Each is named."""
    shown = msgcheck("coverage")
    assert shown.exit_code == 1
    assert "  DLV-1      1  delivery.example\n" in shown.stdout
    assert "  DLV-2      –  no scenario\n" in shown.stdout
    assert "\n2 of " in shown.stdout
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())


def test_coverage_is_content_when_everything_is_proved(
    msgcheck: Msgcheck, catalogue: Catalogue
) -> None:
    """Exit status 0."""
    everything = f"proves: [{', '.join(catalogue.requirements)}]"
    file = Path("published/example.yaml")
    file.write_text(file.read_text().replace("proves: [DLV-1]", everything))
    shown = msgcheck("coverage")
    assert shown.exit_code == 0
    total = len(catalogue.requirements)
    assert shown.stdout.endswith(f"\n{total} of {total} requirements have a scenario.\n")


def test_coverage_speaks_json(msgcheck: Msgcheck, catalogue: Catalogue) -> None:
    """With the same exit status."""
    shown = msgcheck("coverage", "--json")
    assert shown.exit_code == 1
    rows = {row["id"]: row for row in json.loads(shown.stdout)["requirements"]}
    assert rows.keys() == catalogue.requirements.keys()
    assert rows["DLV-1"]["scenarios"] == ["delivery.example"]
    assert rows["EPH-1"]["level"] == "SHOULD"


def test_coverage_of_a_run_shows_every_route_frame_and_code(msgcheck: Msgcheck) -> None:
    """With the scenarios that met it, and the reason where none need to."""
    file = _results(Met(answers=["GET /healthz 200"], frames=["server pong"], close_codes=[4409]))
    shown = msgcheck("coverage", "--results", str(file))
    assert shown.exit_code == 1
    assert "  GET /healthz\n        1  a.b\n" in shown.stdout
    assert re.search(r"  server pong +1  a\.b\n", shown.stdout)
    assert "  4409   1  a.b\n" in shown.stdout
    assert "  –  internal: Always a bug" in shown.stdout
    assert re.search(r"\n1 of \d+ routes were met\.\nWithout one: GET /", shown.stdout)
    assert "  GET /readyz\n        –  no scenario\n" in shown.stdout
    assert shown.stderr == ""
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())


def test_coverage_fails_for_a_frame_that_nothing_met(
    msgcheck: Msgcheck, catalogue: Catalogue
) -> None:
    """Also when every requirement is proved; nothing missing: exit status 0."""
    everything = f"proves: [{', '.join(catalogue.requirements)}]"
    example = Path("published/example.yaml")
    example.write_text(example.read_text().replace("proves: [DLV-1]", everything))
    contract = published()
    met = Met(
        answers=[
            f"{each.name} {status}" for each in contract.operations for status in each.answers
        ],
        frames=[each.name for each in contract.frames],
        close_codes=contract.close_codes,
        error_codes=list(contract.statuses),
    )
    assert msgcheck("coverage", "--results", str(_results(met))).exit_code == 0
    less = msgspec.structs.replace(met, frames=met.frames[1:])
    shown = msgcheck("coverage", "--results", str(_results(less)))
    assert shown.exit_code == 1
    assert f"Without one: {contract.frames[0].name}\n" in shown.stdout


def test_coverage_of_a_run_speaks_json(msgcheck: Msgcheck) -> None:
    """By kind; all scenarios, however many."""
    shown = msgcheck("coverage", "--json", "--results", str(_results(Met(close_codes=[1012]))))
    document = json.loads(shown.stdout)
    assert document.keys() == {"requirements", *Exempt.__struct_fields__}
    codes = {each["name"]: each for each in document["close_codes"]}
    assert codes["1012"] == {
        "name": "1012",
        "capability": None,
        "scenarios": ["a.b"],
        "excuse": None,
    }


def test_coverage_of_a_file_that_is_no_record_says_so(msgcheck: Msgcheck) -> None:
    """It is the command line that is wrong."""
    shown = msgcheck("coverage", "--results", "nowhere.json")
    assert shown.exit_code == 2
    assert shown.stderr.startswith("msgcheck: nowhere.json")


def _results(met: Met) -> Path:
    """The record of a run of one scenario."""
    played = msgspec.structs.replace(result("a.b", "pass"), met=met)
    file = Path("results.json")
    file.write_bytes(encode(results(played)))
    return file


# ── serve ─────────────────────────────────────────────────────────────────────────────────────


def test_serve_becomes_the_server_with_its_arguments(
    msgcheck: Msgcheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its options, help, signals and exit status are the server's own."""
    became: list[list[str]] = []

    def execv(program: str, arguments: list[str]) -> NoReturn:
        became.append([program, *arguments])
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", execv)
    msgcheck("serve", "--port", "0", "--help", "x")
    python = sys.executable
    assert became == [[python, python, "-m", "reference_server", "--port", "0", "--help", "x"]]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("localhost", "write http://HOST:PORT"),
        ("ws://localhost", "write http://HOST:PORT"),
        ("http://localhost:99999", "write http://HOST:PORT"),
        ("http://local host", "write http://HOST:PORT"),
        ("http://localhost:8080\n", "write http://HOST:PORT"),
        ("http://alice:secret@localhost", "has a user or password"),
        ("http://localhost/?a=b", "has a query"),
        ("http://localhost/#top", "has a fragment"),
    ],
)
@pytest.mark.parametrize("command", ["run", "explore"])
def test_an_address_that_is_none_is_refused_before_anything_is_asked(
    msgcheck: Msgcheck, command: str, address: str, said: str
) -> None:
    """What no request would carry is no part of it either."""
    refused = msgcheck(command, "--target", address)
    assert refused.exit_code == 2
    assert said in refused.output


def test_a_command_that_is_misspelt_is_told_with_what_was_meant(msgcheck: Msgcheck) -> None:
    """As options, keys and names are."""
    refused = msgcheck("rum")
    assert refused.exit_code == 2
    assert "unknown command `rum`: did you mean `run`?" in refused.output
    assert "known are `run`" in msgcheck("xyzzy").output


@pytest.mark.parametrize("command", [("run", "--patience"), ("explore", "--time")])
def test_what_is_no_number_of_seconds_is_refused(
    msgcheck: Msgcheck, command: tuple[str, str]
) -> None:
    """No comparison with it holds, so no range keeps it out."""
    refused = msgcheck(*command, "nan")
    assert refused.exit_code == 2
    assert "'nan' is no number of seconds" in refused.output


def test_an_empty_selector_chooses_nothing(msgcheck: Msgcheck) -> None:
    """A variable of a pipeline that is not set would play whatever lies in the folder."""
    refused = msgcheck("list", "")
    assert refused.exit_code == 2
    assert "an empty SELECTOR" in refused.output


def test_a_tab_is_told_as_such(msgcheck: Msgcheck) -> None:
    """Nobody sees it."""
    Path("tab.yaml").write_text("id: a.b\nactors:\n\talice: {}\n")
    refused = msgcheck("lint", "tab.yaml")
    assert "tab.yaml:3:1: this is no YAML: a tab" in refused.output
