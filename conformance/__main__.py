"""`python -m conformance` is `msgcheck`."""

from .cli import main

main(prog_name="msgcheck")
