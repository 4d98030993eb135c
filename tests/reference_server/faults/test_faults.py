"""The faults as a list: each can be put in and taken out, and says what it breaks."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from conformance.catalogue import load_catalogue
from reference_server import faults
from reference_server.core.receipts import Marks
from reference_server.faults import FAULTS, UnknownFault, page
from reference_server.faults.seams import Genuine, Seams, fault, faults_of
from tests.e2e.processes import ROOT


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_can_be_put_in_and_taken_out(name: str) -> None:
    """A seam that is gone, because the server changed, is found out here and not in a run."""
    seams = Seams("seed")
    try:
        FAULTS[name].put_in(seams)
        taken = list(seams.taken)
        assert taken
        assert all(vars(seam.owner)[seam.name] is not seam.genuine for seam in taken)
    finally:
        seams.restore()
    assert all(vars(seam.owner)[seam.name] is seam.genuine for seam in taken)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_says_what_it_breaks(name: str) -> None:
    """Requirements of the catalogue, and one sentence."""
    broken = FAULTS[name]
    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", name)
    assert broken.breaks
    assert set(broken.breaks) <= load_catalogue().requirements.keys()
    assert re.fullmatch(r"[A-Z`].{20,118}\.", broken.shows), broken.shows


def test_there_are_many_faults() -> None:
    """All under names of their own, none lost between the modules."""
    defined = [each.name for area in faults.AREAS for each in faults_of(area)]
    assert len(defined) == len(set(defined)) == len(FAULTS)
    assert len(FAULTS) >= 80


def test_an_unknown_fault_is_refused_with_the_one_that_was_meant() -> None:
    """A fault that is silently ignored would pass as a suite that is blind."""
    with pytest.raises(UnknownFault, match="did you mean `statuses-fall`"):
        faults.chosen(["statuses-fail"])
    with pytest.raises(UnknownFault, match="msgcheck faults"):
        faults.chosen(["?"])


def test_the_healthy_server_does_not_even_import_the_faults() -> None:
    """Composition, transports and command line included."""
    looking = (
        "import sys, reference_server.cli, reference_server.app;"
        "print([name for name in sys.modules if name.startswith('reference_server.faults')])"
    )
    told = subprocess.run(
        [sys.executable, "-c", looking], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


def test_luck_repeats_with_its_seed() -> None:
    """So that a run against a rare fault can be repeated; another fault has luck of its own."""

    def luck(seed: str) -> list[bool]:
        seams = Seams(seed)
        return [seams.once_in(5) for _ in range(200)]

    assert luck("1/one") == luck("1/one")
    assert luck("1/one") != luck("1/other")
    assert 10 < sum(luck("1/one")) < 90


def test_a_defect_has_the_genuine_function_at_hand() -> None:
    """With all arguments; what is no fault goes on to it."""
    seams = Seams("seed")

    @seams.instead(Marks, "level")
    def level(genuine: Genuine, marks: Marks, status: str) -> int:
        return int(genuine(marks, status)) + 100

    try:
        assert Marks(2, 1).level("read") == 101
    finally:
        seams.restore()
    assert Marks(2, 1).level("read") == 1


def test_seams_are_restored_in_reverse() -> None:
    """Two defects at one seam leave the genuine one behind."""
    seams = Seams("seed")
    genuine = vars(Marks)["level"]
    seams.value(Marks, "level", "one")
    seams.value(Marks, "level", "other")
    seams.restore()
    assert vars(Marks)["level"] is genuine


def test_a_seam_that_is_gone_is_told() -> None:
    """By its name, when the fault is put in."""
    with pytest.raises(AttributeError, match=r"no seam Marks\.lifted"):
        Seams("seed").value(Marks, "lifted", None)


def test_a_fault_is_named_for_its_function() -> None:
    """Its sentence is the docstring."""

    @fault("ORD-1", "ORD-2")
    def a_small_one(_seams: Seams) -> None:
        """What a user sees."""

    assert (a_small_one.name, a_small_one.breaks) == ("a-small-one", ("ORD-1", "ORD-2"))
    assert a_small_one.shows == "What a user sees."


def test_the_page_of_faults_is_current() -> None:
    """After a change: `python -m reference_server.faults.page > docs/faults.md`."""
    assert (ROOT / "docs" / "faults.md").read_text("utf-8") == page.text()
