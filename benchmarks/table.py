"""The benchmarks by name: what each measures, its targets, and how large it is.

A target is of a machine with two cores and nothing else to do. CPU figures are told in any case; where one
is missed, the docs/decisions say what was tried.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from reports.load_model import load

from . import connecting, fetching, talking
from .figures import Measure
from .serving import NotMeasured

Values = Mapping[str, float]
"""The figures of one run, by the names of their measures."""


class Size(Struct, frozen=True):
    """How much a run does."""

    pairs: int
    messages: int
    """Of each pair, in a closed loop with 8 in flight."""
    members: int
    """Of the group."""
    seconds: int
    """Of a steady rate."""
    pages: int
    megabytes: int
    connections: int


FULL: Final = Size(
    pairs=20, messages=1_000, members=50, seconds=20, pages=1_000, megabytes=50, connections=2_000
)
QUICK: Final = Size(
    pairs=4, messages=20, members=8, seconds=1, pages=40, megabytes=2, connections=50
)


class Benchmark(Struct, frozen=True):
    """One run of it gives a value for each of its measures."""

    run: Callable[[Size], Values]
    measures: tuple[Measure, ...]


def _one_to_one(size: Size) -> Values:
    return {
        "one-to-one-1": talking.closed_loop(size.pairs, max(size.messages // 4, 5), 1, "text"),
        "one-to-one-8": talking.closed_loop(size.pairs, size.messages, 8, "text"),
        "one-to-one-8-msgpack": talking.closed_loop(size.pairs, size.messages, 8, "msgpack"),
    }


def _steady(size: Size) -> Values:
    steady = talking.direct_at_rate(200, 200 * size.seconds, size.pairs)
    return {
        "steady-cpu": steady.cpu_us,
        "steady-p50": steady.percentile(50),
        "steady-p99": steady.percentile(99),
    }


def _group(size: Size) -> Values:
    steady = talking.group_at_rate(20, 20 * size.seconds, size.members)
    return {"group-cpu": steady.cpu_us, "group-p99": steady.percentile(99)}


def _media(size: Size) -> Values:
    up, down = fetching.up_and_down(size.megabytes, 4)
    plain = fetching.plain_download(size.megabytes, 4)
    return {
        "upload-rate": up.mb_per_s,
        "upload-cpu": up.cpu_ms_per_mb,
        "download-rate": down.mb_per_s,
        "download-cpu": down.cpu_ms_per_mb,
        "plain-download-rate": plain.mb_per_s,
        "plain-download-cpu": plain.cpu_ms_per_mb,
    }


def _connecting(size: Size) -> Values:
    made = connecting.connections(size.connections)
    return {
        "connects": made.per_second,
        "connect-cpu": made.cpu_us,
        "idle-memory": made.memory_kib,
        "start": made.started_s,
    }


def _suite(_: Size) -> Values:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        _msgcheck(folder, "run")
        return {"suite": time.perf_counter() - began}


def _generator(size: Size) -> Values:
    with tempfile.TemporaryDirectory() as folder:
        duration = f"{max(size.seconds // 2, 2)}s"
        record_file = _msgcheck(
            *(folder, "load", "--rate", "2000/s", "--users", "200"),
            *("--warmup", "2s", "--duration", duration),
        )
        record = load(record_file)
    return {"generator-cpu": record.generator.cpu_us_per_message}


def _msgcheck(report_dir: str, *command: str) -> Path:
    """Run it to its end for what it costs; its record. Its verdict is not the question."""
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "conformance", *command, "--report-dir", report_dir],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    record = Path(report_dir) / "results.json"
    if not record.exists():
        raise NotMeasured(f"`msgcheck {command[0]}` left no record: {done.stderr.strip()}")
    return record


_CPU_MESSAGE = "µs CPU/message"

BENCHMARKS: Final[Mapping[str, Benchmark]] = {
    "one-to-one": Benchmark(
        _one_to_one,
        (
            Measure("one-to-one-1", "one-to-one, 20 pairs, 1 in flight", _CPU_MESSAGE),
            Measure("one-to-one-8", "one-to-one, 20 pairs, 8 in flight", _CPU_MESSAGE, 80),
            Measure("one-to-one-8-msgpack", "the same in MessagePack", _CPU_MESSAGE, 80),
        ),
    ),
    "steady": Benchmark(
        _steady,
        (
            Measure("steady-cpu", "one-to-one at 200/s", _CPU_MESSAGE, 350),
            Measure("steady-p50", "its latency, p50", "ms", 1.2),
            Measure("steady-p99", "its latency, p99", "ms", 4),
        ),
    ),
    "group": Benchmark(
        _group,
        (
            Measure("group-cpu", "group of 50 at 20/s, silent", "µs CPU/delivery", 40),
            Measure("group-p99", "its latency, p99", "ms", 6),
        ),
    ),
    "history": Benchmark(
        lambda size: {"history-page": fetching.history_page_ms(size.pages)},
        (Measure("history-page", "a page of 50 messages over HTTP", "ms CPU", 1.2),),
    ),
    "media": Benchmark(
        _media,
        (
            Measure("upload-rate", "upload", "MB/s", better="higher"),
            Measure("upload-cpu", "upload", "ms CPU/MB"),
            Measure("download-rate", "download", "MB/s", better="higher"),
            Measure("download-cpu", "download", "ms CPU/MB"),
            Measure("plain-download-rate", "from a plain file server", "MB/s", better="higher"),
            Measure("plain-download-cpu", "from a plain file server", "ms CPU/MB"),
        ),
    ),
    "connecting": Benchmark(
        _connecting,
        (
            Measure("connects", "connections made", "per second", better="higher"),
            Measure("connect-cpu", "to make one", "µs CPU"),
            Measure("idle-memory", "an idle connection", "KiB", 30),
            Measure("start", "start of the server", "s"),
        ),
    ),
    "suite": Benchmark(_suite, (Measure("suite", "the whole conformance suite", "s", 15),)),
    "generator": Benchmark(
        _generator,
        (Measure("generator-cpu", "load generator at 2,000/s", "µs CPU/verified message", 60),),
    ),
}
