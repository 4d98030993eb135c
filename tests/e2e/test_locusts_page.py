"""`msgcheck load --web` in a real browser: Locust's page, with the hops as its rows.

With ``MSGCHECK_SCREENSHOTS=FOLDER`` a picture is kept.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Response, expect

from reports.load_model import load
from tests.reports.browser import chromium

from .loading import ended, free_port, loading, patient

PATIENCE_MS = 30_000


@pytest.mark.parametrize("processes", ["1", "2"])
def test_hops_are_rows_of_locusts_page_and_its_stop_gives_no_verdict(
    processes: str, tmp_path: Path
) -> None:
    """Nothing on the page fails; and who stops the users there is not told that the server is slow."""
    budget = patient(tmp_path, "users: 4, pairs: random", duration="60s")
    web = f"127.0.0.1:{free_port()}"
    troubles: list[str] = []

    def logged(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            troubles.append(message.text)

    def answered(response: Response) -> None:
        if response.status >= 400 or not response.url.startswith(f"http://{web}/"):
            troubles.append(f"{response.status} {response.url}")

    with (
        chromium() as browser,
        loading(tmp_path, "--budget", budget, "--web", web, "--processes", processes) as command,
    ):
        assert command.stdout is not None
        for line in command.stdout:
            if line.startswith("warming up"):
                break
        page = browser.new_page()
        page.on("console", logged)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("response", answered)
        page.goto(f"http://{web}/")
        for hop in ("send_to_sent", "send_to_delivered", "delivered_to_status", "read_to_status"):
            row = page.get_by_role("row").filter(has_text=f"HOP{hop}")
            expect(row).to_be_visible(timeout=PATIENCE_MS)
        if folder := os.environ.get("MSGCHECK_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / "locusts-page.png")
        assert troubles == []
        page.get_by_role("button", name="Stop").click()
        done = ended(command)
    assert done.status == 3, done.stdout + done.stderr
    record = load(tmp_path / "msgcheck-load" / "results.json")
    assert "the users were stopped before the end" in record.reasons[0]
    assert record.counts.verified > 0
