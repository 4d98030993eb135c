"""What the load generator costs: its own CPU for each verified message, against the target of 60 µs.

`python -m tests.benchmarks.load_generator` loads the reference server (both on this machine) and prints what
the record of the run says of the generator. A message counts when it is stored, delivered, acknowledged,
told back to its sender, and checked. CPU is the operating system's, of the generator's processes, from
the warm-up to the end of the last message; it depends on the load, so compare equal ones.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from reports.load_model import LoadResults, load


def measure(rate: int, users: int, seconds: int) -> LoadResults:
    """The record of one run."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *(sys.executable, "-m", "conformance", "load", "--report-dir", folder),
                *("--rate", f"{rate}/s", "--users", str(users)),
                *("--warmup", "2s", "--duration", f"{seconds}s"),
            ],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        return load(Path(folder) / "results.json")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    for _ in range(options.runs):
        record = measure(options.rate, options.users, options.seconds)
        generator = record.generator
        print(
            f"  {generator.cpu_us_per_message:6.1f} µs of generator CPU per verified message   "
            f"lag p99 {generator.lag_p99:6.2f} ms   {record.counts.verified} messages   "
            f"{record.verdict}"
        )


if __name__ == "__main__":
    main()
