"""From scenario files to what is played: typed variants with their places, or every problem at once.

For each file: read (`positions`), put each combination of the matrix in (`matrix`), check types
(`decoding`) and the language's other rules (`lint`), convert. A file with a problem gives no variants;
the other files still do, so that a linter can show everything that is wrong everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

from msgspec import Struct

from . import matrix
from .catalogue import Catalogue, load_catalogue
from .decoding import Complaint, complaints, convert
from .language.scenario import Scenario
from .lint import lint, unused_parameters
from .positions import Document, read
from .problems import BadInput, Place, Problem, shown
from .values import Json, UnknownReference
from .values import Path as TreePath

SUFFIXES = (".yaml", ".yml")


class Variant(Struct, frozen=True):
    """One scenario as it is played: typed, with its matrix parameters put in."""

    scenario: Scenario
    name: str
    """The id, with the parameters if there are any: ``delivery.resend[via=http]``."""
    params: dict[str, Json]
    document: Document
    """The file, for its places."""

    @property
    def file(self) -> Path:
        """The file it comes from."""
        return self.document.file

    def place(self, path: TreePath) -> Place:
        """Where something begins, ``("steps", 3, "together", 0, 1)`` for example a nested step."""
        return self.document.place(path)

    def where(self, path: TreePath) -> str:
        """The same as ``file:line:column``."""
        place = self.place(path)
        return f"{shown(self.file)}:{place.line}:{place.column}"


class Loaded(Struct, frozen=True):
    """What files gave: variants in the order of their ids, problems in the order of their places."""

    variants: tuple[Variant, ...] = ()
    problems: tuple[Problem, ...] = ()


def load_tree(paths: Iterable[Path], catalogue: Catalogue | None = None) -> Loaded:
    """Load files, and every scenario file below folders. An id may be used once in all of them.

    Raises `BadInput` for a path that leads to no file.
    """
    catalogue = catalogue or load_catalogue()
    variants: list[Variant] = []
    problems: list[Problem] = []
    for path in paths:
        files = scenario_files(path)
        if not files:
            what = "no scenario file in it" if path.exists() else "no such file or folder"
            raise BadInput(f"{shown(path)}: {what}")
        for file in files:
            loaded = load_file(file, catalogue)
            variants += loaded.variants
            problems += loaded.problems
    unique = list({(each.file.resolve(), each.name): each for each in variants}.values())
    problems += _duplicates(unique)
    unique.sort(key=lambda each: each.scenario.id)
    return Loaded(tuple(unique), tuple(sorted(set(problems))))


def scenario_files(path: Path) -> list[Path]:
    """The file itself, or the scenario files below a folder, in order."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())


def load_file(file: Path, catalogue: Catalogue | None = None) -> Loaded:
    """Load one file."""
    return load_document(read(file), catalogue or load_catalogue())


def load_document(document: Document, catalogue: Catalogue) -> Loaded:
    """Load a file that has been read."""
    problems = set(document.problems)
    if not document.values:
        return Loaded(problems=tuple(sorted(problems)))
    if not isinstance(document.value, dict):
        return Loaded(problems=(document.problem((), "a scenario is an object: `id: …`"),))
    variants: list[Variant] = []
    for name, params, tree in _expand(document.value, problems, document):
        found = list(_check(tree, catalogue))
        problems |= {complaint.problem(document) for complaint in found}
        if not problems:
            scenario = convert(tree, Scenario)
            variants.append(Variant(scenario, f"{scenario.id}{name}", params, document))
    return Loaded(() if problems else tuple(variants), tuple(sorted(problems)))


def _check(tree: Mapping[str, Json], catalogue: Catalogue) -> Iterator[Complaint]:
    found = list(complaints(Scenario, tree))
    yield from found
    yield from lint(tree, {complaint.path for complaint in found}, catalogue)


def _expand(
    tree: dict[str, Json], problems: set[Problem], document: Document
) -> Iterator[tuple[str, matrix.Params, dict[str, Json]]]:
    """Each combination with its name; a matrix that is none counts as absent (types tell)."""
    parameters = tree.get("matrix", {})
    if not _is_matrix(parameters) or not parameters:
        yield "", {}, tree
        return
    count = prod(len(values) for values in parameters.values())
    if not 0 < count <= matrix.MAX_VARIANTS:
        message = f"this matrix has {count} combinations, not 1 to {matrix.MAX_VARIANTS}"
        problems.add(document.key_problem(("matrix",), message))
        return
    problems |= {complaint.problem(document) for complaint in unused_parameters(tree)}
    named = zip(matrix.names(parameters), matrix.combinations(parameters), strict=True)
    for name, params in named:
        try:
            yield f"[{name}]", params, matrix.apply(tree, params)
        except UnknownReference as error:
            message = f"for {name}: {error}"
            problems.add(document.key_problem(("matrix",), message))


def _is_matrix(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(values, list) for values in value.values())


def _duplicates(variants: Iterable[Variant]) -> Iterator[Problem]:
    first: dict[str, Variant] = {}
    for variant in variants:
        other = first.setdefault(variant.scenario.id, variant)
        if other.file != variant.file:
            where = other.where(("id",))
            message = f"the id `{variant.scenario.id}` is taken already, in {where}"
            yield variant.document.problem(("id",), message)
