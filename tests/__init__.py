"""Tests, one folder for each package; `e2e` runs the programs as a user does."""
