"""Decisions without I/O: what may happen, and what follows. Time and randomness are passed in."""
