"""Tests of the reference server's faults."""
