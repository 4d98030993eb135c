"""Tests of judging the suite by its mutants."""
