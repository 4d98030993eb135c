"""Benchmarks: they print figures and judge none. Run one with `python -m tests.benchmarks.NAME`."""
