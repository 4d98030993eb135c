"""`msgcheck mutants` without playing anything: what is run, and what its exit status says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from conformance import resources
from conformance.catalogue import Catalogue
from conformance.cli import main
from conformance.faults import Fault
from conformance.mutants import command
from conformance.mutants.trials import Conditions, NoResults, Run
from reports.model import Results
from reports.mutants_model import Matrix

from ..results import finding, results, scenario

Outcome = Results | NoResults
Mutants = Callable[..., Result]

KILLED = results(scenario("ordering.one-sequence", "fail", finding("ORD-1")))
PASSED = results(scenario("ordering.one-sequence", "pass"))


PUBLISHED = (
    "conversations/direct_created_again.yaml",
    "ordering/one_sequence.yaml",
    "pagination/walking_back.yaml",
)


class Stage:
    """Stands in for the runs: gives each the outcome that a test wants, and remembers what was to be run."""

    def __init__(self) -> None:
        self.healthy: Outcome = PASSED
        self.faulty: Outcome = KILLED
        self.runs: list[Run] = []
        self.interrupted_after: int | None = None

    async def play_all(
        self,
        runs: Sequence[Run],
        _jobs: int,
        _conditions: Conditions,
        done: Callable[[Run, Outcome], None],
    ) -> None:
        """As `trials.play_all`."""
        self.runs = list(runs)
        for number, run in enumerate(runs):
            if number == self.interrupted_after:
                raise KeyboardInterrupt
            done(run, self.healthy if run.fault is None else self.faulty)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, catalogue: Catalogue) -> Stage:
    """A stage, and three faults of which the first breaks everything."""
    faults = (
        Fault("breaks-everything", tuple(catalogue.requirements), "Nothing works."),
        Fault("skips-a-number", ("ORD-1",), "A gap."),
        Fault("loses-a-page", ("PAG-1",), "A hole."),
    )
    stage = Stage()
    monkeypatch.setattr(command, "known_faults", lambda: faults)
    monkeypatch.setattr(command, "play_all", stage.play_all)
    return stage


@pytest.fixture
def mutants(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mutants:
    """Run the command in a folder of its own, where three scenarios are all that is published."""
    folder = tmp_path / "published"
    folder.mkdir()
    for name in PUBLISHED:
        shutil.copy(resources.SCENARIOS / name, folder)
    monkeypatch.setattr(resources, "SCENARIOS", folder)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["mutants", *arguments])


def matrix() -> Matrix:
    """What the command wrote."""
    return msgspec.json.decode(Path("msgcheck-mutants/mutants.json").read_bytes(), type=Matrix)


def names(runs: Sequence[Run]) -> list[str]:
    """What was run, in order."""
    return [run.name for run in runs]


def test_the_healthy_server_is_played_before_the_faults(mutants: Mutants, stage: Stage) -> None:
    """Under the same conditions, against the whole suite."""
    done = mutants("--fault", "breaks-everything", "--fault", "skips-a-number")
    assert done.exit_code == 0, done.output
    assert names(stage.runs) == ["healthy", "breaks-everything", "skips-a-number"]
    assert all(run.selectors == [] for run in stage.runs)
    assert "faults killed: 2/2" in done.output
    assert "false alarms:  0 of 1 scenario" in done.output
    assert matrix().exit_status == 0


def test_a_sample_is_the_same_for_the_same_seed(mutants: Mutants, stage: Stage) -> None:
    """In the order of the faults, whichever they are."""
    drawn = []
    for seed in "0012":
        mutants("--sample", "2", "--seed", seed)
        drawn.append(names(stage.runs)[1:])
    everything = ["breaks-everything", "skips-a-number", "loses-a-page"]
    assert drawn[0] == drawn[1]
    assert all(each == [name for name in everything if name in each] for each in drawn)
    assert all(len(each) == 2 for each in drawn)


def test_a_fault_may_meet_only_what_proves_what_it_breaks(mutants: Mutants, stage: Stage) -> None:
    """Of what was chosen; the healthy server meets all of that."""
    mutants("ordering.one-sequence", "PAG-1", "--scope", "proving", "--fault", "skips-a-number")
    healthy, faulty = stage.runs
    assert "ordering.one-sequence" in faulty.selectors
    assert set(faulty.selectors) < set(healthy.selectors)


def test_scenarios_of_ones_own_go_by_their_file(mutants: Mutants, stage: Stage) -> None:
    """The runs could not find them by their names."""
    published = (resources.SCENARIOS / "one_sequence.yaml").read_text("utf-8")
    Path("mine.yaml").write_text(
        published.replace("id: ordering.one-sequence", "id: ordering.mine")
    )
    mutants("mine.yaml", "PAG-1", "--fault", "skips-a-number", "--scope", "proving")
    healthy, faulty = stage.runs
    assert faulty.selectors == ["mine.yaml"]
    assert set(healthy.selectors) > {"mine.yaml"}


def test_a_fault_that_nothing_could_see_is_not_played(mutants: Mutants, stage: Stage) -> None:
    """That is no verdict on the suite: exit status 3."""
    done = mutants("ordering.one-sequence", "--scope", "proving", "--fault", "loses-a-page")
    assert done.exit_code == 3
    assert names(stage.runs) == ["healthy"]
    (trial,) = matrix().trials
    assert (trial.verdict, trial.reason) == ("not played", "no scenario proves what it breaks")


def test_of_a_few_scenarios_only_the_faults_that_they_claim_to_see_are_judged(
    mutants: Mutants, stage: Stage
) -> None:
    """The others are nobody's failure: `--scope proving` with scenarios of one's own."""
    done = mutants("ordering.one-sequence", "--scope", "proving")
    played = names(stage.runs)
    assert played[0] == "healthy"
    assert "skips-a-number" in played
    assert "loses-a-page" not in played
    assert [each.fault for each in matrix().trials] == played[1:]
    assert "loses-a-page" not in done.output


def test_a_fault_that_survives_is_told(mutants: Mutants, stage: Stage) -> None:
    """Exit status 1, with the bar that is not met."""
    stage.faulty = PASSED
    done = mutants("--fault", "skips-a-number")
    assert done.exit_code == 1
    assert "SURVIVED  ORD-1" in done.output
    assert "NOT MET  every fault is killed: skips-a-number" in done.output


def test_a_false_alarm_is_told(mutants: Mutants, stage: Stage) -> None:
    """It weighs as much as a fault that survives."""
    stage.healthy = KILLED
    done = mutants("--fault", "skips-a-number")
    assert done.exit_code == 1
    assert "NOT MET  no false alarm on the healthy server: ordering.one-sequence" in done.output


def test_only_a_run_of_everything_tells_which_scenarios_are_idle(mutants: Mutants) -> None:
    """All others of the published ones have caught nothing here."""
    assert "not judged  every scenario kills something" in mutants("--sample", "2").output
    done = mutants()
    assert done.exit_code == 1
    assert "NOT MET  every scenario kills something: conversations." in done.output
    assert "ordering.one-sequence" not in done.output.split("kills something", 1)[1]


def test_runs_without_results_leave_it_open(mutants: Mutants, stage: Stage) -> None:
    """Exit status 3: the harness is to blame, not the suite."""
    stage.faulty = NoResults("the run gave no results: its output is x/output.txt")
    done = mutants("--fault", "skips-a-number")
    assert done.exit_code == 3
    assert "x/output.txt" in done.output
    stage.healthy = NoResults("the run gave no results: its output is y/output.txt")
    done = mutants("--fault", "skips-a-number")
    assert done.exit_code == 3
    assert "y/output.txt" in done.output


def test_an_interrupted_command_keeps_what_was_played(mutants: Mutants, stage: Stage) -> None:
    """The rest of the matrix says of itself that it was not; exit status 3."""
    stage.interrupted_after = 2
    done = mutants()
    assert done.exit_code == 3
    assert "the matrix holds what was played" in done.output
    content = Path("msgcheck-mutants/mutants.json").read_bytes()
    matrix = msgspec.json.decode(content, type=Matrix)
    assert [trial.verdict for trial in matrix.trials] == ["killed", "not played", "not played"]
    assert matrix.trials[1].reason == "interrupted before its end"


def test_without_the_healthy_server_there_is_no_matrix(mutants: Mutants, stage: Stage) -> None:
    """Nobody knows what a kill is worth then."""
    stage.interrupted_after = 0
    done = mutants()
    assert done.exit_code == 3
    assert "without the healthy server" in done.output
    assert not Path("msgcheck-mutants/mutants.json").exists()


def test_a_folder_that_cannot_be_written_is_found_out_first(mutants: Mutants, stage: Stage) -> None:
    """Nothing is played: exit status 2."""
    Path("file").touch()
    done = mutants("--report-dir", "file/reports")
    assert done.exit_code == 2
    assert "cannot be written to file/reports" in done.output
    assert stage.runs == []
