"""Exploring: scenarios that nobody wrote, drawn from a seed, played, judged and shrunk.

    draw ─▶ plan (moves) ─▶ write (against a world) ─▶ scenario ─▶ engine, checkers ─▶ shrink ─▶ file

A *plan* is a cast and a list of *moves*: alice.phone sends m7, bob leaves. A move names what it is about and
says nothing of what must come of it. *Writing* a plan goes through the moves with a *world*, a model of what
the contract says must be the case by now, and turns each move into steps of the scenario language with the
answer that is due: success with this seq, or this refusal. A move that makes no sense any more is left
out. So every part of a plan is a plan, every plan gives a right scenario, and shrinking is
taking moves away.

The world is cautious: where the contract leaves an answer open, or the order of what happens at the same time
decides, it expects nothing, and the checkers, which see the whole history, have the word.
"""
