"""What a run found, for people and for machines.

`model` is the document (`results.json`, its schema in `specs/results.schema.json`); `terminal` and
`junit` are views of it. Nothing here runs anything, and nothing here knows how results come about.
"""
