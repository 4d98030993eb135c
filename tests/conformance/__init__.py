"""The conformance suite: its language, engine, adapters and checkers."""
