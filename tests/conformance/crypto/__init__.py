"""Tests of the client's side of end-to-end encryption."""
