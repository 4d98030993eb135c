"""Which faults exploring finds by itself, and how soon.

    python -m tests.benchmarks.explore_faults --time 60 --share 1/2 > one.jsonl
    python -m tests.benchmarks.explore_faults --table one.jsonl two.jsonl

For each fault of the reference server: a server with it, and a search until something fails, as
`msgcheck explore` does before it makes that smaller. Prints one line of JSON for each: how long it took, and
whether what failed blames a requirement that the fault breaks. ``--share 1/2`` takes every second fault, so
that two processes can divide the work; ``--table`` makes of their lines what `docs/explore.md` shows.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trio

from conformance.adapters.messenger import MessengerAdapter
from conformance.catalogue import Catalogue, load_catalogue
from conformance.embedded import embedded_server
from conformance.engine import Stage
from conformance.explore.search import HarnessFault, Search
from conformance.faults import Fault, choose_faults, known_faults
from conformance.patience import Patience
from conformance.sentinels import Sentinels

OUT_OF_REACH = {
    *("AST-5", "DLV-8", "EPH-1", "EPH-2", "LIM-1", "LIM-2", "RT-6", "RT-8", "SEC-3", "STA-9"),
}
"""Requirements that no move is about: those of restarts, lifetimes, rates, and of what is ephemeral."""


async def hunted(
    fault: Fault, seed: int, seconds: float, catalogue: Catalogue
) -> dict[str, object]:
    """The search against one fault."""
    options = ("--fault", fault.name, "--fault-seed", str(seed))
    told: dict[str, object] = {"fault": fault.name, "breaks": fault.breaks, "found": False}
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_server(Path(folder) / "server.log", options) as server:
            patience = Patience()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(patience.watch)
                adapter = MessengerAdapter(server.url, patience)
                stage = Stage(
                    adapter=adapter,
                    target=await adapter.discover(),
                    patience=patience,
                    seed=seed,
                    sentinels=Sentinels(seed),
                )
                search = Search(stage, catalogue, jobs=8)
                began = trio.current_time()
                try:
                    caught = await search.catch(began + seconds)
                except HarnessFault as trouble:
                    caught = None
                    told["trouble"] = str(trouble)[-300:]
                told |= {
                    "seconds": round(trio.current_time() - began, 1),
                    "plans": search.tally.plans,
                }
                if caught is not None:
                    blamed = sorted({e for each in caught.findings for e in each.requirements})
                    told |= {
                        "found": True,
                        "blamed": blamed,
                        "seen": caught.findings[0].message[:200],
                    }
                    told["named"] = not set(fault.breaks).isdisjoint(blamed)
                nursery.cancel_scope.cancel()
    return told


def table(lines: list[dict[str, Any]]) -> str:
    """The outcomes as Markdown: how many there are of each, and which faults these are."""
    groups: dict[str, list[dict[str, Any]]] = {
        "found, and blamed for what it breaks": [],
        "found, by something else that is broken with it": [],
        "not found": [],
        "out of reach: no move is about it": [],
    }
    named, found, missed, beyond = groups.values()
    for line in lines:
        if line["found"]:
            (named if line["named"] else found).append(line)
        else:
            (missed if line.get("hunted", True) else beyond).append(line)
    rows = ["| | faults | which |", "| --- | --- | --- |"]
    for words, those in groups.items():
        names = " ".join(sorted(f"`{each['fault']}`" for each in those))
        rows.append(f"| {words} | {len(those)} of {len(lines)} | {names} |")
    return "\n".join([*rows, "", *_figures([*named, *found])])


def _figures(found: list[dict[str, Any]]) -> Iterator[str]:
    for what in ("seconds", "plans"):
        values = sorted(each[what] for each in found)
        yield f"{what} until found: median {values[len(values) // 2]}, at most {values[-1]}"


def main() -> None:
    """Hunt the faults of the share."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--time", type=float, default=60.0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--share", default="1/1")
    options.add_argument("--fault", action="append", default=[])
    options.add_argument("--table", nargs="+", type=Path, metavar="FILE")
    chosen = options.parse_args()
    if chosen.table:
        print(table([json.loads(line) for file in chosen.table for line in file.open()]))
        return
    part, parts = map(int, chosen.share.split("/"))
    known = known_faults()
    faults = choose_faults(chosen.fault, known) if chosen.fault else known[part - 1 :: parts]
    catalogue = load_catalogue()
    for fault in faults:
        if OUT_OF_REACH.issuperset(fault.breaks):
            print(json.dumps({"fault": fault.name, "found": False, "hunted": False}), flush=True)
            continue
        told = trio.run(hunted, fault, chosen.seed, chosen.time, catalogue)
        print(json.dumps(told, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
