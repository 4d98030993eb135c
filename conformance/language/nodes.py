"""What every part of the scenario language is made of: nodes, names, values, patterns.

The modules of verbs, `step` and `scenario` build the language from these.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

Value = Any
"""A YAML value in which ``$name.path`` and ``${name.path}`` are replaced before use."""

Matcher = Any
"""A pattern for a value: objects are open, lists exact, ``{$regex: …}`` and its kin match by rule."""

Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]*$",
        max_length=40,
        description="a name of lower-case letters, digits and `_`, beginning with a letter",
    ),
]
RequirementId = Annotated[
    str, Meta(pattern=r"^[A-Z]+-[0-9]+$", description="a requirement's id like `ORD-4`")
]
Requirements = Annotated[list[RequirementId], Meta(min_length=1)]
"""What is proved by something, and broken when it fails: never nothing."""
Capability = Annotated[
    str, Meta(pattern=r"^[a-z0-9_.]+$", description="a capability's name like `groups`")
]


class Node(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every part of a scenario is: frozen, and strict about unknown keys."""
