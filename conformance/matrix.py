"""A scenario with a ``matrix`` stands for several: one *variant* for each combination of values.

The parameters are put into the plain tree before anything is typed, as if their values had been
written there: a whole string ``$via`` becomes the value with its type, ``${via}`` its text inside a
longer string. So a parameter may stand anywhere, for a verb's whole arguments too, and may itself
speak of what the scenario saves. The matrix is the one thing that does not see its own names.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping

from .values import Json, substitute

MAX_VARIANTS = 1_000

Params = dict[str, Json]


def combinations(matrix: Mapping[str, list[Json]]) -> Iterator[Params]:
    """Every combination, the first parameter turning slowest. An empty matrix has one: none."""
    for values in itertools.product(*matrix.values()):
        yield dict(zip(matrix, values, strict=True))


def apply(tree: Mapping[str, Json], params: Params) -> dict[str, Json]:
    """The scenario with `params` put in. Raises `values.UnknownReference` for a path into nothing."""
    return {
        key: value if key == "matrix" else substitute(value, params) for key, value in tree.items()
    }


def names(matrix: Mapping[str, list[Json]]) -> list[str]:
    """How each combination is called, in the order of :func:`combinations`: ``via=http,limit=3``.

    A value is called by itself if it is a plain one, by its member ``name`` if it is an object that
    has one, and by its position, from 1, otherwise.
    """
    labels = [
        [f"{name}={_label(value, number)}" for number, value in enumerate(values, 1)]
        for name, values in matrix.items()
    ]
    for column in labels:
        for number, label in enumerate(column, 1):
            if column.count(label) > 1:
                column[number - 1] = f"{label}#{number}"
    return [",".join(combination) for combination in itertools.product(*labels)]


def _label(value: Json, number: int) -> str:
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        value = value["name"]
    if isinstance(value, Mapping | list):
        return str(number)
    text = value if isinstance(value, str) else json.dumps(value)
    plain = 0 < len(text) <= 40 and text.isprintable() and not set(text) & set("[],=")
    return text if plain else str(number)
