"""Decisions, tested without any I/O."""
