"""The page `docs/faults.md`: ``python -m reference_server.faults.page > docs/faults.md``.

A test fails while the page is out of date.
"""

from __future__ import annotations

import sys

from . import AREAS, FAULTS
from .seams import faults_of

_HEAD = """\
# Faults

The reference server can be broken on purpose, in one of {count} ways that chat servers have really been broken
in. Each breaks the requirements that stand beside it, and nothing that it need not.

```sh
msgcheck run --fault statuses-fall              # what does a failing report look like?
msgcheck serve --fault statuses-fall            # a broken server, to try another suite or a client on
msgcheck mutants                                # does the suite catch every one of them?
msgcheck mutants --fault statuses-fall STA-3    # this one, by the scenarios of STA-3
```

A server with a fault says so on standard error and in its log. `--fault` may be given more than once, and
`--fault-seed` decides when a fault strikes that strikes rarely. Each is a few lines in
`reference_server/faults/` that wrap one function of the server, in the process that was asked for it; the
healthy server imports none of it.

This page is made by `python -m reference_server.faults.page`.
"""


def text() -> str:
    """The page."""
    parts = [_HEAD.format(count=len(FAULTS))]
    for area in AREAS:
        title = (area.__doc__ or "").partition("\n")[0].rstrip(".")
        rows = [
            f"| `{each.name}` | {' '.join(each.breaks)} | {each.shows} |"
            for each in faults_of(area)
        ]
        parts.append(
            "\n".join(
                (
                    f"## {title}\n",
                    "| fault | breaks | what shows |",
                    "| --- | --- | --- |",
                    *rows,
                    "",
                )
            )
        )
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(text())
