"""The scenario language, as types.

A scenario file is decoded into these structs and into nothing else, so this package is the language's
only definition: the loader's errors, the published JSON Schema (`specs/scenario.schema.json`) and the
engine all follow from it::

    scenario ── who is there, what is given
       └─ step ── one verb with its modifiers; branches and loops hold further steps
            └─ realtime, messaging, media, accounts, encryption, escapes ── what each verb takes
                 └─ nodes ── names, values, patterns

`grammar` says what types cannot: who performs a verb, and which modifiers go with it.

Three ideas carry it:

* **Actors and devices are nouns.** ``as: bob.phone`` performs a verb; ``on: bob.phone`` looks at what
  that device's connection received. ``bob`` alone is his only device.
* **A step is one verb**, a key of `step.Step`, whose value is that verb's arguments. What a verb
  answers can be kept (``save``), looked at (``match``), or expected to be refused (``fails``).
* **Values may be references.** Wherever a field is a `nodes.Value`, ``$name.path`` stands for a whole
  typed value saved earlier and ``${name.path}`` for its text inside a longer string.

The verbs belong to messaging, not to one protocol: each goes through `adapters.base`, so another
protocol's adapter can play the same scenarios. Only ``request``, ``frame`` and ``bytes`` (`escapes`)
are the messenger adapter's own. `steps` has a module for each module of verbs here: what they do.
"""
