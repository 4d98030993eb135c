"""The conformance suite: scenarios played against a chat server over real sockets, and judged.

From YAML to verdict::

    loader ─> campaign ─> engine ─> history ─> checkers ─> verdicts
    (typed,   (side by    (Trio;    (what      (pure:      (by requirement,
     placed)   side)      adapters) happened)  violations) with evidence)

`language` is what a scenario may say, `adapters` speak a protocol for it, `checkers` see everything that
happened and not only what an author thought of. Nothing here imports the reference server: both
answer to `specs/`, and the server is started as a process like any other.
"""
