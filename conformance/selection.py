"""Choosing scenarios: by selectors, and by an expression like pytest's ``-k``.

A selector is a file or folder, a scenario's id or the beginning of one up to a dot (``status``), the
name of one variant, a requirement's id, or a tag. Several selectors choose what any of them chooses.
Files and folders bring their own scenarios; every other selector chooses among the published ones.
What chooses nothing is a mistake, never an empty run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from reports.text import count

from . import resources
from .catalogue import Catalogue
from .coverage import proved
from .loader import Variant, load_tree
from .problems import BadInput, closest, shown

Condition = Callable[[str], bool]
"""Whether a text, in lower case, is wanted."""


def choose(
    selectors: Sequence[str],
    expression: str | None,
    catalogue: Catalogue,
    *,
    published: Path | None = None,
) -> tuple[Variant, ...]:
    """The variants that selectors and expression choose, in the order of their ids.

    Raises `BadInput` for a scenario file with problems, for a selector that means nothing, and when
    nothing is left.
    """
    if "" in selectors:
        raise BadInput("an empty SELECTOR chooses nothing: leave it out to choose everything")
    condition = parse_expression(expression) if expression is not None else _anything
    paths = [Path(selector) for selector in selectors if _is_path(selector)]
    names = [selector for selector in selectors if not _is_path(selector)]
    found = list(load(paths, catalogue)) if paths else []
    if names or not paths:
        shipped = load([published or resources.SCENARIOS], catalogue)
        found += (
            shipped
            if not names
            else [each for name in names for each in _named(name, shipped, catalogue)]
        )
    wanted = {
        (variant.scenario.id, variant.name): variant
        for variant in found
        if condition(_searched(variant))
    }
    if not wanted:
        raise BadInput(f"-k {expression!r} matches nothing in {count(len(found), 'variant')}")
    return tuple(wanted[key] for key in sorted(wanted))


def load(paths: Sequence[Path], catalogue: Catalogue | None = None) -> tuple[Variant, ...]:
    """The scenarios of files and folders. Raises `BadInput` with every problem in them."""
    loaded = load_tree(paths, catalogue)
    if loaded.problems:
        end = f"{count(len(loaded.problems), 'problem')} in scenario files: nothing is chosen"
        raise BadInput("\n".join((*map(str, loaded.problems), end)))
    return loaded.variants


def selector_of(variant: Variant) -> str:
    """What chooses this variant, in this folder: its name, or the file of one that is not published."""
    published = variant.file.resolve().is_relative_to(resources.SCENARIOS)
    return variant.name if published else shown(variant.file)


def _is_path(selector: str) -> bool:
    name, _, _parameters = selector.partition("[")  # whose values may have slashes of their own
    looks_like_one = "/" in name or selector.endswith((".yaml", ".yml")) or selector == "."
    return looks_like_one or Path(selector).exists()


def _named(name: str, variants: Sequence[Variant], catalogue: Catalogue) -> list[Variant]:
    found = [variant for variant in variants if _answers_to(variant, name)]
    if found:
        return found
    if name in catalogue.requirements:
        raise BadInput(f"no scenario proves `{name}` yet: `msgcheck coverage` shows what is proved")
    near = closest(name, _known_names(variants, catalogue))
    hint = f"did you mean `{near}`?" if near else "`msgcheck list` shows what there is"
    raise BadInput(f"`{name}` is no file, scenario, requirement or tag that is known here: {hint}")


def _answers_to(variant: Variant, name: str) -> bool:
    scenario = variant.scenario
    return (
        name in (variant.name, scenario.id)
        or scenario.id.startswith(name + ".")
        or name in scenario.tags
        or name in proved(scenario)
    )


def _known_names(variants: Sequence[Variant], catalogue: Catalogue) -> list[str]:
    names: dict[str, None] = dict.fromkeys(catalogue.requirements)
    for variant in variants:
        scenario = variant.scenario
        names |= dict.fromkeys((scenario.id.split(".")[0], scenario.id, variant.name))
        names |= dict.fromkeys(scenario.tags)
    return list(names)


def _searched(variant: Variant) -> str:
    """What an expression's words are looked for in."""
    return " ".join((variant.name, variant.scenario.title, *variant.scenario.tags)).lower()


def _anything(_text: str) -> bool:
    return True


# ── the expression ────────────────────────────────────────────────────────────────────────────
#
#     either := both ("or" both)*      both := one ("and" one)*
#     one    := "not" one | "(" either ")" | word

_WORDS: Final = re.compile(r"[()]|[^\s()]+")
_OPERATORS: Final = frozenset({"and", "or", "not", "(", ")"})


def parse_expression(text: str) -> Condition:
    """A condition from ``and``, ``or``, ``not``, parentheses and words to be found in a text.

    Raises `BadInput` for anything else.
    """
    parser = _Expression(text)
    condition = parser.either()
    parser.end()
    return condition


class _Expression:
    def __init__(self, text: str) -> None:
        self._text = text
        self._words = _WORDS.findall(text.lower())

    def either(self) -> Condition:
        left = self._both()
        while self._take("or"):
            left = _or(left, self._both())
        return left

    def _both(self) -> Condition:
        left = self._one()
        while self._take("and"):
            left = _and(left, self._one())
        return left

    def _one(self) -> Condition:
        if self._take("not"):
            return _not(self._one())
        if self._take("("):
            inner = self.either()
            if not self._take(")"):
                raise self._wrong("`)`")
            return inner
        if not self._words or self._words[0] in _OPERATORS:
            raise self._wrong("a word")
        return _contains(self._words.pop(0))

    def end(self) -> None:
        if self._words:
            raise self._wrong("`and` or `or`")

    def _take(self, word: str) -> bool:
        if self._words[:1] != [word]:
            return False
        del self._words[0]
        return True

    def _wrong(self, expected: str) -> BadInput:
        found = f"`{self._words[0]}`" if self._words else "its end"
        return BadInput(
            f"-k {self._text!r} cannot be understood: {expected} is missing before {found}. "
            "It is made of words, `and`, `or`, `not` and parentheses."
        )


def _contains(word: str) -> Condition:
    return lambda text: word in text


def _not(inner: Condition) -> Condition:
    return lambda text: not inner(text)


def _and(left: Condition, right: Condition) -> Condition:
    return lambda text: left(text) and right(text)


def _or(left: Condition, right: Condition) -> Condition:
    return lambda text: left(text) or right(text)
