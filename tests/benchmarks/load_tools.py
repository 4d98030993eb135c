"""What other load tools cost for the same conversation: CPU of the tool for each message, unverified.

`python -m tests.benchmarks.load_tools` loads the reference server with as many people in pairs as
`msgcheck bench --only generator` does, at the same rate, with k6 (`load_tools.js`) and with plain Locust over
websocket-client (`plain_locust.py`). Each sends a text at even intervals, decodes every frame, and
acknowledges what comes. They check nothing: no order, no loss, no latency, no history.

CPU is the operating system's, of the tool's process, in a window of its steady load; messages are what the
server stored in that window, as a few of the conversations show. Needs `pip install
messenger-conformance[bench]`; a tool that is missing is left out, and says so.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Final

import httpx
import msgspec

from benchmarks.serving import cpu_seconds
from tests.e2e.processes import serving

HERE: Final = Path(__file__).parent
PASSWORD: Final = "correct horse"
PATIENCE_S: Final = 60
SAMPLE: Final = 5
"""Conversations that are asked how far they are; asking all of them would take longer than the window."""
SETTLING_S: Final = 2
"""From the first message to the window."""


class Target:
    """A server with its people, and what it has stored."""

    def __init__(self, url: str, users: int) -> None:
        self._http = httpx.Client(base_url=url, timeout=PATIENCE_S)
        names = [f"user-{number}" for number in range(users)]
        self._tokens = dict(zip(names, map(self._register, names), strict=True))
        self._conversations = [
            (self._create(names[at], names[at + 1]), names[at]) for at in range(0, users, 2)
        ]
        self.people = [
            {"token": self._tokens[name], "conversation": conversation}
            for conversation, first in self._conversations
            for name in (first, names[names.index(first) + 1])
        ]

    def _register(self, name: str) -> str:
        credentials = {"user_id": name, "password": PASSWORD}
        self._http.post("/v1.0/users", json=credentials).raise_for_status()
        session = self._http.post("/v1.0/sessions", json=credentials).raise_for_status()
        return str(session.json()["token"])

    def _create(self, creator: str, other: str) -> str:
        made = self._http.post(
            "/v1.0/conversations",
            json={"kind": "direct", "members": [other]},
            headers=self._as(creator),
        ).raise_for_status()
        return str(made.json()["conversation_id"])

    def stored(self) -> float:
        """How many messages there are, from a few of the conversations: all are loaded alike."""
        some = self._conversations[:SAMPLE]
        heads: list[int] = [
            self._http.get(f"/v1.0/conversations/{name}", headers=self._as(user)).json()["head_seq"]
            for name, user in some
        ]
        return sum(heads) / len(some) * len(self._conversations)

    def _as(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[name]}"}


@contextmanager
def running(command: Sequence[str]) -> Iterator[int]:
    """A tool's process id, until the end of the block."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def measure(command: Sequence[str], target: Target, seconds: float) -> tuple[float, float]:
    """Microseconds of CPU for each message, and messages per second."""
    before = target.stored()
    with running(command) as pid:
        deadline = time.monotonic() + PATIENCE_S
        while target.stored() == before:
            if time.monotonic() > deadline:
                raise SystemExit(f"{command[0]} sent nothing")
        time.sleep(SETTLING_S)
        stored, spent, began = target.stored(), cpu_seconds(pid), time.monotonic()
        time.sleep(seconds)
        messages, cpu = target.stored() - stored, cpu_seconds(pid) - spent
        return cpu / messages * 1e6, messages / (time.monotonic() - began)


def tools(job: Path, users: int) -> dict[str, list[str] | None]:
    """The command of each tool; None if it is not installed."""
    k6 = which("k6", path=str(Path(sys.executable).parent)) or which("k6")
    script = str(HERE / "load_tools.js")
    locust = [
        *(sys.executable, "-m", "locust", "--headless", "--users", str(users)),
        *("--spawn-rate", str(users), "--locustfile", str(HERE / "plain_locust.py")),
        *("--host", str(job)),
    ]
    return {
        "k6": None if k6 is None else [k6, "run", "--quiet", "--env", f"JOB={job}", script],
        "plain Locust, websocket-client": locust if find_spec("websocket") else None,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.json"
        for tool, command in tools(job, options.users).items():
            if command is None:
                print(f"  {tool}: not installed (pip install messenger-conformance[bench])")
                continue
            data = Path(folder) / tool
            with serving("reference_server", data=data, options=("--throwaway-accounts",)) as url:
                target = Target(url, options.users)
                every_ms = 1000 * options.users / options.rate
                job.write_bytes(
                    msgspec.json.encode({"url": url, "every_ms": every_ms, "people": target.people})
                )
                cost, rate = measure(command, target, options.seconds)
            print(
                f"  {cost:6.1f} µs of CPU per message, unverified   {tool}   {rate:.0f} messages/s"
            )


if __name__ == "__main__":
    main()
