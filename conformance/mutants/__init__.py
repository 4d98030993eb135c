"""Judging the suite itself: it must catch every broken server, and accuse no healthy one.

    faults ─▶ trials (a `msgcheck run` each, in a process of its own) ─▶ kills ─▶ matrix, bars

`trials` runs the suite against a server with a fault, `judging` decides what of that counts as having
caught it, `command` is the command line. The record is `reports.mutants_model`.
"""
