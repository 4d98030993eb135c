"""`msgcheck run` from outside: what it says, how it exits, what it writes and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import trustme

from .processes import PATIENCE_S, ROOT, command_line, msgcheck, results_in, serving

QUICK = ("conversations.direct-created-again", "realtime.ping-gets-pong")

PASSING = """\
id: own.a-passes
title: A user has a profile
proves: [ERR-1]
actors: {alice: {devices: [phone]}}
steps:
  - {as: alice, profile: $alice, match: {user_id: $alice.user_id}}
"""
FAILING = """\
id: own.b-fails
title: Everybody is called Bob
proves: [ERR-1]
actors: {alice: {devices: [phone]}}
steps:
  - {as: alice, profile: $alice, match: {display_name: Bob}}
"""
WAITING = """\
id: own.c-waits
title: Somebody writes to Alice
proves: [DLV-1]
actors: {alice: {devices: [phone]}}
steps:
  - {as: alice, connect: {}}
  - {on: alice, expect: {message: {}}}
"""


@contextmanager
def answering(content_type: str, body: str) -> Iterator[str]:
    """A web server that answers everything with `body`, and its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def closed_port() -> int:
    """A loopback port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def assert_one_paragraph(text: str) -> None:
    """The message is for a person: some text, no traceback, no blank line in it."""
    assert text.strip()
    assert "Traceback" not in text
    assert "\n\n" not in text.strip()


def test_a_conformant_server_passes_with_exit_status_0_and_valid_reports(tmp_path: Path) -> None:
    """Without a target, the reference server is started, judged and stopped again."""
    done = msgcheck("run", *QUICK, "--report-dir", "reports", "--seed", "7", cwd=tmp_path)
    assert (done.status, done.stderr) == (0, ""), done.stdout
    results = results_in(tmp_path / "reports")
    schema = json.loads((ROOT / "specs" / "results.schema.json").read_bytes())
    jsonschema.validate(json.loads((tmp_path / "reports" / "results.json").read_bytes()), schema)
    assert (results.verdict, results.exit_status, results.run.seed) == ("conformant", 0, 7)
    assert {each.id: each.verdict for each in results.scenarios} == dict.fromkeys(QUICK, "pass")
    verdicts = {each.id: each.verdict for each in results.requirements}
    assert verdicts["CONV-1"] == "pass"
    assert verdicts["ORD-2"] == "not covered"
    suite = ElementTree.parse(tmp_path / "reports" / "junit.xml").getroot()  # noqa: S314  ours
    assert len(list(suite.iter("testcase"))) == len(QUICK)
    assert "CONFORMANT" in done.stdout
    assert "results.json" in done.stdout


def test_a_run_leaves_its_reports_and_tells_the_job(tmp_path: Path) -> None:
    """A page, JUnit and CTRF beside the record; a summary behind what the job's page has already."""
    page = tmp_path / "page.md"
    page.write_text("# Before\n")
    done = msgcheck("run", QUICK[0], "--seed", "7", cwd=tmp_path, GITHUB_STEP_SUMMARY=str(page))
    assert (done.status, done.stderr) == (0, ""), done.stdout
    folder = tmp_path / "msgcheck-report"
    names = ("results.json", "junit.xml", "ctrf.json", "report.html")
    assert done.stdout.splitlines()[-1] == f"reports:   msgcheck-report/ {', '.join(names)}"
    assert {each.name for each in folder.iterdir()} >= {*names}
    assert page.read_text("utf-8").startswith("# Before\n## ✅ Conformant")


def test_a_job_page_that_cannot_be_written_changes_no_verdict(tmp_path: Path) -> None:
    """It is told, and that is all."""
    done = msgcheck("run", QUICK[0], cwd=tmp_path, GITHUB_STEP_SUMMARY=str(tmp_path))
    assert done.status == 0
    assert done.stderr == "msgcheck: $GITHUB_STEP_SUMMARY could not be written: Is a directory\n"


def test_a_server_at_an_address_is_judged_and_left_running(tmp_path: Path) -> None:
    """With `--target` nothing is started, and the same target can be judged again."""
    with serving("reference_server", data=tmp_path / "data") as url:
        for _ in range(2):
            done = msgcheck("run", QUICK[0], "--target", url, "--seed", "7", cwd=tmp_path)
            assert done.status == 0, done.stdout + done.stderr
    results = results_in(tmp_path / "msgcheck-report")
    assert (results.run.target, results.run.embedded) == (url, False)


def test_a_broken_promise_is_exit_status_1_and_shown_with_its_place(tmp_path: Path) -> None:
    """The failure names requirement, step, what was expected and got, and how to see it again."""
    (tmp_path / "b.yaml").write_text(FAILING)
    done = msgcheck("run", "b.yaml", "--seed", "7", cwd=tmp_path)
    assert done.status == 1
    for shown in ("own.b-fails", "ERR-1", "b.yaml:6:", '"Bob"', "--seed 7", "NOT CONFORMANT"):
        assert shown in done.stdout
    (scenario,) = results_in(tmp_path / "msgcheck-report").scenarios
    (finding,) = scenario.findings
    assert (finding.kind, finding.requirements) == ("step", ["ERR-1"])
    assert finding.place is not None
    assert finding.place.line == 6


def test_an_unreachable_target_is_exit_status_3(tmp_path: Path, closed_port: int) -> None:
    """Nobody listens: the message names the address and what to check."""
    url = f"http://127.0.0.1:{closed_port}"
    done = msgcheck("run", *QUICK, "--target", url, cwd=tmp_path)
    assert done.status == 3
    assert_one_paragraph(done.stderr)
    assert url in done.stderr


def test_a_target_that_answers_with_a_web_page_is_exit_status_3(tmp_path: Path) -> None:
    """Somebody's web site is no messenger server, and the message says what came."""
    with answering("text/html", "<!doctype html><title>Welcome</title>") as url:
        done = msgcheck("run", *QUICK, "--target", url, cwd=tmp_path)
    assert done.status == 3
    assert_one_paragraph(done.stderr)
    assert url in done.stderr
    assert "html" in done.stderr.lower()


def test_a_target_that_is_no_messenger_server_is_exit_status_3(tmp_path: Path) -> None:
    """JSON alone makes no messenger server."""
    with answering("application/json", '{"hello": "world"}') as url:
        done = msgcheck("run", *QUICK, "--target", url, cwd=tmp_path)
    assert done.status == 3
    assert_one_paragraph(done.stderr)
    assert url in done.stderr


def test_a_scenario_with_a_typo_is_exit_status_2_with_its_place(tmp_path: Path) -> None:
    """The mistake is shown with file, line, column and the closest key; nothing is played."""
    (tmp_path / "typo.yaml").write_text(WAITING.replace("expect", "expcet"))
    done = msgcheck("run", "typo.yaml", cwd=tmp_path)
    assert done.status == 2
    assert_one_paragraph(done.stderr)
    assert "typo.yaml:7:17" in done.stderr
    assert "`expect`" in done.stderr
    assert not (tmp_path / "msgcheck-report" / "results.json").exists()


@pytest.mark.parametrize("selector", ["ORD-99", "conversatoins", "no/such/file.yaml"])
def test_a_selector_that_names_nothing_is_exit_status_2(selector: str, tmp_path: Path) -> None:
    """An unknown requirement, scenario or file is named."""
    done = msgcheck("run", selector, cwd=tmp_path)
    assert done.status == 2
    assert_one_paragraph(done.stderr)
    assert selector in done.stderr


def test_a_baseline_that_names_nothing_is_exit_status_2_with_its_place(tmp_path: Path) -> None:
    """A known failure of something unknown is a mistake, shown with the closest name."""
    (tmp_path / "known.yaml").write_text("- {scenario: own.b-fials, reason: being mended}\n")
    (tmp_path / "b.yaml").write_text(FAILING)
    done = msgcheck("run", "b.yaml", "--baseline", "known.yaml", cwd=tmp_path)
    assert done.status == 2
    assert_one_paragraph(done.stderr)
    assert "known.yaml:1:" in done.stderr
    assert "own.b-fails" in done.stderr


def test_a_baseline_excuses_what_fails_and_not_what_passes(tmp_path: Path) -> None:
    """A known failure makes no run fail; one that passes now does."""
    (tmp_path / "a.yaml").write_text(PASSING)
    (tmp_path / "b.yaml").write_text(FAILING)
    (tmp_path / "known.yaml").write_text("- {scenario: own.b-fails, reason: being mended}\n")
    excused = msgcheck("run", "a.yaml", "b.yaml", "--baseline", "known.yaml", cwd=tmp_path)
    assert excused.status == 0, excused.stdout
    (tmp_path / "known.yaml").write_text("- {scenario: own.a-passes, reason: mended}\n")
    stale = msgcheck("run", "a.yaml", "--baseline", "known.yaml", cwd=tmp_path)
    assert stale.status == 1
    assert "own.a-passes" in stale.stdout


def test_a_report_folder_that_cannot_be_written_is_told_before_anything_is_played(
    tmp_path: Path,
) -> None:
    """A file in the folder's place: exit status 2, and the file is left as it was."""
    (tmp_path / "reports").write_text("a shopping list")
    done = msgcheck("run", *QUICK, "--report-dir", "reports", cwd=tmp_path)
    assert done.status == 2
    assert_one_paragraph(done.stderr)
    assert "reports" in done.stderr
    assert "playing" not in done.stdout
    assert (tmp_path / "reports").read_text() == "a shopping list"


def test_a_trace_holds_what_the_record_leaves_out(tmp_path: Path) -> None:
    """A file for each scenario, of those that pass too; no token in any."""
    done = msgcheck("run", *QUICK, "--trace", "traces", cwd=tmp_path)
    assert (done.status, done.stderr) == (0, "")
    traces = {file.name: file.read_text("utf-8") for file in (tmp_path / "traces").iterdir()}
    assert {name.partition("[")[0].removesuffix(".1.ndjson") for name in traces} == {*QUICK}
    assert all(json.loads(line) for text in traces.values() for line in text.splitlines())
    pong = next(text for name, text in traces.items() if "pong" in name)
    kinds = [
        json.loads(line)["content"].get("type") for line in pong.splitlines() if "frame" in line
    ]
    assert "welcome" in kinds
    assert "pong" in kinds
    assert '"token":"•••"' in pong


def left_behind(mark: str) -> list[str]:
    """The command lines of living processes that were started under this mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            marked = mark.encode() in (process / "environ").read_bytes()
            if marked and (process / "cmdline").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has ended, or is somebody else's
    return found


@pytest.mark.parametrize("sink", ["a reader that leaves", "a full disk"])
def test_output_that_nobody_takes_changes_neither_verdict_nor_reports(
    sink: str, tmp_path: Path
) -> None:
    """`msgcheck run | head`: what is printed goes along with the verdict, and is not it."""
    reading, writing = os.pipe()
    if sink == "a full disk":
        os.close(writing)
        writing = os.open("/dev/full", os.O_WRONLY)
    os.close(reading)
    (tmp_path / "a.yaml").write_text(PASSING)
    try:
        done = subprocess.run(
            command_line("run", "a.yaml"),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
    assert results_in(tmp_path / "msgcheck-report").run.interrupted is False


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"COLUMNS": "0"}, {"COLUMNS": "1"}],
    ids=["ascii", "no width", "no room"],
)
def test_a_failure_is_told_on_any_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    """Whatever it cannot show: arrows and dashes give way, the words stay."""
    (tmp_path / "b.yaml").write_text(FAILING)
    done = msgcheck(
        *("run", "b.yaml", "--seed", "7"), cwd=tmp_path, patience_s=PATIENCE_S, **environment
    )
    assert (done.status, done.stderr) == (1, "")
    for shown in ("own.b-fails", "timeline", "--seed 7", "NOT CONFORMANT"):
        assert shown in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [("run", *QUICK), ("explore",)], ids=["run", "explore"])
def test_ctrl_c_while_the_target_is_silent_ends_the_wait(
    command: tuple[str, ...], number: signal.Signals, tmp_path: Path
) -> None:
    """Nothing was played, so there is nothing to finish first."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with subprocess.Popen(
            command_line(*command, "--target", url, "--patience", "600"),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                silent.settimeout(PATIENCE_S)
                with silent.accept()[0] as asked:
                    assert asked.recv(4) == b"GET "
                    process.send_signal(number)
                    stdout, stderr = process.communicate(timeout=PATIENCE_S)
            finally:
                process.kill()
    assert process.returncode == 3
    assert "interrupted" in stdout + stderr
    assert "Traceback" not in stderr


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are seen in /proc")
@pytest.mark.parametrize(
    ("scenarios", "status"),
    [({"b": FAILING, "c": WAITING}, 1), ({"c": WAITING}, 3)],
    ids=["after a failure", "before any verdict"],
)
def test_ctrl_c_keeps_what_was_measured_and_leaves_no_process(
    scenarios: dict[str, str], status: int, tmp_path: Path
) -> None:
    """Interrupted while a scenario waits: partial reports, marked, and the server is gone."""
    for name, text in scenarios.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    mark = f"MSGCHECK_TEST={uuid.uuid4()}"
    name, _, value = mark.partition("=")
    with subprocess.Popen(
        command_line("run", str(tmp_path), "--report-dir", "reports"),
        cwd=tmp_path,
        env={**os.environ, name: value},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            awaited = "own.b-fails" if "b" in scenarios else "playing: "
            while awaited not in (line := process.stdout.readline()):
                assert line, "it ended before it could be interrupted"
            assert any("reference_server" in each for each in left_behind(mark))
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert (process.returncode, stderr) == (status, "")
    assert "interrupted" in stdout
    assert left_behind(mark) == []
    results = results_in(tmp_path / "reports")
    assert results.run.interrupted
    verdicts = {each.id: each.verdict for each in results.scenarios}
    assert verdicts == ({"own.b-fails": "fail"} if status == 1 else {})
    ElementTree.parse(tmp_path / "reports" / "junit.xml")  # noqa: S314  ours


def test_a_target_with_tls_is_judged_when_its_authority_is_trusted(tmp_path: Path) -> None:
    """`--target https://…`, the authority named by `SSL_CERT_FILE`; HTTP and `wss` alike."""
    authority = trustme.CA()
    certfile, trusted = tmp_path / "server.pem", tmp_path / "authority.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certfile)
    authority.cert_pem.write_to_path(trusted)
    options = ("--certfile", str(certfile))
    with serving("reference_server", data=tmp_path / "data", options=options) as url:
        assert url.startswith("https://")
        arguments = ("run", "--target", url, *QUICK)
        judged = msgcheck(*arguments, cwd=tmp_path, SSL_CERT_FILE=str(trusted))
        distrusted = msgcheck(*arguments, cwd=tmp_path)
    assert judged.status == 0, judged.stdout + judged.stderr
    assert distrusted.status == 3
    assert "certificate" in distrusted.stdout + distrusted.stderr
